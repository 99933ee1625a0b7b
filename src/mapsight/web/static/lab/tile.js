// The part about the map tile: which tile, which pixel, and the chain of cards that leads from it to a finding.

import { Journey } from "./tilejourney.js";
import { firstFilter, thePixel } from "./tilefirst.js";
import { theFinding, theLine, theProbability } from "./tileend.js";
import { TilePicture } from "./tilepicture.js";
import { $, fetchJson, h, latest, replace, roving } from "./dom.js";
import { percent } from "./format.js";

const LAYERS = {
  map: "the map",
  findings: "findings",
  seen: "roads seen",
  probability: "probability",
  planted: "mistakes planted",
};
const state = {
  key: null,
  tile: null,
  probability: null,
  row: 0,
  col: 0,
  finding: null,
  filter: null,
  colour: 0,
  column: null,
};
const cards = {};
let picture = null;
let journey = null;

export async function start() {
  try {
    build(await fetchJson("/api/tiles"));
  } catch (error) {
    say(error);
  }
}

function say(error) {
  $("#tile-error").textContent = error ? error.message : "";
  $("#tile-error").hidden = !error;
}

function build(offer) {
  const canvas = h("canvas", {
    class: "photo",
    "aria-label": "The tile; arrow keys move the pixel, with shift ten at a time",
  });
  picture = new TilePicture(canvas, (row, col) => follow(row, col));
  const toggles = Object.entries(LAYERS)
    .filter(([name]) => name !== "planted" || offer.of === "town")
    .map(([name, words]) => {
      const box = h("input", {
        type: "checkbox",
        onchange: (event) => {
          picture.layers[name] = event.target.checked;
          picture.draw();
        },
      });
      box.checked = picture.layers[name];
      return h(
        "label",
        { class: "check" },
        box,
        h("span", { class: `swatch ${name}`, "aria-hidden": "true" }),
        words,
      );
    });
  for (const [name, title] of [
    ["pixel", "The pixel"],
    ["first", "One filter of the first layer"],
    ["journey", "Down and up through the net"],
    ["probability", "Logit, probability, threshold"],
    ["line", "The line"],
    ["finding", "The finding and its score"],
  ]) {
    const body = h("div", { class: "card-body" });
    cards[name] = body;
    cards[`${name}-section`] = h(
      "li",
      { class: "worked", id: `card-${name}` },
      h("h2", {}, title),
      body,
    );
  }
  journey = new Journey(cards.journey, {
    mark: (window) => {
      picture.window = window;
      picture.draw();
    },
    onMove: (row, col) => follow(row, col),
    onFault: say,
  });
  replace(
    $("#tile-body"),
    h(
      "div",
      { class: "tile-bench" },
      h(
        "div",
        { class: "tile-side" },
        chooser(offer),
        canvas,
        h(
          "p",
          { class: "fine" },
          "Click or drag to choose a pixel; arrow keys move it, with shift ten at a time.",
        ),
        h(
          "div",
          { class: "row", role: "group", "aria-label": "Drawn over the photograph" },
          toggles,
        ),
        h("div", { id: "tile-findings" }),
      ),
      h(
        "ol",
        { class: "chain" },
        Object.keys(cards)
          .filter((name) => name.endsWith("-section"))
          .map((name) => cards[name]),
      ),
    ),
  );
  open(offer.of === "town" ? "town-0" : offer.findings[0].key);
}

function chooser(offer) {
  if (offer.of === "audit") {
    const options = offer.findings.map(({ key, kind, score }, i) =>
      h("option", { value: key }, `${i + 1}. ${kind}, score ${percent(score)}`),
    );
    const select = h(
      "select",
      { id: "tile-choice", onchange: (event) => open(event.target.value) },
      options,
    );
    return h(
      "div",
      { class: "row" },
      h("label", { for: "tile-choice" }, `Findings of ${offer.name} in ${offer.image}`),
      select,
    );
  }
  const seed = h("input", {
    type: "number",
    id: "tile-seed",
    min: 0,
    max: offer.most_seed,
    value: 0,
  });
  const draw = (event) => {
    event.preventDefault();
    if (seed.checkValidity() && seed.value !== "") open(`town-${Number(seed.value)}`);
  };
  return h(
    "form",
    { class: "row", onsubmit: draw },
    h("label", { class: "inline", for: "tile-seed" }, "Drawn town number ", seed),
    h("button", { type: "submit" }, "Draw"),
  );
}

const open = latest(async (key) => {
  say(null);
  $("#tile-body").setAttribute("aria-busy", "true");
  try {
    const tile = await fetchJson(`/api/tiles/${key}`);
    const [photo, probability] = await Promise.all(
      ["image.png", "probability"].map((name) => fetch(`/api/tiles/${key}/${name}`)),
    );
    Object.assign(state, {
      key,
      tile,
      filter: null,
      probability: new Float32Array(await probability.arrayBuffer()),
    });
    picture.show(tile, await createImageBitmap(await photo.blob()), state.probability);
    journey.open(key, tile);
    const chosen = tile.findings.find((finding) => finding.id === tile.chosen) ?? tile.findings[0];
    if (chosen) pick(chosen);
    else {
      state.finding = null;
      listFindings();
      follow(Math.floor(tile.height / 2), Math.floor(tile.width / 2));
    }
  } catch (error) {
    say(error);
  }
  $("#tile-body").setAttribute("aria-busy", "false");
});

/** Goes to a finding: to the pixel near its middle where the net is surest of what it says. */
function pick(finding) {
  state.finding = picture.finding = finding.id;
  listFindings();
  follow(...finding.pixel);
}

function listFindings() {
  const { findings, planted, notes } = state.tile;
  const buttons = findings.map((finding) =>
    h(
      "button",
      {
        type: "button",
        "aria-pressed": String(finding.id === state.finding),
        onclick: () => pick(finding),
      },
      h("span", { class: `swatch ${finding.kind}`, "aria-hidden": "true" }),
      `${finding.kind}, score ${percent(finding.score)}`,
    ),
  );
  replace(
    $("#tile-findings"),
    h("h2", {}, findings.length ? "Findings here" : "No finding here"),
    h("div", { class: "row", role: "group", "aria-label": "Findings" }, buttons),
    planted.length
      ? h(
          "p",
          { class: "fine" },
          `Mistakes planted into this town's map: ${planted.map((p) => p.kind).join(", ")}.`,
        )
      : null,
    notes.map((note) => h("p", { class: "fine" }, note)),
  );
  if (buttons.length) roving(buttons);
}

function follow(row, col) {
  Object.assign(state, { row, col });
  picture.move(row, col);
  look();
}

const look = latest(async () => {
  const { key, row, col } = state;
  const at = `row=${row}&col=${col}`;
  try {
    const [column, line] = await Promise.all([
      fetchJson(`/api/tiles/${key}/column?${at}`),
      fetchJson(`/api/tiles/${key}/line?${at}`),
    ]);
    if (key !== state.key) return;
    say(null);
    Object.assign(state, { column, place: [row, col] });
    state.filter ??= strongest(column.steps.down1a.values);
    replace(cards.pixel, thePixel(state));
    await drawFirst();
    await journey.follow(column, row, col);
    replace(cards.probability, await theProbability(state));
    replace(cards.line, theLine(state, line));
    replace(cards.finding, await theFinding(state));
    document.documentElement.dataset.tile = `${key} ${row} ${col}`; // for tests
  } catch (error) {
    say(error);
  }
});

const drawFirst = async () =>
  replace(
    cards.first,
    await firstFilter(state, (changed) => {
      Object.assign(state, changed);
      drawFirst().catch(say);
    }),
  );

function strongest(values) {
  return values.indexOf(Math.max(...values));
}
