// Painting digits as soft strokes on 28 × 28 pixels. No DOM here.

export const SIDE = 28;
const RADIUS = 1.25;

/** Ten digits as lines through points (column, row), for those who would rather not paint. */
const EXAMPLES = [
  [[14, 5, 10, 7, 8, 13, 9, 20, 14, 23, 19, 20, 20, 13, 18, 7, 14, 5]],
  [[11, 9, 15, 5, 15, 23]],
  [[9, 9, 12, 5, 17, 6, 18, 10, 14, 16, 9, 22, 14, 21, 20, 22]],
  [[9, 7, 13, 5, 18, 7, 17, 11, 13, 13, 18, 15, 19, 19, 15, 23, 9, 21]],
  [
    [11, 5, 9, 14, 19, 14],
    [17, 8, 17, 23],
  ],
  [[18, 5, 11, 5, 10, 12, 15, 11, 19, 15, 17, 21, 12, 23, 9, 21]],
  [[17, 5, 12, 9, 9, 16, 11, 22, 16, 22, 19, 18, 16, 15, 11, 17]],
  [[8, 6, 19, 6, 15, 14, 12, 23]],
  [[14, 13, 9, 9, 13, 5, 18, 8, 14, 13, 9, 18, 13, 23, 18, 19, 14, 13]],
  [[18, 10, 14, 13, 10, 10, 12, 6, 17, 6, 18, 10, 17, 17, 15, 23]],
];

/** Ink along a line from (c0, r0) to (c1, r1), in pixels; the darker of old and new ink stays. */
export function stroke(pixels, [c0, r0], [c1, r1]) {
  const length2 = (c1 - c0) ** 2 + (r1 - r0) ** 2;
  const rows = [Math.min(r0, r1) - 3, Math.max(r0, r1) + 3].map(Math.round);
  const cols = [Math.min(c0, c1) - 3, Math.max(c0, c1) + 3].map(Math.round);
  for (let r = Math.max(rows[0], 0); r <= Math.min(rows[1], SIDE - 1); r++) {
    for (let c = Math.max(cols[0], 0); c <= Math.min(cols[1], SIDE - 1); c++) {
      const along = length2
        ? Math.min(Math.max(((c - c0) * (c1 - c0) + (r - r0) * (r1 - r0)) / length2, 0), 1)
        : 0;
      const away = Math.hypot(c - c0 - along * (c1 - c0), r - r0 - along * (r1 - r0));
      const ink = Math.round(255 * Math.min(Math.max(RADIUS + 0.5 - away, 0), 1));
      pixels[r * SIDE + c] = Math.max(pixels[r * SIDE + c], ink);
    }
  }
}

export function example(digit) {
  const pixels = new Uint8Array(SIDE * SIDE);
  for (const line of EXAMPLES[digit]) {
    for (let i = 0; i + 3 < line.length; i += 2)
      stroke(pixels, [line[i], line[i + 1]], [line[i + 2], line[i + 3]]);
  }
  return pixels;
}

/** The same ink with its centre of mass in the middle, as the digits that the net has learnt from; cut at the edge. */
export function centre(pixels) {
  let [mass, rows, cols] = [0, 0, 0];
  pixels.forEach((ink, at) => {
    mass += ink;
    rows += ink * Math.floor(at / SIDE);
    cols += ink * (at % SIDE);
  });
  const moved = new Uint8Array(SIDE * SIDE);
  if (!mass) return moved;
  const [down, across] = [Math.round(13.5 - rows / mass), Math.round(13.5 - cols / mass)];
  pixels.forEach((ink, at) => {
    const [r, c] = [Math.floor(at / SIDE) + down, (at % SIDE) + across];
    if (r >= 0 && r < SIDE && c >= 0 && c < SIDE) moved[r * SIDE + c] = ink;
  });
  return moved;
}
