// The values of the road net computed again from their operands, as the server sends them. No DOM here.

export const sigmoid = (x) => 1 / (1 + Math.exp(-x));

const dot = (a, b) => a.reduce((sum, value, i) => sum + value * b[i], 0);

/** The sum of each input map's products: window and weights are maps × k × k. */
export function sumsByMap({ window, weights, kernel }) {
  const size = kernel * kernel;
  const sums = [];
  for (let from = 0; from < window.length; from += size) {
    sums.push(dot(window.slice(from, from + size), weights.slice(from, from + size)));
  }
  return sums;
}

/** Batch norm of a trained net: one straight line. */
export function normalised(sum, { mean, variance, epsilon, gamma, beta }) {
  return ((sum - mean) / Math.sqrt(variance + epsilon)) * gamma + beta;
}

/** { sum, normed, value } of a cell, from its operands alone. */
export function recompute(cell) {
  switch (cell.kind) {
    case "conv": {
      const sum = dot(cell.window, cell.weights);
      const normed = normalised(sum, cell.norm);
      return { sum, normed, value: Math.max(0, normed) };
    }
    case "head":
      return { value: dot(cell.window, cell.weights) + cell.bias };
    case "pool":
      return { value: Math.max(...cell.values) };
    case "add":
      return { value: cell.values[0] + cell.values[1] };
    case "up":
      return { value: dot(cell.values, cell.weights) };
    default: // depth, join, logit: a value taken over
      return { value: cell.values[0] };
  }
}

/** How large the parts of a value are together: what its rounding is measured by. */
export function scaleOf(cell) {
  if (!cell.window) return Math.max(...cell.values.map(Math.abs));
  const size = cell.window.reduce((sum, value, i) => sum + Math.abs(value * cell.weights[i]), 0);
  return cell.norm
    ? (size * Math.abs(cell.norm.gamma)) / Math.sqrt(cell.norm.variance + cell.norm.epsilon)
    : size;
}

/** Maps of k × k (colour, down, across; `stem` pixels a side become one cell) as one colour's pixels, stem · k a side. */
export function unfoldColour(values, colour, kernel, stem) {
  const side = stem * kernel;
  const pixels = new Array(side * side);
  for (let down = 0; down < stem; down++) {
    for (let across = 0; across < stem; across++) {
      const from = (stem * (stem * colour + down) + across) * kernel * kernel;
      for (let i = 0; i < kernel; i++) {
        for (let j = 0; j < kernel; j++)
          pixels[(stem * i + down) * side + stem * j + across] = values[from + i * kernel + j];
      }
    }
  }
  return pixels;
}

/** The logit and the score of a finding, from its terms. */
export function scoreOf({ intercept, terms, offset }) {
  const logit = terms.reduce((sum, term) => sum + term.product, intercept) + offset;
  return { logit, score: sigmoid(logit) };
}
