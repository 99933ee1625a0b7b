// The card of all steps: choose a step and one of its maps, and see its value at the pixel taken apart.

import { recompute, scaleOf, sumsByMap } from "./cellmath.js";
import { grey } from "./colour.js";
import { fetchJson, h, replace, roving } from "./dom.js";
import { short } from "./format.js";
import { MatrixView } from "./matrixview.js";
import { byValue, fetchMap, fetchSheet, fromLevels, thumbs } from "./sheet.js";
import { workConv } from "./tilefirst.js";
import { formula, numberTable, partBars, productTables } from "./worked.js";

const MOST_THUMBS = 24;
const GROUPS = [
  ["down", /^(s2d|down|pool)/],
  ["wide", /^(wide|sum)/],
  ["up", /^(squeeze|grown|joined|up)/],
  ["out", /^(head|logit)/],
];

export class Journey {
  /** `mark([x, y, width, height])` frames on the photograph what the chosen value was computed from at once. */
  constructor(host, { mark, onMove, onFault }) {
    Object.assign(this, {
      host,
      mark,
      onFault,
      chosen: { step: "down2a", channel: null },
      inputMap: null,
      turn: 0,
    });
    this.list = h("div", { class: "steps", role: "group", "aria-label": "Steps of the net" });
    this.maps = h("div", {});
    const canvas = h("canvas", { class: "journey-map" });
    this.map = { rows: 0, cols: 0 };
    this.view = new MatrixView(canvas, {
      shown: () => this.map,
      widest: 22,
      onMove: (row, col) => onMove(...this.#pixelOf(row, col)),
    });
    this.value = h("div", { class: "card-body" });
    replace(
      host,
      h(
        "p",
        {},
        "On the way down the maps get half as large again and again, and see twice as far each time; on the way up they grow, and are laid beside what was seen on the way down. Choose a step, and one of its maps.",
      ),
      this.list,
      this.maps,
      h("div", { class: "journey-pair" }, canvas, this.value),
    );
  }

  open(key, tile) {
    Object.assign(this, {
      key,
      tile,
      byName: new Map(tile.steps.map((step) => [step.name, step])),
    });
    this.buttons = tile.steps.map((step) => {
      const button = h(
        "button",
        { type: "button", onclick: () => this.choose(step.name, null) },
        h("b", {}, step.title),
        h("small", {}, `${step.channels} × ${step.height} × ${step.width}`),
      );
      return button;
    });
    replace(
      this.list,
      GROUPS.map(([words, kinds]) =>
        h(
          "div",
          { class: "row" },
          h("span", { class: "group" }, words),
          this.buttons.filter((_, at) => kinds.test(tile.steps[at].name)),
        ),
      ),
    );
    roving(this.buttons);
  }

  async follow(column, row, col) {
    Object.assign(this, { column, pixel: [row, col] });
    await this.#draw();
  }

  async choose(step, channel) {
    this.chosen = { step, channel };
    this.inputMap = null;
    await this.#draw().catch(this.onFault);
  }

  async #draw() {
    const mine = ++this.turn,
      step = this.byName.get(this.chosen.step);
    const { row, col, values } = this.column.steps[step.name];
    const channel = Math.min(this.chosen.channel ?? byValue(values)[0], step.channels - 1);
    const [cell, sheet, levels] = await Promise.all([
      fetchJson(
        `/api/tiles/${this.key}/cell?step=${step.name}&channel=${channel}&row=${row}&col=${col}`,
      ),
      fetchSheet(this.key, step.name),
      fetchMap(this.key, step.name, channel),
    ]);
    if (mine !== this.turn) return; // something else was chosen in the meantime
    for (const [at, button] of this.buttons.entries()) {
      button.setAttribute("aria-pressed", String(this.tile.steps[at] === step));
      button.tabIndex = this.tile.steps[at] === step ? 0 : -1;
    }
    const order = byValue(values).slice(0, MOST_THUMBS);
    if (!order.includes(channel)) order.push(channel);
    const count =
      step.channels > order.length
        ? `the ${MOST_THUMBS} strongest of ${step.channels} maps here`
        : `${step.channels} maps, the strongest here first`;
    replace(
      this.maps,
      h("h3", {}, `${step.title}: ${count}`),
      thumbs(sheet, values, channel, (picked) => this.choose(step.name, picked), {
        order,
        title: step.title,
      }),
    );
    replace(
      this.value,
      h("h3", {}, `Map ${channel + 1}, row ${row + 1}, column ${col + 1}`),
      this.#explain(step, cell),
    );
    this.#showMap(step, levels, sheet.signed, cell);
    this.mark(this.#window(step, cell));
  }

  /** The chosen map as large as it is, the pixel's cell framed. */
  #showMap(step, levels, isSigned, cell) {
    const shade = isSigned ? fromLevels() : grey();
    this.map = { rows: step.height, cols: step.width, data: levels, shade };
    this.view.canvas.setAttribute(
      "aria-label",
      `${step.title}, map ${cell.channel + 1}; arrow keys move the pixel by ${step.stride_px}`,
    );
    this.view.select(cell.row, cell.col);
    this.view.draw();
  }

  /** The pixel of the photograph in the middle of a cell of the chosen step. */
  #pixelOf(row, col) {
    const { stride_px: stride } = this.byName.get(this.chosen.step);
    const { height, width, offset } = this.tile;
    const place = (cell, before, size) =>
      Math.min(Math.max(cell * stride + Math.floor(stride / 2) - before, 0), size - 1);
    return [place(row, offset[0], height), place(col, offset[1], width)];
  }

  #explain(step, cell) {
    const kinds = {
      conv: () => this.#conv(step, cell),
      head: () => this.#head(step, cell),
      pool: () => this.#pool(cell),
      add: () => this.#add(step, cell),
      up: () => this.#up(cell),
      depth: () => this.#taken(cell, "One colour of one of the cell's pixels."),
      join: () =>
        this.#taken(cell, "Nothing is computed here: the maps of both ways lie beside each other."),
      logit: () =>
        this.#taken(cell, "The head's maps are the pixels of each cell: this one is taken over."),
    };
    return kinds[step.kind]();
  }

  /** Where the maps of a step's input come from: what is joined counts as what it was joined from. */
  #source(step, channel) {
    const before = this.byName.get(step.of[0]);
    if (!before) return { name: `colour ${channel + 1}` };
    if (before.kind !== "join")
      return { name: `${before.title}, map ${channel + 1}`, pick: { step: before.name, channel } };
    const first = this.byName.get(before.of[0]);
    const of = channel < first.channels ? first : this.byName.get(before.of[1]);
    const own = channel < first.channels ? channel : channel - first.channels;
    return { name: `${of.title}, map ${own + 1}`, pick: { step: of.name, channel: own } };
  }

  #products(step, cell) {
    const sums = sumsByMap(cell);
    const parts = sums.map((value, map) => ({ ...this.#source(step, map), value, map }));
    const largest = parts.reduce((best, part) =>
      Math.abs(part.value) > Math.abs(best.value) ? part : best,
    );
    const size = cell.kernel ** 2;
    const cut = (values) => values.slice(largest.map * size, (largest.map + 1) * size);
    const wide = cell.dilation > 1 ? `, taken ${cell.dilation} cells apart` : "";
    return [
      h(
        "p",
        {},
        `${sums.length} input maps × ${size} weights${wide}. What each input map adds, the most important first; choose one to go back to it:`,
      ),
      partBars(parts, {
        onPick: ({ pick }) => this.choose(pick.step, pick.channel),
        rest: "all other maps",
      }),
      h("h4", {}, `The largest part: ${largest.name}`),
      h(
        "div",
        {
          class: "scroll",
          tabindex: 0,
          role: "group",
          "aria-label": "window, filter and products",
        },
        productTables(cell.kernel, cut(cell.window), cut(cell.weights)),
      ),
    ];
  }

  #conv(step, cell) {
    return [this.#products(step, cell), workConv(cell)];
  }

  #head(step, cell) {
    return [
      this.#products(step, cell),
      check(cell, `the products + ${short(cell.bias)} (bias)`.replace("+ −", "− ")),
    ];
  }

  #pool(cell) {
    return [
      numberTable("four cells of the map before", 2, cell.values),
      check(cell, `max(${cell.values.map((v) => short(v)).join(", ")})`),
    ];
  }

  #add(step, cell) {
    const [a, b] = step.of.map((name) => this.byName.get(name).title);
    return [
      h("p", {}, `What was there (${a}) and what was found (${b}) are added.`),
      check(cell, cell.values.map((v) => short(v)).join(" + ")),
    ];
  }

  #up(cell) {
    return [
      h("p", {}, "Between the four nearest cells of the smaller map, weighted by nearness."),
      check(
        cell,
        cell.values.map((value, i) => `${short(cell.weights[i])} · ${short(value)}`).join(" + "),
      ),
    ];
  }

  #taken(cell, words) {
    const { step, channel } = cell.source;
    const before = this.byName.get(step);
    const name = before ? `${before.title}, map ${channel + 1}` : ["red", "green", "blue"][channel];
    const from = before
      ? h(
          "button",
          { type: "button", class: "link", onclick: () => this.choose(step, channel) },
          name,
        )
      : name;
    return [h("p", {}, words, " From: ", from), check(cell, "taken over")];
  }

  /** [x, y, width, height] in pixels of the photograph. */
  #window(step, cell) {
    const reach = cell.kernel ? cell.dilation * ((cell.kernel - 1) / 2) : 0;
    const [top, left] = this.tile.offset;
    const side = (2 * reach + 1) * step.stride_px;
    return [
      (cell.col - reach) * step.stride_px - left,
      (cell.row - reach) * step.stride_px - top,
      side,
      side,
    ];
  }
}

function check(cell, words) {
  return formula(words, recompute(cell).value, {
    from: "torch",
    given: cell.value,
    scale: scaleOf(cell),
  });
}
