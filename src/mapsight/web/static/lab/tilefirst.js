// The first cards: a pixel as numbers, and one filter of the first layer over its neighbourhood.

import { recompute, scaleOf, unfoldColour } from "./cellmath.js";
import { fetchJson, h } from "./dom.js";
import { short } from "./format.js";
import { byValue, fetchSheet, thumbs } from "./sheet.js";
import { formula, numberTable, partBars, productTables } from "./worked.js";

const COLOURS = ["red", "green", "blue"];

/** 0 … 255 → what the net reads; then a few pixels become one cell of many numbers. */
export function thePixel({ tile, column, place: [row, col] }) {
  const { mean, std } = tile.scale;
  const { rgb, steps } = column;
  const stem = tile.stem_px;
  const size = stem * stem;
  const inCell = ((row + tile.offset[0]) % stem) * stem + ((col + tile.offset[1]) % stem);
  const swatch = h("span", {
    class: "colour",
    role: "img",
    "aria-label": `its colour: red ${rgb[0]}, green ${rgb[1]}, blue ${rgb[2]}`,
  });
  swatch.style.background = `rgb(${rgb.join(" ")})`;
  return [
    h(
      "p",
      { class: "figures" },
      swatch,
      ` row ${row}, column ${col}: red ${rgb[0]}, green ${rgb[1]}, blue ${rgb[2]} of 255. The net reads (v / 255 − ${mean}) / ${std}:`,
    ),
    rgb.map((value, colour) =>
      formula(
        `${COLOURS[colour]}: (${value} / 255 − ${mean}) / ${std}`,
        (value / 255 - mean) / std,
        { from: "torch", given: steps.s2d.values[size * colour + inCell] },
      ),
    ),
    h(
      "p",
      {},
      `To see far at little cost, the net first lays ${stem} × ${stem} pixels on top of each other: each cell of a map ${stem} times smaller a side holds 3 × ${size} = ${3 * size} numbers. The cell of this pixel, row ${steps.s2d.row}, column ${steps.s2d.col}${mirrored(tile.offset)}:`,
    ),
    h(
      "div",
      { class: "equation" },
      COLOURS.map((name, colour) =>
        numberTable(name, stem, steps.s2d.values.slice(size * colour, size * (colour + 1))),
      ),
    ),
  ];
}

const mirrored = ([top, left]) =>
  top || left
    ? ` (the net's window begins ${top} pixels above and ${left} left of the picture, which is mirrored there)`
    : "";

/** The chosen filter: its window in pixels of three colours, the products, batch norm, ReLU, and the map they make. */
export async function firstFilter(state, change) {
  const { key, column, filter } = state;
  const stem = state.tile.stem_px;
  const { row, col, values } = column.steps.down1a;
  const [cell, sheet] = await Promise.all([
    fetchJson(`/api/tiles/${key}/cell?step=down1a&channel=${filter}&row=${row}&col=${col}`),
    fetchSheet(key, "down1a"),
  ]);
  const [window, weights] = COLOURS.map((_, i) => i).reduce(
    ([a, b], i) => [
      [...a, unfoldColour(cell.window, i, 3, stem)],
      [...b, unfoldColour(cell.weights, i, 3, stem)],
    ],
    [[], []],
  );
  const side = 3 * stem;
  const sums = window.map((values, i) =>
    values.reduce((sum, value, at) => sum + value * weights[i][at], 0),
  );
  const radios = COLOURS.map((name, i) => {
    const radio = h("input", {
      type: "radio",
      name: "colour",
      onchange: () => change({ colour: i }),
    });
    radio.checked = i === state.colour;
    return h("label", { class: "check" }, radio, name);
  });
  return [
    h(
      "p",
      {},
      `Filter ${filter + 1} of ${values.length} looks at 3 × 3 cells of ${3 * stem * stem} numbers, which are ${side} × ${side} pixels in three colours: ${cell.window.length} products.`,
    ),
    h("div", { class: "row", role: "group", "aria-label": "Colour" }, radios),
    h(
      "div",
      {
        class: "scroll",
        tabindex: 0,
        role: "group",
        "aria-label": `window, filter and products, ${COLOURS[state.colour]}`,
      },
      productTables(side, window[state.colour], weights[state.colour]),
    ),
    partBars(sums.map((value, i) => ({ name: `${side * side} products, ${COLOURS[i]}`, value }))),
    workConv(cell),
    h(
      "h3",
      {},
      "Done at every cell, this gives a map; here are all of the first layer's, with their values at this pixel",
    ),
    thumbs(sheet, values, filter, (channel) => change({ filter: channel }), {
      order: byValue(values),
      title: "Maps of the first layer",
    }),
  ];
}

/** sum → batch norm → ReLU, each beside what torch gave. */
export function workConv(cell) {
  const found = recompute(cell);
  const { mean, variance, epsilon, gamma, beta } = cell.norm;
  const raw = cell.window.reduce((sum, value, i) => sum + Math.abs(value * cell.weights[i]), 0);
  return [
    formula(`sum of the ${cell.window.length} products`, found.sum, {
      from: "torch",
      given: cell.sum,
      scale: raw,
    }),
    formula(
      `batch norm: (${short(found.sum)} − ${short(mean)}) / √(${short(variance)} + ${short(epsilon)}) · ${short(gamma)} + ${short(beta)}`
        .replaceAll("− −", "+ ")
        .replaceAll("+ −", "− "),
      found.normed,
      { from: "torch", given: cell.normed, scale: scaleOf(cell) },
    ),
    formula(`ReLU: max(0, ${short(found.normed)})`, found.value, {
      from: "torch",
      given: cell.value,
      scale: scaleOf(cell),
    }),
  ];
}
