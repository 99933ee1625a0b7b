// What the strokes on the map mean, and what is asked.
import { KINDS } from "/kinds.js";
import { $, el, svg } from "./dom.js";
import { remember } from "./memory.js";

const SHOWN = "mapsight-legend";
const UPPER = "M-2 11L14 4L42 6",
  LOWER = "M-2 17L14 10L42 12",
  MIDDLE = "M-2 14L14 7L42 9";
const ROWS = [
  // words, and strokes: colour, how it is drawn, where
  ...Object.entries(KINDS).map(([name, { colour, onMap, seen }]) => [
    name,
    seen === "beside"
      ? [
          [colour, "dashed", LOWER],
          [colour, "", UPPER],
        ]
      : [[colour, onMap ? "dashed" : "", MIDDLE]],
  ]),
  ["existing map", [["#fff", "thin", MIDDLE]]],
  ["redrawn by you", [["#7dff9a", "", MIDDLE]]],
  ["faint: judged", [[Object.values(KINDS)[0].colour, "faint", MIDDLE]]],
];

export function makeLegend() {
  const legend = $("legend"),
    wide = matchMedia("(min-width: 48.01rem)").matches;
  const draw = (strokes) =>
    svg(
      "svg",
      { viewBox: "0 0 40 20", "aria-hidden": "true" },
      ...strokes.flatMap(([colour, kind, d]) => [
        svg("path", { class: `casing ${kind === "faint" ? "faint" : ""}`, d }),
        svg("path", { class: `stroke ${kind}`, d, color: colour }),
      ]),
    );
  legend.append(
    el(
      "dl",
      {},
      ...ROWS.flatMap(([words, strokes]) => [el("dt", {}, draw(strokes)), el("dd", {}, words)]),
    ),
    el("p", {}, "Dashed is the map's line, solid the road as seen."),
    el(
      "p",
      {},
      el("strong", {}, "Accept"),
      ": the map is wrong here. ",
      el("strong", {}, "Reject"),
      ": the map is right.",
    ),
  );
  legend.open = wide && remember(SHOWN) !== "closed"; // on a small screen it would hide the map
  legend.addEventListener("toggle", () => {
    if (wide) remember(SHOWN, legend.open ? "open" : "closed");
  });
}
