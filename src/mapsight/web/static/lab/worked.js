// One value worked out: tables of window, filter and products, sums by part, and the check against another's number.

import { css, inkOn, peakOf, signed } from "./colour.js";
import { h } from "./dom.js";
import { alike, factor, short, term } from "./format.js";

/** Numbers in a k × k table, coloured. `outside` marks cells that hang over the edge. */
export function numberTable(caption, size, values, { shade, outside } = {}) {
  const write = alike(values);
  const paint = shade ?? signed(peakOf(values));
  const rows = [];
  for (let i = 0; i < values.length / size; i++) {
    const cells = Array.from(values.slice(i * size, (i + 1) * size), (value, j) => {
      const cell = h("td", { class: outside?.[i * size + j] ? "outside" : null }, write(value));
      const colour = paint(value);
      cell.style.background = css(colour);
      cell.style.color = inkOn(colour);
      return cell;
    });
    rows.push(h("tr", {}, cells));
  }
  return h(
    "table",
    { class: size > 8 ? "numbers dense" : "numbers" },
    h("caption", {}, caption),
    h("tbody", {}, rows),
  );
}

/** window ⊙ filter = products, as three tables. */
export function productTables(size, window, weights, { windowShade, outside } = {}) {
  const products = window.map((value, i) => value * weights[i]);
  const after = (sign, table) =>
    h("div", { class: "after" }, h("span", { class: "sign", "aria-hidden": "true" }, sign), table);
  return h(
    "div",
    { class: "equation" },
    numberTable("window", size, window, { shade: windowShade, outside }),
    after("⊙", numberTable("filter", size, weights)),
    after("=", numberTable("products", size, products)),
  );
}

/** The lecture's way to write it: a line a row of the filter; of large filters without the weights that are 0. */
export function spelledOut(size, window, weights, sum) {
  const lines = [];
  for (let i = 0; i < window.length / size; i++) {
    const terms = [];
    for (let j = 0; j < size; j++) {
      const at = i * size + j;
      if (weights[at] === 0 && size > 3) continue;
      const weight = term(weights[at], lines.length === 0 && terms.length === 0);
      terms.push(`${weight} · ${factor(window[at])}`);
    }
    if (terms.length) lines.push(h("span", {}, terms.join("  ")));
  }
  return h(
    "p",
    { class: "spelled figures" },
    lines,
    h("span", { class: "sum" }, "= ", h("b", {}, short(sum, 6))),
  );
}

/** Bars of the largest parts of a sum and what is left, each with its number; `onPick(part)` makes them buttons. */
export function partBars(parts, { most = 8, onPick, rest = "all others" } = {}) {
  const sorted = [...parts].sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
  const shown = sorted.slice(0, most);
  const left = sorted.slice(most).reduce((sum, part) => sum + part.value, 0);
  const peak = peakOf([...shown.map((part) => part.value), left]) || 1;
  const line = (part, pick) => {
    const bar = h("span", {
      class: part.value < 0 ? "bar negative" : "bar positive",
      "aria-hidden": "true",
    });
    bar.style.setProperty("--share", Math.abs(part.value) / peak);
    const name = pick
      ? h("button", { type: "button", class: "link", onclick: () => onPick(part) }, part.name)
      : h("span", {}, part.name);
    return h(
      "li",
      {},
      name,
      h("span", { class: "track" }, bar),
      h("span", { class: "figures" }, short(part.value)),
    );
  };
  const lines = shown.map((part) => line(part, Boolean(onPick) && part.pick !== undefined));
  if (sorted.length > most)
    lines.push(line({ name: `${rest} (${sorted.length - most})`, value: left }, false));
  return h("ul", { class: "parts" }, lines);
}

/** A formula with its result computed here; where another has computed it too, whether both agree. */
export function formula(words, result, { from, given, scale = 1 } = {}) {
  const line = h(
    "p",
    { class: "formula figures" },
    h("span", {}, words),
    " = ",
    h("b", {}, short(result, 6)),
  );
  if (given !== undefined) {
    const agrees = Math.abs(result - given) <= 1e-4 * Math.max(scale, Math.abs(given), 1e-3);
    line.append(
      " ",
      h(
        "span",
        { class: agrees ? "check-ok" : "check-bad" },
        `${agrees ? "✓" : "✗"} ${from}: ${short(given, 6)}`,
      ),
    );
  }
  return line;
}
