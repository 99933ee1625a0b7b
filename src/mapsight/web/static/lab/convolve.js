// Convolution written out. No DOM here, so that tests can run it against torch.

/** A matrix: rows × cols numbers, row by row. */
export function matrix(rows, cols, values) {
  const data = values ? Float64Array.from(values) : new Float64Array(rows * cols);
  if (data.length !== rows * cols)
    throw new RangeError(`${data.length} values for ${rows} × ${cols}`);
  return { rows, cols, data };
}

export function fromRows(rows) {
  return matrix(rows.length, rows[0].length, rows.flat());
}

/** The filter turned by 180°: what convolution proper does before it slides. */
export function flip(filter) {
  return matrix(filter.rows, filter.cols, Float64Array.from(filter.data).reverse());
}

/** Zeros added before and after, for one side of length k. */
export function padding(kind, k, dilation) {
  const reach = dilation * (k - 1);
  if (kind === "valid") return [0, 0];
  if (kind === "full") return [reach, reach];
  return [Math.floor(reach / 2), reach - Math.floor(reach / 2)];
}

/** Cells of the output along one side; 0 where the filter does not fit. */
export function outputSize(n, k, { pad, stride, dilation }) {
  const room = n + pad[0] + pad[1] - dilation * (k - 1) - 1;
  return room < 0 ? 0 : Math.floor(room / stride) + 1;
}

/** Everything that follows from sizes and options: pads, output size. */
export function plan(input, filter, options) {
  const down = padding(options.padding, filter.rows, options.dilation);
  const across = padding(options.padding, filter.cols, options.dilation);
  return {
    ...options,
    down,
    across,
    rows: outputSize(input.rows, filter.rows, { ...options, pad: down }),
    cols: outputSize(input.cols, filter.cols, { ...options, pad: across }),
  };
}

/** The window of an output cell: one entry a filter cell, in the filter's order; outside the image the value is 0. */
export function windowOf(input, filter, planned, row, col) {
  const cells = [];
  for (let i = 0; i < filter.rows; i++) {
    for (let j = 0; j < filter.cols; j++) {
      const r = row * planned.stride - planned.down[0] + i * planned.dilation;
      const c = col * planned.stride - planned.across[0] + j * planned.dilation;
      const inside = r >= 0 && r < input.rows && c >= 0 && c < input.cols;
      const value = inside ? input.data[r * input.cols + c] : 0;
      const weight = filter.data[i * filter.cols + j];
      cells.push({ row: r, col: c, inside, value, weight, product: value * weight });
    }
  }
  return cells;
}

/** The feature map: at each place, the sum of the products of window and filter (cross-correlation, as CNNs do). */
export function correlate(input, filter, options) {
  const planned = plan(input, filter, options);
  const out = matrix(planned.rows, planned.cols);
  for (let row = 0; row < planned.rows; row++) {
    for (let col = 0; col < planned.cols; col++) {
      let sum = 0;
      for (let i = 0; i < filter.rows; i++) {
        const r = row * planned.stride - planned.down[0] + i * planned.dilation;
        if (r < 0 || r >= input.rows) continue;
        for (let j = 0; j < filter.cols; j++) {
          const c = col * planned.stride - planned.across[0] + j * planned.dilation;
          if (c >= 0 && c < input.cols)
            sum += input.data[r * input.cols + c] * filter.data[i * filter.cols + j];
        }
      }
      out.data[row * planned.cols + col] = sum;
    }
  }
  return { map: out, planned };
}

/** The least and the greatest sum that pixels of 0 … 255 can give under a filter. */
export function reach(filter) {
  let low = 0;
  let high = 0;
  for (const weight of filter.data) {
    if (weight < 0) low += 255 * weight;
    else high += 255 * weight;
  }
  return { low, high };
}

/** A sum brought to 0 … 255 over all that is possible, rounded half up; a filter of zeros gives 0. */
export function normalise(sum, { low, high }) {
  return high > low ? Math.floor(((sum - low) / (high - low)) * 255 + 0.5) : 0;
}
