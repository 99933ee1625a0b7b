"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const find = (id) => document.getElementById(id);
const map = find("map"),
  list = find("list"),
  filter = find("filter"),
  note = find("note");
const size = { w: +map.dataset.width, h: +map.dataset.height };
const key = `mapsight-verdicts-${data.audit}`;
const narrow = matchMedia("(max-width: 52rem)");
const words = { accept: "accepted", reject: "rejected", unsure: "unsure", "": "" };
const given = readGiven();
let view = { x: 0, y: 0, w: size.w, h: size.h },
  chosen = null,
  shown = [];

function readGiven() {
  try {
    return JSON.parse(localStorage.getItem(key)) || {};
  } catch {
    return {};
  }
}
/* another tab may have judged meanwhile: of each finding the last word counts */
function mergeGiven() {
  for (const [id, v] of Object.entries(readGiven()))
    if (!given[id] || given[id].time_utc < v.time_utc) given[id] = v;
}
function keepGiven() {
  mergeGiven();
  try {
    localStorage.setItem(key, JSON.stringify(given));
  } catch {
    /* a browser that keeps nothing: saving still works */
  }
}
const said = (f) => {
  const mine = given[f.id];
  return mine
    ? { verdict: mine.verdict === "none" ? "" : mine.verdict, note: mine.note }
    : { verdict: f.verdict, note: f.note };
};

/* drawing */
const make = (name, attributes) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [k, v] of Object.entries(attributes)) node.setAttribute(k, v);
  return node;
};
const trace = (line) => `M${line.map((p) => p.join(" ")).join("L")}`;
for (const f of data.findings) {
  f.group = make("g", { class: f.kind });
  const d = trace(f.line);
  f.group.append(make("path", { d, class: "halo" }), make("path", { d, class: "mark" }));
  if (f.proposed.length) f.group.append(make("path", { d: trace(f.proposed), class: "proposed" }));
  const wide = make("path", { d, class: "wide" });
  wide.addEventListener("click", () => choose(f, false));
  f.group.append(wide);
  f.item = document.createElement("li");
  f.item.className = f.kind;
  const button = document.createElement("button");
  button.type = "button";
  button.append(span("b", f.rank), span("span", `${f.kind}, ${f.length} m`), span("span", ""));
  button.addEventListener("click", () => choose(f, true));
  f.item.append(button);
}
if (data.roads.length)
  find("lines").append(make("path", { d: data.roads.map(trace).join(""), class: "road" }));
find("lines").append(...[...data.findings].reverse().map((f) => f.group));
list.append(...data.findings.map((f) => f.item));
function span(name, text) {
  const node = document.createElement(name);
  node.textContent = text;
  return node;
}

/* what is shown */
function refresh() {
  const show = filter.elements.show.value;
  shown = data.findings.filter((f) => {
    const verdict = said(f).verdict;
    const rejected = verdict === "reject" || (f.status === "dismissed" && !verdict);
    return (
      filter.elements[f.kind].checked &&
      (f === chosen ||
        show === "all" ||
        (show === "offered" && !rejected) ||
        (show === "open" && !verdict) ||
        (show === "judged" && verdict))
    );
  });
  const visible = new Set(shown);
  for (const f of data.findings) {
    const verdict = said(f).verdict;
    f.item.hidden = !visible.has(f);
    f.group.style.display = visible.has(f) ? "" : "none";
    f.group.setAttribute(
      "class",
      `${f.kind}${verdict === "reject" ? " rejected" : ""}${f === chosen ? " chosen" : ""}`,
    );
    f.item.firstChild.setAttribute("aria-current", f === chosen);
    f.item.firstChild.lastChild.textContent =
      words[verdict] || (f.status === "new" ? "" : f.status) || "";
  }
  for (const b of document.querySelectorAll("[data-verdict]"))
    b.setAttribute("aria-pressed", !!chosen && b.dataset.verdict === said(chosen).verdict);
  find("nothing").hidden = shown.length > 0;
  const judged = data.findings.filter((f) => said(f).verdict).length;
  find("progress").textContent = `${judged} of ${data.findings.length} judged`;
  const mine = Object.keys(given).length;
  find("save").disabled = !mine;
  find("save").textContent = mine ? `Save verdicts (${mine})` : "Save verdicts";
}
function choose(f, scroll) {
  chosen = f;
  find("card").hidden = false;
  find("card-name").textContent = `${f.rank}. ${f.kind}, ${Math.round(100 * f.score)} %`;
  find("card-evidence").textContent = f.evidence;
  find("card-facts").textContent =
    `${[`${f.length} m`, f.name, f.status].filter(Boolean).join(", ")},`;
  find("card-place").textContent = f.place;
  find("card-osm").hidden = !f.osm;
  if (f.osm) find("card-osm").href = f.osm;
  note.value = said(f).note;
  refresh();
  f.group.parentNode.append(f.group);
  if (scroll) fly(f);
  if (narrow.matches) {
    if (scroll) find("card").scrollIntoView({ block: "start" });
  } else f.item.scrollIntoView({ block: "nearest" });
}
function step(by) {
  if (!shown.length) return;
  const at = shown.indexOf(chosen);
  choose(shown[at < 0 ? 0 : Math.min(Math.max(at + by, 0), shown.length - 1)], true);
}
function judge(verdict) {
  if (!chosen) return;
  given[chosen.id] = { verdict, note: note.value, time_utc: new Date().toISOString() };
  keepGiven();
  const at = shown.indexOf(chosen);
  const next = shown[at + 1];
  if (verdict !== "none" && next) choose(next, true);
  else choose(chosen, false);
}
note.addEventListener("change", () => {
  if (!chosen) return;
  given[chosen.id] = {
    verdict: said(chosen).verdict || "none",
    note: note.value,
    time_utc: new Date().toISOString(),
  };
  keepGiven();
  refresh();
});
addEventListener("storage", (event) => {
  if (event.key !== key) return;
  const typing = chosen && note.value !== said(chosen).note;
  mergeGiven();
  if (chosen && !typing) note.value = said(chosen).note;
  refresh();
});
find("save").addEventListener("click", () => {
  const verdicts = Object.entries(given).map(([finding_id, v]) => ({ finding_id, ...v }));
  const text = JSON.stringify({ type: "mapsight-verdicts", tool: data.tool, verdicts }, null, 1);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  link.download = "verdicts.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
});

/* moving about */
function look(next) {
  view = next;
  map.setAttribute("viewBox", `${view.x} ${view.y} ${view.w} ${view.h}`);
}
function zoom(factor, at) {
  const w = Math.min(Math.max(view.w * factor, 20), size.w * 3),
    scale = w / view.w;
  const p = at || { x: view.x + view.w / 2, y: view.y + view.h / 2 };
  look({ x: p.x - (p.x - view.x) * scale, y: p.y - (p.y - view.y) * scale, w, h: view.h * scale });
}
function fly(f) {
  const xs = f.line.concat(f.proposed).map((p) => p[0]),
    ys = f.line.concat(f.proposed).map((p) => p[1]);
  const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const w = Math.max((x1 - x0) * 2.2, (y1 - y0) * 2.2, 160),
    box = map.getBoundingClientRect();
  const ratio = box.height / Math.max(box.width, 1);
  look({ x: (x0 + x1) / 2 - w / 2, y: (y0 + y1) / 2 - (w * ratio) / 2, w, h: w * ratio });
}
const whole = () => look({ x: 0, y: 0, w: size.w, h: size.h });
const bare = () => find("bare").setAttribute("aria-pressed", map.classList.toggle("bare"));
const place = (event) => {
  const p = new DOMPoint(event.clientX, event.clientY).matrixTransform(
    map.getScreenCTM().inverse(),
  );
  return { x: p.x, y: p.y };
};
map.addEventListener(
  "wheel",
  (event) => {
    event.preventDefault();
    zoom(event.deltaY > 0 ? 1.25 : 0.8, place(event));
  },
  { passive: false },
);
let held = null;
map.addEventListener("pointerdown", (event) => {
  held = { at: place(event), moved: false };
});
map.addEventListener("pointermove", (event) => {
  if (!held || !event.buttons) return;
  const now = place(event);
  if (!held.moved && Math.hypot(now.x - held.at.x, now.y - held.at.y) * map.getScreenCTM().a < 4)
    return;
  if (!held.moved) {
    held.moved = true;
    map.setPointerCapture(event.pointerId);
    map.classList.add("held");
  }
  look({ ...view, x: view.x + held.at.x - now.x, y: view.y + held.at.y - now.y });
});
for (const name of ["pointerup", "pointercancel"])
  map.addEventListener(name, () => {
    held = null;
    map.classList.remove("held");
  });
find("closer").addEventListener("click", () => zoom(0.7));
find("farther").addEventListener("click", () => zoom(1.4));
find("whole").addEventListener("click", whole);
find("bare").addEventListener("click", bare);
filter.addEventListener("change", refresh);
for (const b of document.querySelectorAll("[data-verdict]"))
  b.addEventListener("click", () => judge(b.dataset.verdict));
const keys = {
  j: () => step(1),
  k: () => step(-1),
  arrowdown: () => step(1),
  arrowup: () => step(-1),
  a: () => judge("accept"),
  r: () => judge("reject"),
  u: () => judge("unsure"),
  c: () => judge("none"),
  n: () => note.focus(),
  "+": () => zoom(0.7),
  "-": () => zoom(1.4),
  0: whole,
  " ": bare,
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target === note) {
    if (event.key === "Enter" || event.key === "Escape") note.blur();
    return;
  }
  if (
    event.target.matches("select, input") ||
    (event.key === " " && event.target.matches("button"))
  )
    return;
  const act = keys[event.key.toLowerCase()];
  if (act) {
    event.preventDefault();
    act();
  }
});
refresh();
