// One value of the digit net, worked out from the values before it.

import { grey, peakOf, signed } from "./colour.js";
import { partialSums } from "./digitnet.js";
import { h, replace } from "./dom.js";
import { short, term } from "./format.js";
import { MatrixView } from "./matrixview.js";
import { formula, numberTable, partBars, productTables } from "./worked.js";

const WORDS = {
  conv: "window · filter",
  relu: "max(0, z)",
  pool: "the greatest of four",
  dense: "all values · weights",
  softmax: "eᶻ / Σ eᶻ",
};
let view = null;
let shownMap = null;
let onMove = null;
let inputChannel = 0;

/** Fills `host` with the value at state.chosen; `choose(place)` goes to another. */
export function workOut(host, state, choose) {
  const { step: at, channel, row, col } = state.chosen;
  const step = state.net.steps[at - 1];
  const volume = state.volumes[at];
  const flat = volume.rows * volume.cols === 1;
  const place = flat
    ? `value ${channel + 1}`
    : `map ${channel + 1}, row ${row + 1}, column ${col + 1}`;
  onMove = (r, c) => choose({ step: at, channel, row: r, col: c });
  const parts = { conv: conv, dense, relu, pool, softmax }[step.kind](state, step, choose);
  const body =
    host.querySelector(".parts-of-value") ?? h("div", { class: "worked-body parts-of-value" });
  const title = h("h2", {}, `${step.title}, ${place}`);
  const map = flat ? null : drawMap(volume, channel, row, col);
  replace(body, parts);
  if (map && host.contains(map)) {
    host.querySelector("h2").replaceWith(title);
    host.querySelector(".fine").textContent = WORDS[step.kind];
  } else replace(host, title, h("p", { class: "fine" }, WORDS[step.kind]), map, body);
  if (map) view.draw();
}

/** The chosen map, large: one canvas that stays, so that it keeps the focus while one walks on it. */
function drawMap({ rows, cols, data }, channel, row, col) {
  const part = data.subarray(channel * rows * cols, (channel + 1) * rows * cols);
  const shade = Math.min(...part) < 0 ? signed(peakOf(part)) : grey(Math.max(peakOf(part), 1e-9));
  shownMap = { rows, cols, data: part, shade, text: (value) => short(value, 2) };
  if (!view) {
    const canvas = h("canvas", { "aria-label": "The chosen map" });
    view = new MatrixView(canvas, {
      shown: () => shownMap,
      onMove: (r, c) => onMove(r, c),
      most: 2.4,
    });
  }
  [view.row, view.col] = [row, col];
  return view.canvas.parentElement ?? h("div", { class: "worked-map" }, view.canvas);
}

function cut(volume, channel, row, col, size) {
  const window = [];
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++)
      window.push(volume.data[(channel * volume.rows + row + i) * volume.cols + col + j]);
  }
  return window;
}

function conv(state, layer, choose) {
  const { step: at, channel, row, col } = state.chosen;
  const before = state.volumes[at - 1];
  const sums = Array.from(partialSums(before, layer, channel, row, col));
  if (inputChannel >= before.channels) inputChannel = 0;
  const k = layer.kernel;
  const from = (channel * before.channels + inputChannel) * k * k;
  const weights = Array.from(layer.weight.subarray(from, from + k * k));
  const picked =
    before.channels > 1
      ? `input map ${inputChannel + 1} of ${before.channels}`
      : "the painted pixels, scaled to 0 … 1";
  const sum = sums.reduce((a, b) => a + b, 0);
  const pick = (part) => {
    inputChannel = part.pick;
    choose({ ...state.chosen });
  };
  return [
    h("h3", {}, picked),
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "group", "aria-label": "window, filter and products" },
      productTables(k, cut(before, inputChannel, row, col, k), weights, {
        windowShade: grey(Math.max(peakOf(before.data), 1e-9)),
      }),
    ),
    before.channels > 1
      ? [
          h("h3", {}, "Its sum, and those of the other input maps"),
          partBars(
            sums.map((value, i) => ({ name: `map ${i + 1}`, value, pick: i })),
            { onPick: pick },
          ),
        ]
      : null,
    formula(
      `${short(sum)} ${term(layer.bias[channel], false)} (bias)`,
      sum + layer.bias[channel],
      given(state),
    ),
  ];
}

/** The number in the layer, to be compared with the one computed here from its parts. */
function given(state) {
  const { step, channel, row, col } = state.chosen;
  const { rows, cols, data } = state.volumes[step];
  return { from: "in the layer", given: data[(channel * rows + row) * cols + col] };
}

function relu(state) {
  const { step: at, channel, row, col } = state.chosen;
  const { rows, cols, data } = state.volumes[at - 1];
  const z = data[(channel * rows + row) * cols + col];
  return [formula(`max(0, ${short(z)})`, Math.max(0, z), given(state))];
}

function pool(state) {
  const { step: at, channel, row, col } = state.chosen;
  const values = cut(state.volumes[at - 1], channel, 2 * row, 2 * col, 2);
  return [
    numberTable("the four of the map before", 2, values, {
      shade: grey(Math.max(peakOf(values), 1e-9)),
    }),
    formula(
      `max(${values.map((value) => short(value)).join(", ")})`,
      Math.max(...values),
      given(state),
    ),
  ];
}

function dense(state, layer, choose) {
  const { step: at, channel } = state.chosen;
  const before = state.volumes[at - 1];
  const size = before.rows * before.cols;
  const parts = Array.from(before.data, (value, i) => {
    const weight = layer.weight[channel * layer.inputs + i];
    const place = {
      step: at - 1,
      channel: Math.floor(i / size),
      row: Math.floor((i % size) / before.cols),
      col: i % before.cols,
    };
    const name =
      size > 1
        ? `map ${place.channel + 1} (${place.row + 1}, ${place.col + 1}): `
        : `value ${i + 1}: `;
    return {
      name: `${name}${short(value, 3)} · ${short(weight, 3)}`,
      value: value * weight,
      pick: place,
    };
  });
  const sum = parts.reduce((total, part) => total + part.value, 0);
  return [
    h("h3", {}, `${layer.inputs} products, the largest first`),
    partBars(parts, { onPick: (part) => choose(part.pick) }),
    formula(
      `${short(sum)} ${term(layer.bias[channel], false)} (bias)`,
      sum + layer.bias[channel],
      given(state),
    ),
  ];
}

function softmax(state) {
  const logits = Array.from(state.volumes[state.chosen.step - 1].data);
  const raised = logits.map(Math.exp);
  const sum = raised.reduce((a, b) => a + b, 0);
  const z = logits[state.chosen.channel];
  return [
    h(
      "p",
      { class: "figures" },
      `z = ${short(z)}, eᶻ = ${short(raised[state.chosen.channel])}, Σ eᶻ over the ten = ${short(sum)}`,
    ),
    formula(
      `${short(raised[state.chosen.channel])} / ${short(sum)}`,
      raised[state.chosen.channel] / sum,
      given(state),
    ),
  ];
}
