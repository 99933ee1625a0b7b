// One finding: what is claimed, on what evidence, why it stands where it stands.
import { $, el, icon, metres, percent, svg } from "./dom.js";
import { WORDS } from "./state.js";

export function showHead(state, number) {
  const f = state.findings,
    place = state.place.get(number);
  $("position").textContent =
    `No. ${(number + 1).toLocaleString("en")} of ${state.count.toLocaleString("en")}` +
    (state.shown.length === state.count || place === undefined
      ? ""
      : ` · ${place + 1} of ${state.shown.length} shown`);
  $("title").replaceChildren(
    icon(f.kind[number]),
    ` ${f.kind[number][0].toUpperCase()}${f.kind[number].slice(1)} road, ${metres(f.length_m[number])}`,
  );
  $("certainty").replaceChildren(
    el("strong", { class: "figures" }, percent(f.score[number])),
    " that it is a real error",
  );
}

export function showDetails(told, stamp, jump) {
  $("certainty").replaceChildren(
    el("strong", { class: "figures" }, percent(told.score)),
    ` · ${told.certainty}`,
  );
  $("details").replaceChildren(
    ...[
      el("p", { class: "claim" }, told.meaning),
      told.evidence ? el("p", {}, told.evidence) : null,
      drawCrops(told, stamp),
      told.profile ? drawProfile(told.profile) : null,
      drawParts(told),
      drawFacts(told),
      el("p", { class: "fine" }, told.caution),
      drawLinks(told, jump),
      drawHistory(told.history),
    ].filter(Boolean),
  );
}

function drawCrops(told, stamp) {
  const names = { image: "The image", probability: "What the net saw" };
  const figures = told.crop.layers.map((layer) => {
    const picture = el("img", {
      src: `/crops/${encodeURIComponent(told.id)}/${layer}?v=${stamp}`,
      width: 360,
      height: 360,
      alt: `${names[layer] ?? layer}, ${Math.round(told.crop.side_m)} m wide`,
    });
    const path = (points) =>
      `M${points.map(([x, y]) => `${(100 * x).toFixed(2)} ${(100 * y).toFixed(2)}`).join("L")}`;
    const over = svg("svg", { viewBox: "0 0 100 100", "aria-hidden": "true" });
    if (layer !== "image")
      for (const [n, points] of told.crop.paths.entries())
        over.append(
          svg("path", { class: "casing", d: path(points) }),
          svg("path", { class: `find ${told.kind} ${n ? "seen" : ""}`, d: path(points) }),
        );
    return el(
      "figure",
      { class: `crop ${layer}` },
      el("div", { class: "frame" }, picture, over),
      el("figcaption", { class: "fine" }, names[layer] ?? layer),
    );
  });
  return el("div", { class: "crops" }, ...figures);
}

function drawProfile({ line, seen, threshold }) {
  const wide = 320,
    high = 92,
    left = 26,
    bottom = 16;
  const far = Math.max(
    ...[line, seen].filter(Boolean).map(({ along_m }) => along_m.at(-1) ?? 1),
    1,
  );
  const x = (m) => left + (m / far) * (wide - left - 4),
    y = (p) => 6 + (1 - p) * (high - bottom - 6);
  const path = ({ along_m, p }) => {
    let d = "",
      pen = "M";
    p.forEach((value, n) => {
      if (value === null) pen = "M";
      else {
        d += `${pen}${x(along_m[n]).toFixed(1)} ${y(value).toFixed(1)}`;
        pen = "L";
      }
    });
    return d;
  };
  const text = (at, up, words, more = {}) => svg("text", { x: at, y: up, ...more }, words);
  const picture = svg(
    "svg",
    {
      class: "profile",
      viewBox: `0 0 ${wide} ${high}`,
      role: "img",
      "aria-label": say(line, seen, threshold),
    },
    ...[0, 0.5, 1].map((p) => svg("path", { class: "grid", d: `M${left} ${y(p)}H${wide - 4}` })),
    text(left - 5, y(1) + 4, "1", { class: "tick right" }),
    text(left - 5, y(0) + 4, "0", { class: "tick right" }),
    text(left, high - 3, "0 m", { class: "tick" }),
    text(wide - 4, high - 3, metres(far), { class: "tick right" }),
    threshold !== null
      ? svg("path", { class: "threshold", d: `M${left} ${y(threshold)}H${wide - 4}` })
      : null,
    seen ? svg("path", { class: "curve seen", d: path(seen) }) : null,
    line ? svg("path", { class: "curve", d: path(line) }) : null,
  );
  return el(
    "figure",
    {},
    picture,
    el(
      "figcaption",
      { class: "fine" },
      "Probability of road along the finding",
      seen ? " (solid) and along the road seen beside it (dotted)" : "",
      threshold !== null ? `; dashed: from ${threshold.toFixed(2)} on it counts as road.` : ".",
    ),
  );
}

function say(line, seen, threshold) {
  const mean = ({ p }) => {
    const known = p.filter((v) => v !== null);
    return (known.reduce((a, b) => a + b, 0) / Math.max(known.length, 1)).toFixed(2);
  };
  return (
    `Probability of road: on average ${line ? mean(line) : "unknown"} along the finding` +
    (seen ? `, ${mean(seen)} along the road seen beside it` : "") +
    (threshold !== null ? `; from ${threshold.toFixed(2)} on it counts as road` : "")
  );
}

function drawParts({ parts, score }) {
  if (!parts.length) return null;
  const most = Math.max(...parts.map(({ adds }) => Math.abs(adds)), 0.1),
    signed = (v) => `${v < 0 ? "−" : "+"}${Math.abs(v).toFixed(2)}`;
  const bar = (adds) =>
    svg(
      "svg",
      {
        class: "weight",
        viewBox: "-50 0 100 10",
        preserveAspectRatio: "none",
        "aria-hidden": "true",
      },
      svg("path", { class: "grid", d: "M0 0V10" }),
      svg("rect", {
        class: adds < 0 ? "less" : "more",
        x: Math.min(0, (adds / most) * 48),
        y: 2,
        width: Math.abs((adds / most) * 48),
        height: 6,
      }),
    );
  const rows = parts.map(({ meaning, value, adds }) =>
    el(
      "tr",
      {},
      el("th", { scope: "row" }, meaning),
      el("td", { class: "soft" }, value === null ? "" : value.toFixed(2)),
      el("td", {}, signed(adds)),
      el("td", {}, bar(adds)),
    ),
  );
  const sum = parts.reduce((total, { adds }) => total + adds, 0);
  return el(
    "details",
    { class: "parts" },
    el("summary", {}, "Why it is ranked here"),
    el(
      "table",
      {},
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          el("th", { scope: "col" }, "evidence"),
          el("th", { scope: "col" }, "value"),
          el("th", { scope: "col" }, "adds"),
          el("td", {}),
        ),
      ),
      el(
        "tbody",
        {},
        ...rows,
        el(
          "tr",
          {},
          el("th", { scope: "row" }, "together, and as a probability"),
          el("td", {}),
          el("td", {}, signed(sum)),
          el("td", {}, el("strong", {}, percent(score))),
        ),
      ),
    ),
  );
}

function drawFacts(told) {
  const rows = [...told.facts, ["Place", told.place], ["Name of the finding", told.id]];
  return el(
    "dl",
    { class: "facts" },
    ...rows.map(([name, value]) =>
      el("div", {}, el("dt", {}, name), el("dd", { class: "figures" }, value)),
    ),
  );
}

function drawLinks({ links, josm }, jump) {
  if (!links.length && !josm) return null;
  const items = links.map(([label, href]) =>
    el("li", {}, el("a", { href, target: "_blank", rel: "noopener noreferrer" }, label)),
  );
  if (josm)
    items.push(
      el(
        "li",
        {},
        el(
          "button",
          { type: "button", class: "plain link", onclick: () => jump(josm) },
          "Open in JOSM",
        ),
      ),
    );
  return el("ul", { class: "links" }, ...items);
}

export function drawHistory(history) {
  if (!history.length)
    return el("p", { class: "fine", id: "history" }, "Nobody has judged it yet.");
  const when = (time) =>
    new Date(time).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
  return el(
    "ol",
    { class: "history fine", id: "history" },
    ...history.map((said) =>
      el(
        "li",
        {},
        el("strong", {}, said.verdict === "none" ? "taken back" : WORDS[said.verdict]),
        ` by ${said.reviewer || "somebody"}, ${when(said.time)}`,
        said.line ? ", line redrawn" : "",
        said.note ? el("q", {}, said.note) : null,
      ),
    ),
  );
}
