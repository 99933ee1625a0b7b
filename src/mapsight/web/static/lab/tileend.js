// The last cards: logit, probability and threshold; the line; the finding and its score.

import { recompute, scaleOf, scoreOf, sigmoid, sumsByMap } from "./cellmath.js";
import { grey } from "./colour.js";
import { fetchJson, h } from "./dom.js";
import { fixed, percent, short } from "./format.js";
import { MatrixView } from "./matrixview.js";
import { formula, partBars } from "./worked.js";

const AROUND = 4; // pixels on either side
const MOST_COLS = 16;

export async function theProbability({ key, tile, column, place: [row, col], probability }) {
  const at = column.steps.logit;
  const joint = await fetchJson(
    `/api/tiles/${key}/cell?step=logit&channel=0&row=${at.row}&col=${at.col}`,
  );
  const { step, channel, row: r, col: c } = joint.source;
  const head = await fetchJson(
    `/api/tiles/${key}/cell?step=${step}&channel=${channel}&row=${r}&col=${c}`,
  );
  const logit = recompute(head).value;
  const p = sigmoid(logit);
  const road = p >= tile.threshold;
  const audited = column.audited !== null && Math.abs(column.audited - column.probability) > 1e-4;
  return [
    h(
      "p",
      {},
      `The head adds up ${head.window.length} products for this pixel (map ${channel + 1} of ${tile.stem_px ** 2}: one for each of the cell's pixels), and a bias:`,
    ),
    partBars(sumsByMap(head).map((value, map) => ({ name: `last layer, map ${map + 1}`, value }))),
    formula(
      `logit: products ${short(logit - head.bias)} + ${short(head.bias)} (bias)`.replace(
        "+ −",
        "− ",
      ),
      logit,
      { from: "torch", given: column.logit, scale: scaleOf(head) },
    ),
    formula(`probability: 1 / (1 + e^(${short(-logit)}))`, p, {
      from: "torch",
      given: column.probability,
    }),
    h(
      "p",
      { class: "figures verdict" },
      `${fixed(p, 4)} ${road ? "≥" : "<"} ${fixed(tile.threshold, 3)}, the threshold of this audit: `,
      h("b", {}, road ? "road" : "no road"),
      ".",
    ),
    audited
      ? h(
          "p",
          { class: "fine" },
          `The audit's own file has ${fixed(column.audited, 4)} here: its nets were trained further on this map in spatial folds, and windows are blended. What is followed here is the shipped net.`,
        )
      : null,
    h(
      "h3",
      {},
      `The pixels around it, in hundredths; framed is what reaches ${fixed(tile.threshold, 2)}`,
    ),
    neighbourhood(tile, probability, row, col),
  ];
}

function neighbourhood(tile, probability, row, col) {
  const top = Math.min(Math.max(row - AROUND, 0), Math.max(tile.height - 2 * AROUND - 1, 0));
  const left = Math.min(Math.max(col - AROUND, 0), Math.max(tile.width - 2 * AROUND - 1, 0));
  const [rows, cols] = [
    Math.min(2 * AROUND + 1, tile.height),
    Math.min(2 * AROUND + 1, tile.width),
  ];
  const data = Array.from(
    { length: rows * cols },
    (_, i) => probability[(top + Math.floor(i / cols)) * tile.width + left + (i % cols)],
  );
  const canvas = h("canvas", {
    "aria-label": `Probabilities of ${rows} × ${cols} pixels around the chosen one; ${data.filter((p) => p >= tile.threshold).length} reach the threshold`,
  });
  const view = new MatrixView(canvas, {
    shown: () => ({ rows, cols, data, shade: grey(1), text: (p) => String(Math.round(100 * p)) }),
    most: 2.2,
  });
  view.within = (i) => data[i] >= tile.threshold;
  [view.row, view.col, view.selecting] = [row - top, col - left, true];
  return canvas;
}

export function theLine({ tile }, line) {
  if (!line)
    return h(
      "p",
      {},
      "No road was seen in this tile: nothing reaches the threshold for long enough.",
    );
  const { stations, step_m: step, length_m: length, away_m: away } = line;
  const mean = stations.reduce((a, b) => a + b, 0) / stations.length;
  const cols = Math.min(stations.length, MOST_COLS);
  const rows = Math.ceil(stations.length / cols);
  const data = [...stations, ...Array(rows * cols - stations.length).fill(NaN)];
  const canvas = h("canvas", {
    "aria-label": `Probabilities along the line, from ${short(Math.min(...stations), 2)} to ${short(Math.max(...stations), 2)}`,
  });
  new MatrixView(canvas, {
    shown: () => ({ rows, cols, data, shade: grey(1), text: (p) => String(Math.round(100 * p)) }),
    most: 2.2,
  });
  return [
    h(
      "p",
      {},
      `Pixels that reach the threshold are thinned to a line and smoothed. The seen line nearest to this pixel is ${short(away, 2)} m away (${fixed(tile.m_per_px, 2)} m a pixel) and ${fixed(length, 1)} m long. Its confidence is the mean of the probability along it, read about every ${short(step)} m, here in hundredths:`,
    ),
    canvas,
    formula(
      `(${stations
        .slice(0, 3)
        .map((p) => fixed(p, 3))
        .join(" + ")}${stations.length > 3 ? " + …" : ""}) / ${stations.length}`,
      mean,
      { from: "mapsight", given: line.confidence },
    ),
  ];
}

export async function theFinding({ key, tile, finding }) {
  const found = tile.findings.find(({ id }) => id === finding);
  if (!found) return h("p", {}, "Choose a finding beside the photograph.");
  const words = h("p", {}, h("b", {}, found.kind), `: ${found.evidence}.`);
  if (!found.explained) {
    return [
      words,
      h(
        "p",
        {},
        `Score ${percent(found.score)}. This audit's file does not hold the features behind it; an audit made today does.`,
      ),
    ];
  }
  const told = await fetchJson(`/api/tiles/${key}/score?finding=${encodeURIComponent(finding)}`);
  const { logit, score } = scoreOf(told);
  const row = (name, value, product) =>
    h(
      "tr",
      {},
      h("th", { scope: "row" }, name),
      [value, product].map((text) => h("td", { class: "figures" }, text)),
    );
  const lines = told.terms.map((term) =>
    row(
      h("span", {}, term.name, h("small", {}, term.words)),
      fixed(term.value, 3),
      fixed(term.product, 3),
    ),
  );
  return [
    words,
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "group", "aria-label": "Features and what they add" },
      h(
        "table",
        { class: "score" },
        h(
          "thead",
          {},
          h(
            "tr",
            {},
            ["feature", "value", "adds"].map((name) => h("th", { scope: "col" }, name)),
          ),
        ),
        h(
          "tbody",
          {},
          row("where one begins", "", fixed(told.intercept, 3)),
          lines,
          told.offset
            ? row("how many errors this map seems to hold", "", fixed(told.offset, 3))
            : null,
        ),
      ),
    ),
    formula("logit of the score: the last column added up", logit, {
      from: "mapsight",
      given: told.logit,
    }),
    formula(`score: 1 / (1 + e^(${short(-logit)}))`, score, {
      from: "mapsight",
      given: told.score,
    }),
    Math.abs(found.score - told.score) > 2e-3
      ? h(
          "p",
          { class: "fine" },
          `The audit's file says ${percent(found.score)}: verdicts have bent its ranking, or another version of mapsight scored it.`,
        )
      : null,
    h(
      "p",
      {},
      `So of a hundred findings like this one, about ${Math.round(100 * score)} should be real errors of the map.`,
    ),
  ];
}
