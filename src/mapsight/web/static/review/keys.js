// One key each; they can be switched off, since those who speak to their computer may not want them (WCAG 2.1.4).
import { $, el } from "./dom.js";
import { remember } from "./memory.js";

const SWITCH = "mapsight-keys";
const ONCE = new Set(["a", "r", "u", "z"]); // a key held down judges one finding, not the rest of the list

export function makeKeys(act) {
  const table = [
    [["a"], "accept: it is an error of the map", () => act.judge("accept")],
    [["r"], "reject: the map is right", () => act.judge("reject")],
    [["u"], "unsure", () => act.judge("unsure")],
    [["z"], "undo the last verdict", act.undo],
    [["j", "n"], "next finding", () => act.step(1)],
    [["k", "p"], "the one before", () => act.step(-1)],
    [["m"], "write a note (Esc leaves it)", act.focusNote],
    [["e"], "edit the proposed line", act.edit],
    [["s"], "swipe between imagery and map", act.toggleSwipe],
    [["o"], "findings on and off", () => act.toggleLayer("findings")],
    [["b"], "probability on and off", () => act.toggleLayer("probability")],
    [["d"], "predicted roads on and off", () => act.toggleLayer("predicted")],
    [["g"], "existing map on and off", () => act.toggleLayer("map")],
    [["?"], "these keys", showKeys],
  ];
  const acts = new Map(table.flatMap(([keys, , run]) => keys.map((key) => [key, run])));
  const on = el("input", {
    type: "checkbox",
    checked: remember(SWITCH) !== "off",
    onchange: (event) => remember(SWITCH, event.target.checked ? "on" : "off"),
  });

  function showKeys() {
    const rows = table.map(([keys, words]) =>
      el(
        "tr",
        {},
        el(
          "th",
          { scope: "row" },
          ...keys.flatMap((key, n) => (n ? [" ", el("kbd", {}, key)] : [el("kbd", {}, key)])),
        ),
        el("td", {}, words),
      ),
    );
    $("keys").replaceChildren(
      el("h2", { id: "keys-title" }, "Keys"),
      el("table", {}, el("tbody", {}, ...rows)),
      el(
        "p",
        { class: "fine" },
        "In the list: arrows, Page up and down, Home, End. On the map: arrows, + and −.",
      ),
      el("label", { class: "check" }, on, "Single keys are on"),
      el(
        "div",
        { class: "row-of-buttons" },
        el(
          "button",
          { type: "button", class: "button chief", onclick: () => $("keys").close() },
          "Close ",
          el("kbd", {}, "Esc"),
        ),
      ),
    );
    if (!$("keys").open) $("keys").showModal();
  }

  document.addEventListener(
    "keydown",
    (event) => {
      if (
        event.ctrlKey ||
        event.metaKey ||
        event.altKey ||
        event.isComposing ||
        document.querySelector("dialog[open]")
      )
        return;
      const target = event.target;
      if (target.matches("input:not([type=checkbox]):not([type=range]), textarea, select")) {
        if (event.key === "Escape") {
          target.blur();
          $("finding").focus({ preventScroll: true });
        }
        return;
      }
      const editor = act.editor();
      const pressing =
        (event.key === "Enter" || event.key === " ") && target.closest("button, a, summary");
      if (editor?.busy && !pressing && editor.key(event)) {
        event.preventDefault();
        event.stopPropagation();
        return;
      }
      const run = on.checked || event.key === "?" ? acts.get(event.key) : undefined;
      if (run) {
        event.preventDefault();
        if (!event.repeat || !ONCE.has(event.key)) run();
      }
    },
    true,
  );
  $("show-keys").addEventListener("click", showKeys);
}
