// Images that come with the page: small enough to be checked by hand. No DOM here.

import { fromRows, matrix } from "./convolve.js";

const F = 255;

/** The 10 × 10 table of the lecture's Sobel example (its first printing; two later ones differ). */
export const LECTURE = [
  [0, 0, 0, 0, F, F, 0, 0, 0, 0],
  [0, 0, 0, F, F, F, F, 0, 0, 0],
  [0, 0, 0, 0, F, F, 0, 0, 0, 0],
  [F, 0, 0, F, F, F, F, 0, 0, 0],
  [0, 0, F, F, F, F, F, F, 0, 0],
  [0, F, 0, F, F, F, F, 0, F, 0],
  [0, 0, 0, F, F, F, F, 0, 0, 0],
  [0, 0, 0, F, F, F, F, 0, 0, 0],
  [0, 0, 0, F, 0, 0, F, 0, 0, F],
  [0, 0, F, F, 0, 0, F, F, 0, 0],
];

function fill(size, value) {
  const out = matrix(size, size);
  for (let r = 0; r < size; r++)
    for (let c = 0; c < size; c++) out.data[r * size + c] = value(r, c);
  return out;
}

/** Inputs by key: a name and a function that makes the matrix. `picture` ones are files beside this script. */
export const INPUTS = {
  lecture: { name: "The lecture's figure, 10 × 10", make: () => fromRows(LECTURE) },
  vertical: { name: "A vertical edge", make: () => fill(10, (_r, c) => (c < 5 ? 0 : F)) },
  horizontal: { name: "A horizontal edge", make: () => fill(10, (r) => (r < 5 ? 0 : F)) },
  diagonal: {
    name: "A diagonal edge",
    make: () => fill(12, (r, c) => (c > r ? F : c === r ? 128 : 0)),
  },
  dot: { name: "One bright pixel", make: () => fill(9, (r, c) => (r === 4 && c === 4 ? F : 0)) },
  ring: {
    name: "A ring, 32 × 32",
    make: () =>
      fill(32, (r, c) =>
        Math.round(F * Math.min(1, Math.max(0, 4 - Math.abs(Math.hypot(r - 15.5, c - 15.5) - 10)))),
      ),
  },
  stripes: {
    name: "Stripes that grow finer",
    make: () => fill(48, (_r, c) => Math.round(127.5 + 127.5 * Math.sin((c * c) / 60))),
  },
  town: { name: "A town from the air, 96 × 96", picture: "town.png" },
  empty: { name: "Nothing yet: paint it", make: () => matrix(14, 14) },
};
