// Elements without innerHTML: whatever a name holds, it stays text.

/** h("p", { class: "fine", onclick }, "text", element …) */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...flatten(children));
  return element;
}

export const $ = (selector, root = document) => root.querySelector(selector);

const flatten = (children) =>
  children.flat(Infinity).filter((child) => child != null && child !== false);

/** New children for `host`. What had the keyboard's focus keeps it if it comes again; otherwise the host has it. */
export function replace(host, ...children) {
  const focused =
    host.contains(document.activeElement) && host !== document.activeElement
      ? nameOf(document.activeElement)
      : null;
  host.replaceChildren(...flatten(children));
  if (focused === null) return;
  const again = [...host.querySelectorAll("button, input, select, canvas, [tabindex]")].find(
    (each) => nameOf(each) === focused,
  );
  if (!again) host.tabIndex = -1;
  (again ?? host).focus({ preventScroll: true });
}

const nameOf = (element) =>
  [element.tagName, element.id, element.ariaLabel, element.textContent].join("|");

/** The page's letter size in CSS pixels: what lines and frames on canvases are measured by, so that they grow with it. */
export const letterPx = () => parseFloat(getComputedStyle(document.documentElement).fontSize);

/** What a screen reader should say now. */
export function announce(text) {
  $("#said").textContent = text;
}

/** JSON, or an error whose message is the server's line. */
export async function fetchJson(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(await explain(answer));
  return answer.json();
}

async function explain(answer) {
  const text = await answer.text();
  try {
    return JSON.parse(text).detail;
  } catch {
    return text.slice(0, 200) || `the server answered ${answer.status}`;
  }
}

/** Calls `wanted` with the latest arguments only, one at a time: for what a moving pointer asks of the server. */
export function latest(wanted) {
  let running = false;
  let waiting = null;
  return async function call(...given) {
    if (running) {
      waiting = given;
      return;
    }
    running = true;
    try {
      await wanted(...given);
    } finally {
      running = false;
      if (waiting) {
        const next = waiting;
        waiting = null;
        call(...next);
      }
    }
  };
}

/** Buttons of which one is pressed and one is in the tab order; arrow keys go on to the next. */
export function roving(buttons) {
  const enter = (button) => {
    for (const other of buttons) other.tabIndex = other === button ? 0 : -1;
  };
  for (const [at, button] of buttons.entries()) {
    button.addEventListener("focus", () => enter(button));
    button.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      buttons[(at + step + buttons.length) % buttons.length].focus();
    });
  }
  enter(buttons.find((button) => button.getAttribute("aria-pressed") === "true") ?? buttons[0]);
}
