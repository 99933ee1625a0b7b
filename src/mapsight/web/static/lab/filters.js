// The part about filters: an image, a filter, its feature map, and each cell's sum spelled out.

import { correlate, flip, normalise, reach, windowOf } from "./convolve.js";
import { grey, peakOf, signed } from "./colour.js";
import { $, h, replace } from "./dom.js";
import { alike, short } from "./format.js";
import { INPUTS } from "./inputs.js";
import { TABLES, gabor, gaussian, resize, table } from "./kernels.js";
import { MatrixView } from "./matrixview.js";
import { readPicture } from "./picture.js";
import { formula, productTables, spelledOut } from "./worked.js";

const MOST_SIDE = 7;
const FAMILIES = {
  gaussian: {
    name: "Gaussian",
    fields: { size: 5, sigma: 1 },
    make: (f) => gaussian(f.size, f.sigma),
  },
  gabor: {
    name: "Gabor",
    fields: { size: 7, sigma: 2, wavelength: 4, degrees: 0 },
    make: (f) => gabor(f.size, f),
  },
};
const LIMITS = {
  size: [1, MOST_SIDE, 1],
  sigma: [0.3, 5, 0.1],
  wavelength: [2, 20, 0.5],
  degrees: [0, 180, 15],
};

const state = {
  input: INPUTS.lecture.make(),
  filter: table("sobel-x"),
  key: "sobel-x",
  fields: {},
  padding: "full",
  stride: 1,
  dilation: 1,
  flip: false,
  file: null,
};
const views = {};

export function start() {
  fillChoices();
  listen();
  makeViews();
  drawFilterTable();
  compute();
}

function fillChoices() {
  replace(
    $("#input-choice"),
    Object.entries(INPUTS).map(([key, { name }]) => h("option", { value: key }, name)),
  );
  const named = { ...TABLES, ...FAMILIES, own: { name: "My own" } };
  replace(
    $("#filter-choice"),
    Object.entries(named).map(([key, { name }]) => h("option", { value: key }, name)),
  );
}

function listen() {
  $("#filter-controls").addEventListener("submit", (event) => event.preventDefault());
  $("#input-choice").addEventListener("change", (event) => chooseInput(event.target.value));
  $("#input-file").addEventListener("change", (event) => openFile(event.target.files[0]));
  $("#input-side").addEventListener("change", () => state.file && openFile(state.file));
  $("#filter-choice").addEventListener("change", (event) => chooseFilter(event.target.value));
  for (const id of ["stride", "dilation"]) {
    $(`#${id}`).addEventListener("input", (event) => {
      if (!event.target.checkValidity() || event.target.value === "") return;
      state[id] = Number(event.target.value);
      compute();
    });
  }
  $("#flip").addEventListener("change", (event) => set("flip", event.target.checked));
  for (const radio of document.querySelectorAll("input[name=padding]")) {
    radio.addEventListener("change", () => set("padding", radio.value));
  }
  const target = $("#filters");
  target.addEventListener("dragover", (event) => event.preventDefault());
  target.addEventListener("drop", (event) => {
    event.preventDefault();
    if (event.dataTransfer.files[0]) openFile(event.dataTransfer.files[0]);
  });
}

function set(name, value) {
  state[name] = value;
  compute();
}

function makeViews() {
  views.input = new MatrixView($("#input-view"), { shown: showInput, onPaint: paint });
  const follow = (row, col) => {
    for (const view of [views.raw, views.norm]) {
      view.select(row, col);
      view.draw();
    }
    explain();
  };
  views.raw = new MatrixView($("#raw-view"), { shown: showRaw, onMove: follow });
  views.norm = new MatrixView($("#norm-view"), { shown: showNormalised, onMove: follow });
  [views.raw.row, views.raw.col, views.norm.row, views.norm.col] = [2, 4, 2, 4];
}

function showInput() {
  return { ...state.input, shade: grey(), text: short };
}

function showRaw() {
  return {
    ...state.map,
    shade: signed(Math.max(peakOf(state.map.data), 1e-9)),
    text: (value) => short(value, 3),
  };
}

function showNormalised() {
  const data = state.map.data.map((value) => normalise(value, state.reach));
  return { ...state.map, data, shade: grey(), text: short };
}

let turn = 0; // a picture that was asked for earlier and comes later is not taken

async function chooseInput(key) {
  const mine = ++turn;
  state.file = null;
  say("");
  const { make, picture } = INPUTS[key];
  try {
    const input = make
      ? make()
      : await readPicture(await (await fetch(new URL(picture, import.meta.url))).blob(), 96);
    if (mine !== turn) return;
    state.input = input;
    compute();
  } catch (error) {
    say(error.message);
  }
}

async function openFile(file) {
  const mine = ++turn;
  say("");
  try {
    const side = Math.min(Math.max(Math.round(Number($("#input-side").value)) || 64, 4), 200);
    const input = await readPicture(file, side);
    if (mine !== turn) return;
    Object.assign(state, { input, file });
    compute();
  } catch (error) {
    say(error.message);
  }
  $("#input-file").value = "";
}

function say(text) {
  $("#input-error").textContent = text;
  $("#input-error").hidden = !text;
}

function paint(row, col) {
  const value = Math.min(Math.max(Math.round(Number($("#brush").value)) || 0, 0), 255);
  const at = row * state.input.cols + col;
  if (state.input.data[at] === value) return;
  state.input.data[at] = value;
  compute();
}

function chooseFilter(key) {
  state.key = key;
  if (key in TABLES) state.filter = table(key);
  else if (key in FAMILIES) {
    state.fields = { ...FAMILIES[key].fields };
    state.filter = FAMILIES[key].make(state.fields);
  }
  drawParameters();
  drawFilterTable();
  compute();
}

function drawParameters() {
  const fields =
    state.key in FAMILIES ? state.fields : state.key === "own" ? { size: state.filter.rows } : {};
  replace(
    $("#filter-parameters"),
    Object.entries(fields).map(([name, value]) => {
      const [min, max, _step] = LIMITS[name];
      const input = h("input", {
        type: "number",
        min,
        max,
        step: name === "size" ? 1 : "any",
        value,
        id: `parameter-${name}`,
      });
      input.addEventListener("input", () => {
        const typed = Number(input.value);
        if (
          input.value === "" ||
          !(typed >= min && typed <= max) ||
          (name === "size" && !Number.isInteger(typed))
        )
          return;
        if (state.key === "own") state.filter = resize(state.filter, typed);
        else {
          state.fields[name] = typed;
          state.filter = FAMILIES[state.key].make(state.fields);
        }
        drawFilterTable();
        compute();
      });
      return h("label", { class: "inline", for: `parameter-${name}` }, name, " ", input);
    }),
  );
}

function drawFilterTable() {
  const { rows, cols, data } = state.filter;
  const write = alike(Array.from(data));
  const cells = Array.from(data, (value, at) => {
    const place = `row ${Math.floor(at / cols) + 1}, column ${(at % cols) + 1}`;
    const input = h("input", {
      type: "text",
      inputmode: "decimal",
      "aria-label": place,
      value: write(value),
    });
    input.addEventListener("focus", () => input.select());
    input.addEventListener("input", () => typeWeight(input, at));
    return input;
  });
  const host = $("#filter-table");
  host.style.setProperty("--cols", cols);
  host.dataset.side = rows;
  replace(host, cells);
}

/** A typed weight makes the filter one's own. What is no number is marked and left out. */
function typeWeight(input, at) {
  const typed = Number(input.value.trim().replace("−", "-").replace(",", "."));
  const sound = input.value.trim() !== "" && Number.isFinite(typed) && Math.abs(typed) <= 1e6;
  input.setAttribute("aria-invalid", String(!sound));
  if (!sound) return;
  state.filter.data[at] = typed;
  if (state.key !== "own") {
    state.key = $("#filter-choice").value = "own";
    drawParameters();
  }
  compute();
}

function compute() {
  const filter = state.flip ? flip(state.filter) : state.filter;
  const { map, planned } = correlate(state.input, filter, state);
  Object.assign(state, { used: filter, map, planned, reach: reach(filter) });
  const fits = map.rows > 0 && map.cols > 0;
  const [before, after] = planned.down;
  views.input.margin = {
    top: before,
    bottom: after,
    left: planned.across[0],
    right: planned.across[1],
  };
  for (const view of [views.raw, views.norm]) {
    if (fits) view.select(view.row, view.col);
    view.canvas.hidden = !fits;
  }
  $("#input-caption").textContent = `Input, ${state.input.rows} × ${state.input.cols}`;
  $("#raw-caption").textContent = `Feature map, ${map.rows} × ${map.cols}`;
  $("#norm-note").textContent =
    `The least and the greatest sum that pixels can give, ${short(state.reach.low)} and ${short(state.reach.high)}, become 0 and 255.`;
  $("#size-formula").textContent = sizeWords(planned, filter, fits);
  explain();
}

function sizeWords({ down, stride, dilation, rows }, filter, fits) {
  const sizes = `⌊(${state.input.rows} + ${down[0]} + ${down[1]} − ${dilation} · (${filter.rows} − 1) − 1) / ${stride}⌋ + 1`;
  return fits
    ? `rows: ${sizes} = ${rows}`
    : `rows: the filter does not fit into the image (${sizes} < 1)`;
}

function explain() {
  const host = $("#filter-worked");
  if (!state.map.rows || !state.map.cols) {
    replace(
      host,
      h(
        "p",
        {},
        "The filter is larger than the image: choose another padding or a smaller filter.",
      ),
    );
    return;
  }
  const { row, col } = views.raw;
  const cells = windowOf(state.input, state.used, state.planned, row, col);
  const [rows, cols] = [state.used.rows, state.used.cols].map(
    (length) => state.dilation * (length - 1) + 1,
  );
  views.input.marks = [{ row: cells[0].row, col: cells[0].col, rows, cols }];
  if (state.dilation > 1)
    views.input.marks.push(
      ...cells.map((cell) => ({ row: cell.row, col: cell.col, rows: 1, cols: 1 })),
    );
  for (const view of Object.values(views)) view.draw();
  const values = cells.map((cell) => cell.value);
  const weights = cells.map((cell) => cell.weight);
  const sum = cells.reduce((total, cell) => total + cell.product, 0);
  const { low, high } = state.reach;
  const size = state.used.cols;
  host.classList.toggle("large", size > 3);
  replace(
    host,
    h("h2", {}, `Row ${row + 1}, column ${col + 1} of the feature map`),
    productTables(size, values, weights, {
      windowShade: grey(),
      outside: cells.map((cell) => !cell.inside),
    }),
    spelledOut(size, values, weights, sum),
    formula(
      `normalised: ⌊(${short(sum)} − ${short(low)}) / (${short(high)} − ${short(low)}) · 255 + ½⌋`.replaceAll(
        "− −",
        "+ ",
      ),
      normalise(sum, state.reach),
    ),
    note(),
  );
}

/** What the lecture says of G_x, and what G_x does. */
function note() {
  if (state.key !== "sobel-x") return null;
  return h(
    "p",
    { class: "fine" },
    "The lecture says that G_x detects horizontal edges. Take the vertical and the horizontal edge as ",
    "the image: it answers 4 times the step to the vertical one and nothing to the horizontal one. It measures how fast the image changes ",
    h("em", {}, "along"),
    " the horizontal.",
  );
}
