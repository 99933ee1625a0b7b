// The page's three parts: one is shown, by the address, and made when it is first looked at.

import { $ } from "./dom.js";

const PARTS = {
  filters: () => import("./filters.js"),
  digit: () => import("./digit.js"),
  tile: () => import("./tile.js"),
};
const made = new Set();

async function show() {
  const wanted = location.hash.slice(1).split("/")[0];
  const name = wanted in PARTS ? wanted : "filters";
  for (const part of Object.keys(PARTS)) $(`#${part}`).hidden = part !== name;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#${name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = `${$(`#${name} h1`).textContent} – mapsight lab`;
  if (made.has(name)) return;
  made.add(name);
  (await PARTS[name]()).start();
  document.documentElement.dataset.ready = [...made].join(" "); // for tests
}

addEventListener("hashchange", show);
show();
