// Filters with a name, and two families with parameters. No DOM here.

import { fromRows, matrix } from "./convolve.js";

/** Filters that are a table. */
export const TABLES = {
  "sobel-x": {
    name: "Sobel G_x",
    rows: [
      [-1, 0, 1],
      [-2, 0, 2],
      [-1, 0, 1],
    ],
  },
  "sobel-y": {
    name: "Sobel G_y",
    rows: [
      [-1, -2, -1],
      [0, 0, 0],
      [1, 2, 1],
    ],
  },
  "prewitt-x": {
    name: "Prewitt, across",
    rows: [
      [-1, 0, 1],
      [-1, 0, 1],
      [-1, 0, 1],
    ],
  },
  "prewitt-y": {
    name: "Prewitt, down",
    rows: [
      [-1, -1, -1],
      [0, 0, 0],
      [1, 1, 1],
    ],
  },
  "scharr-x": {
    name: "Scharr, across",
    rows: [
      [-3, 0, 3],
      [-10, 0, 10],
      [-3, 0, 3],
    ],
  },
  "scharr-y": {
    name: "Scharr, down",
    rows: [
      [-3, -10, -3],
      [0, 0, 0],
      [3, 10, 3],
    ],
  },
  laplacian: {
    name: "Laplacian",
    rows: [
      [0, 1, 0],
      [1, -4, 1],
      [0, 1, 0],
    ],
  },
  identity: {
    name: "Identity",
    rows: [
      [0, 0, 0],
      [0, 1, 0],
      [0, 0, 0],
    ],
  },
};

/** A Gaussian of side `size` whose weights sum to 1. */
export function gaussian(size, sigma) {
  const middle = (size - 1) / 2;
  const values = [];
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++)
      values.push(Math.exp(-((i - middle) ** 2 + (j - middle) ** 2) / (2 * sigma ** 2)));
  }
  const sum = values.reduce((a, b) => a + b, 0);
  return matrix(
    size,
    size,
    values.map((value) => value / sum),
  );
}

/** A Gabor filter: a wave of `wavelength` pixels across `degrees`, under a round Gaussian. */
export function gabor(size, { sigma, wavelength, degrees }) {
  const middle = (size - 1) / 2;
  const angle = (degrees * Math.PI) / 180;
  const values = [];
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) {
      const [x, y] = [j - middle, i - middle];
      const along = x * Math.cos(angle) + y * Math.sin(angle);
      const envelope = Math.exp(-(x * x + y * y) / (2 * sigma * sigma));
      const value = envelope * Math.cos((2 * Math.PI * along) / wavelength);
      values.push(Math.abs(value) < 1e-12 ? 0 : value); // the cosine's zeros are none in floating point
    }
  }
  return matrix(size, size, values);
}

export function table(key) {
  return fromRows(TABLES[key].rows);
}

/** Another side length: what fits is kept around the middle, the rest is 0. */
export function resize(filter, size) {
  const out = matrix(size, size);
  const down = Math.floor((size - filter.rows) / 2);
  const across = Math.floor((size - filter.cols) / 2);
  for (let i = 0; i < filter.rows; i++) {
    for (let j = 0; j < filter.cols; j++) {
      const [r, c] = [i + down, j + across];
      if (r >= 0 && r < size && c >= 0 && c < size)
        out.data[r * size + c] = filter.data[i * filter.cols + j];
    }
  }
  return out;
}
