// Small pictures of all maps of a step, as buttons.

import { grey, signed } from "./colour.js";
import { fetchJson, h, roving } from "./dom.js";
import { short } from "./format.js";
import { drawSmall } from "./matrixview.js";

const kept = new Map();

/** { channels, height, width, signed, peaks, pixels } of a step; the last few are kept. */
export async function fetchSheet(key, step) {
  const name = `${key} ${step}`;
  if (!kept.has(name)) {
    const sheet = await fetchJson(`/api/tiles/${key}/sheet?step=${step}`);
    const text = atob(sheet.pixels);
    sheet.pixels = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    kept.set(name, sheet);
    if (kept.size > 40) kept.delete(kept.keys().next().value);
  }
  return kept.get(name);
}

/** Buttons of maps, with each one's value at the pixel under it; `order` lists the channels that are shown. */
export function thumbs(sheet, values, chosen, onPick, { order, title }) {
  const size = sheet.height * sheet.width;
  const shade = sheet.signed ? fromLevels() : grey();
  const buttons = order.map((channel) => {
    const canvas = h("canvas", { "aria-hidden": "true" });
    const data = sheet.pixels.subarray(channel * size, (channel + 1) * size);
    drawSmall(canvas, { rows: sheet.height, cols: sheet.width, data, shade });
    return h(
      "button",
      {
        type: "button",
        "aria-pressed": String(channel === chosen),
        onclick: () => onPick(channel),
        "aria-label": `${title}, map ${channel + 1}, here ${short(values[channel], 3)}`,
      },
      canvas,
      h("small", { "aria-hidden": "true" }, short(values[channel], 3)),
    );
  });
  roving(buttons);
  return h("div", { class: "thumbs", role: "group", "aria-label": title }, buttons);
}

/** 0 … 255 as −1 … 1. */
export function fromLevels() {
  const shade = signed(1);
  return (level) => shade((level / 255) * 2 - 1);
}

/** One map of a step, whole: (H, W) levels. */
export async function fetchMap(key, step, channel) {
  const answer = await fetch(`/api/tiles/${key}/map?step=${step}&channel=${channel}`);
  if (!answer.ok) throw new Error(`the server answered ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

/** All channels, those that answer most at the pixel first. */
export function byValue(values) {
  return values.map((_, channel) => channel).sort((a, b) => values[b] - values[a]);
}
