// The digit net, computed here: valid convolutions, ReLU, max pooling, dense layers, softmax. No DOM.

/** `packed`: base64 of float32, little endian. */
export function unpack(packed) {
  const text = atob(packed);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return new Float32Array(bytes.buffer);
}

/** A volume: channels × rows × cols. */
export function volume(channels, rows, cols, data) {
  return { channels, rows, cols, data: data ?? new Float64Array(channels * rows * cols) };
}

/** The sum of each input channel's products for one output cell, without the bias. */
export function partialSums(input, layer, channel, row, col) {
  const k = layer.kernel;
  const sums = new Float64Array(input.channels);
  for (let c = 0; c < input.channels; c++) {
    let sum = 0;
    const weights = (channel * input.channels + c) * k * k;
    for (let i = 0; i < k; i++) {
      const from = (c * input.rows + row + i) * input.cols + col;
      for (let j = 0; j < k; j++) sum += input.data[from + j] * layer.weight[weights + i * k + j];
    }
    sums[c] = sum;
  }
  return sums;
}

export function convolve(input, layer) {
  const [rows, cols] = [input.rows - layer.kernel + 1, input.cols - layer.kernel + 1];
  const out = volume(layer.outputs, rows, cols);
  for (let o = 0, at = 0; o < layer.outputs; o++) {
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < cols; c++, at++) {
        let sum = layer.bias[o];
        for (const part of partialSums(input, layer, o, r, c)) sum += part;
        out.data[at] = sum;
      }
    }
  }
  return out;
}

export function relu(input) {
  return { ...input, data: input.data.map((value) => Math.max(value, 0)) };
}

/** The greatest of each 2 × 2 block. */
export function pool(input) {
  const [rows, cols] = [input.rows >> 1, input.cols >> 1];
  const out = volume(input.channels, rows, cols);
  for (let c = 0, at = 0; c < input.channels; c++) {
    for (let r = 0; r < rows; r++) {
      for (let q = 0; q < cols; q++, at++) {
        const from = (c * input.rows + 2 * r) * input.cols + 2 * q;
        out.data[at] = Math.max(
          input.data[from],
          input.data[from + 1],
          input.data[from + input.cols],
          input.data[from + input.cols + 1],
        );
      }
    }
  }
  return out;
}

export function dense(input, layer) {
  const out = volume(layer.outputs, 1, 1);
  for (let o = 0; o < layer.outputs; o++) {
    let sum = layer.bias[o];
    for (let i = 0; i < layer.inputs; i++)
      sum += input.data[i] * layer.weight[o * layer.inputs + i];
    out.data[o] = sum;
  }
  return out;
}

/** exp(z) / Σ exp(z), shifted by the greatest z so that nothing overflows. */
export function softmax(input) {
  const top = Math.max(...input.data);
  const raised = input.data.map((value) => Math.exp(value - top));
  const sum = raised.reduce((a, b) => a + b, 0);
  return { ...input, data: raised.map((value) => value / sum) };
}

/** What each step does to the volume before it. */
const STEPS = { conv: convolve, dense, relu, pool: (input) => pool(input), softmax };

/** The description the server sends, with its weights unpacked. */
export function readNet(described) {
  const steps = described.steps.map((step) =>
    step.weight ? { ...step, weight: unpack(step.weight), bias: unpack(step.bias) } : step,
  );
  return { ...described, steps };
}

/** The outputs of all steps for pixels 0 … 255: [input, after step 1, …]. */
export function run(net, pixels) {
  const scaled = Float64Array.from(pixels, (value) => (value / 255 - net.mean) / net.std);
  const volumes = [volume(1, net.size, net.size, scaled)];
  for (const step of net.steps) volumes.push(STEPS[step.kind](volumes.at(-1), step));
  return volumes;
}
