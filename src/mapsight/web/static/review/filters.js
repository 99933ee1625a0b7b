// Which findings the list and the map show.
import { $, el } from "./dom.js";
import { emptyFilter, ORDERS } from "./state.js";

const SAID = [
  ["*", "all"],
  ["none", "not judged"],
  ["judged", "judged"],
  ["accept", "accepted"],
  ["reject", "rejected"],
  ["unsure", "unsure"],
];

export function makeFilters(state, review) {
  const form = $("filter-form");
  const option = ([value, text]) => el("option", { value }, text);
  const kinds = review.kinds.map((kind) =>
    el(
      "label",
      { class: "check" },
      el("input", { type: "checkbox", name: "kind", value: kind, checked: true }),
      kind,
    ),
  );
  const score = el("output", { class: "figures" }, "0 %");
  form.append(
    el(
      "label",
      {},
      "Order ",
      el(
        "select",
        { name: "order" },
        ...Object.entries(ORDERS).map(([order, [words]]) => option([order, words])),
      ),
    ),
    el("fieldset", { class: "kinds" }, el("legend", {}, "Kind"), ...kinds),
    el("label", {}, "Verdict ", el("select", { name: "verdict" }, ...SAID.map(option))),
    el(
      "label",
      {},
      "Class on the map ",
      el(
        "select",
        { name: "road" },
        option(["*", "all"]),
        ...review.classes.map((road) => option([road, road || "none (not on the map)"])),
      ),
    ),
    el(
      "label",
      {},
      "Score from ",
      score,
      el("input", { type: "range", name: "score", min: 0, max: 95, step: 5, value: 0 }),
    ),
    el(
      "div",
      { class: "pair" },
      el(
        "label",
        {},
        "Length from (m) ",
        el("input", { type: "number", name: "least", min: 0, step: 5 }),
      ),
      el("label", {}, "to (m) ", el("input", { type: "number", name: "most", min: 0, step: 5 })),
    ),
    el("button", { type: "reset" }, "Show all"),
  );

  function read() {
    const data = new FormData(form),
      chosen = data.getAll("kind");
    state.filter = {
      ...emptyFilter(),
      kinds: new Set(chosen.length ? chosen : [""]),
      road: data.get("road"),
      verdict: data.get("verdict"),
      order: data.get("order"),
      score: Number(data.get("score")) / 100,
      least: Number(data.get("least")) || 0,
      most: Number(data.get("most")) || Infinity,
    };
    score.textContent = `${data.get("score")} %`;
    state.applyFilter();
  }
  form.addEventListener("input", read);
  form.addEventListener("reset", () => setTimeout(read));
  form.addEventListener("submit", (event) => event.preventDefault());
  const tell = () => {
    $("shown").textContent =
      `${state.shown.length.toLocaleString("en")} of ${state.count.toLocaleString("en")} shown`;
  };
  state.addEventListener("filter", tell);
  tell();
}
