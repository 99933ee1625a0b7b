// The list: only the rows in view exist, so ten thousand findings scroll like ten.
import { $, el, icon, metres, percent } from "./dom.js";
import { WORDS } from "./state.js";

const SPARE = 6; // rows above and below the view
const MARKS = { accept: "✓", reject: "✕", unsure: "?" };

export function makeList(state) {
  const box = $("list"),
    space = el("div", { class: "space", role: "presentation" });
  const rows = new Map(); // place → element
  let rowHeight = 44,
    asked = 0;
  box.append(space);

  const measure = () => {
    rowHeight = Math.round(2.75 * parseFloat(getComputedStyle(document.documentElement).fontSize));
  };

  function choose(number) {
    state.open(number);
    if (matchMedia("(max-width: 48rem)").matches) $("map").scrollIntoView({ block: "start" }); // the map lies above the list
  }

  function makeRow(place) {
    const n = state.shown[place],
      f = state.findings,
      said = state.verdictOf(n).verdict;
    const row = el(
      "div",
      {
        id: `row-${n}`,
        role: "option",
        class: `row ${said}`,
        "aria-selected": n === state.current ? "true" : "false",
        "aria-posinset": place + 1,
        "aria-setsize": state.shown.length,
        onclick: () => choose(n),
      },
      el("span", { class: "rank fine figures" }, String(n + 1)),
      icon(f.kind[n]),
      el(
        "span",
        { class: "what" },
        el("span", { class: "kind" }, f.kind[n]),
        el(
          "span",
          { class: "fine figures" },
          metres(f.length_m[n]),
          f.class[n] ? ` · ${f.class[n]}` : "",
        ),
      ),
      el("span", { class: "figures" }, percent(f.score[n])),
      el(
        "span",
        { class: "mark" },
        MARKS[said] ?? "",
        el("span", { class: "unseen" }, WORDS[said]),
      ),
    );
    row.style.height = `${rowHeight}px`;
    row.style.transform = `translateY(${place * rowHeight}px)`;
    return row;
  }

  function draw() {
    asked = 0;
    const first = Math.max(0, Math.floor(box.scrollTop / rowHeight) - SPARE);
    const last = Math.min(
      state.shown.length - 1,
      Math.ceil((box.scrollTop + box.clientHeight) / rowHeight) + SPARE,
    );
    for (const [place, row] of rows)
      if (place < first || place > last) {
        row.remove();
        rows.delete(place);
      }
    for (let place = first; place <= last; place++) {
      if (rows.has(place)) continue;
      const row = makeRow(place);
      rows.set(place, row);
      space.append(row);
    }
    const active = $(`row-${state.current}`);
    if (active) box.setAttribute("aria-activedescendant", active.id);
    else box.removeAttribute("aria-activedescendant");
  }
  const drawSoon = () => {
    if (!asked) asked = requestAnimationFrame(draw);
  };

  function renew() {
    for (const row of rows.values()) row.remove();
    rows.clear();
    space.style.height = `${state.shown.length * rowHeight}px`;
    draw();
  }

  function reveal() {
    const place = state.place.get(state.current);
    if (place === undefined) return;
    const top = place * rowHeight;
    if (top < box.scrollTop) box.scrollTop = top;
    else if (top + rowHeight > box.scrollTop + box.clientHeight)
      box.scrollTop = top + rowHeight - box.clientHeight;
  }

  box.addEventListener("scroll", drawSoon, { passive: true });
  box.addEventListener("keydown", (event) => {
    const page = Math.max(1, Math.floor(box.clientHeight / rowHeight) - 1),
      here = state.place.get(state.current) ?? 0;
    const to = {
      ArrowDown: here + 1,
      ArrowUp: here - 1,
      PageDown: here + page,
      PageUp: here - page,
      Home: 0,
      End: Infinity,
    }[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey || !state.shown.length)
      return;
    event.preventDefault();
    state.open(state.shown[Math.min(Math.max(to, 0), state.shown.length - 1)]);
  });
  new ResizeObserver(() => {
    measure();
    renew();
    reveal();
  }).observe(box);
  state.addEventListener("filter", () => {
    renew();
    reveal();
    draw();
  });
  state.addEventListener("said", renew);
  state.addEventListener("open", () => {
    reveal();
    renew();
  });
  measure();
}
