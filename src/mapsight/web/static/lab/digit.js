// The part about the digit: paint one, see every value of the net, and each of them taken apart.

import { grey, peakOf, signed } from "./colour.js";
import { readNet, run } from "./digitnet.js";
import { workOut } from "./digitworked.js";
import { $, announce, fetchJson, h, replace, roving } from "./dom.js";
import { fixed, percent, short } from "./format.js";
import { MatrixView, drawSmall } from "./matrixview.js";
import { SIDE, centre, example, stroke } from "./strokes.js";

const state = {
  pixels: example(3),
  net: null,
  volumes: [],
  chosen: { step: 1, channel: 0, row: 12, col: 12 },
  last: null,
};
const drawn = []; // by step: { redraw() }
let paper = null;
const wide = matchMedia("(min-width: 78rem)");

export async function start() {
  try {
    state.net = readNet(await fetchJson("/api/digit"));
  } catch (error) {
    $("#digit-error").textContent = error.message;
    $("#digit-error").hidden = false;
    return;
  }
  $("#digit-bench").hidden = false;
  paper = new MatrixView($("#paint-view"), {
    shown: () => ({ rows: SIDE, cols: SIDE, data: state.pixels, shade: grey(), text: short }),
    onPaint: paint,
    most: 1.6,
  });
  [paper.row, paper.col] = [13, 13];
  $("#digit-clear").addEventListener("click", () =>
    setPixels(new Uint8Array(SIDE * SIDE), "empty"),
  );
  $("#digit-centre").addEventListener("click", () => setPixels(centre(state.pixels), "centred"));
  replace(
    $("#digit-examples"),
    state.net.classes.map((name, digit) =>
      h(
        "button",
        {
          type: "button",
          "aria-label": `example of a ${name}`,
          onclick: () => setPixels(example(digit), name),
        },
        name,
      ),
    ),
  );
  state.volumes = run(state.net, state.pixels);
  buildLayers();
  redraw();
  placeWorked();
  wide.addEventListener("change", placeWorked);
}

/** Beside the layers where there is room, otherwise right after the layer it is about. */
function placeWorked() {
  const worked = $("#digit-worked");
  const layer = $(`#layer-${state.chosen.step - 1}`).parentElement;
  if (wide.matches && worked.parentElement !== $("#digit-bench")) $("#digit-bench").append(worked);
  else if (!wide.matches && worked.previousElementSibling !== layer) layer.after(worked);
}

function setPixels(pixels, said) {
  state.pixels = pixels;
  redraw();
  announce(`${said}; ${sayBest()}`);
}

function paint(row, col, first) {
  const from = first || !state.last ? [col, row] : state.last;
  stroke(state.pixels, from, [col, row]);
  state.last = [col, row];
  schedule();
}

let scheduled = false;
function schedule() {
  if (scheduled) return;
  scheduled = true;
  requestAnimationFrame(() => {
    scheduled = false;
    redraw();
  });
}

function redraw() {
  state.volumes = run(state.net, state.pixels);
  paper.draw();
  for (const layer of drawn) layer.redraw();
  drawVotes();
  explain();
}

function sayBest() {
  const votes = state.volumes.at(-1).data;
  const best = votes.indexOf(Math.max(...votes));
  return `the net says ${state.net.classes[best]}, ${percent(votes[best])}`;
}

function drawVotes() {
  const votes = state.volumes.at(-1).data;
  const best = votes.indexOf(Math.max(...votes));
  replace(
    $("#digit-votes"),
    state.net.classes.map((name, at) => {
      const bar = h("span", { class: "bar", "aria-hidden": "true" });
      bar.style.setProperty("--share", votes[at]);
      return h(
        "li",
        { class: at === best ? "best" : null },
        h("span", {}, name),
        h("span", { class: "track" }, bar),
        h("span", { class: "figures" }, percent(votes[at])),
      );
    }),
  );
}

function shadeOf(volume, channel = null) {
  const size = volume.rows * volume.cols;
  const part =
    channel === null ? volume.data : volume.data.subarray(channel * size, (channel + 1) * size);
  const least = Math.min(...part);
  const peak = Math.max(peakOf(volume.data), 1e-9);
  return least < 0 ? signed(peak) : grey(peak);
}

function buildLayers() {
  const sections = state.net.steps.map((step, at) => {
    const volume = state.volumes[at + 1];
    const flat = volume.rows * volume.cols === 1;
    const size = flat
      ? `${volume.channels} values`
      : `${volume.channels} maps of ${volume.rows} × ${volume.cols}`;
    const title = h("h2", { id: `layer-${at}` }, `${at + 1}. ${step.title} `, h("span", {}, size));
    return h(
      "div",
      { class: "layer", role: "group", "aria-labelledby": `layer-${at}` },
      title,
      flat ? buildRow(at + 1, step) : buildThumbs(at + 1, step),
    );
  });
  const size = state.net.parameters.toLocaleString("en");
  replace(
    $("#digit-layers"),
    h("p", { class: "fine" }, `${size} weights, trained on ${state.net.trained_on}.`),
    sections,
  );
}

function buildThumbs(at, step) {
  const buttons = Array.from({ length: state.volumes[at].channels }, (_, channel) => {
    const canvas = h("canvas", { "aria-hidden": "true" });
    const button = h(
      "button",
      {
        type: "button",
        "aria-label": `${step.title}, map ${channel + 1}`,
        "aria-pressed": "false",
        onclick: () => choose({ step: at, channel, ...strongest(at, channel) }),
      },
      canvas,
    );
    return button;
  });
  const host = h("div", { class: "thumbs" }, buttons);
  drawn.push({
    redraw() {
      const volume = state.volumes[at];
      const size = volume.rows * volume.cols;
      for (const [channel, button] of buttons.entries()) {
        const data = volume.data.subarray(channel * size, (channel + 1) * size);
        drawSmall(button.firstChild, {
          rows: volume.rows,
          cols: volume.cols,
          data,
          shade: shadeOf(volume),
        });
        button.setAttribute(
          "aria-pressed",
          String(state.chosen.step === at && state.chosen.channel === channel),
        );
      }
    },
  });
  roving(buttons);
  return host;
}

/** Where a map answers most. */
function strongest(at, channel) {
  const { rows, cols, data } = state.volumes[at];
  let best = 0;
  for (let i = 0; i < rows * cols; i++) {
    if (data[channel * rows * cols + i] > data[channel * rows * cols + best]) best = i;
  }
  return { row: Math.floor(best / cols), col: best % cols };
}

/** The values of a dense layer, as cells that can be walked along. */
function buildRow(at, step) {
  const canvas = h("canvas", { "aria-label": step.title });
  const count = state.volumes[at].channels;
  const cols = Math.min(count, 16);
  const pick = (row, col) => choose({ step: at, channel: row * cols + col, row: 0, col: 0 });
  const view = new MatrixView(canvas, {
    shown: () => ({
      rows: count / cols,
      cols,
      data: state.volumes[at].data,
      shade: shadeOf(state.volumes[at]),
      text: step.kind === "softmax" ? (v) => fixed(v, 2) : (v) => short(v, 2),
    }),
    onMove: pick,
  });
  canvas.addEventListener("click", () => pick(view.row, view.col));
  drawn.push({
    redraw() {
      view.selecting = state.chosen.step === at;
      view.draw();
    },
  });
  return canvas;
}

function choose(place) {
  state.chosen = place;
  placeWorked();
  for (const layer of drawn) layer.redraw();
  explain();
}

function explain() {
  workOut($("#digit-worked"), state, choose);
}
