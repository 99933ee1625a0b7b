// Building the page out of elements; text is always text, whatever names and notes contain.
const SVG = "http://www.w3.org/2000/svg";

export const $ = (id) => document.getElementById(id);

export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false)
      node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const PLATES = {
  missing: () => svg("circle", { class: "plate", r: 10.5 }),
  phantom: () => svg("rect", { class: "plate", x: -9.5, y: -9.5, width: 19, height: 19, rx: 2 }),
  misaligned: () =>
    svg("rect", {
      class: "plate",
      x: -8.6,
      y: -8.6,
      width: 17.2,
      height: 17.2,
      rx: 2,
      transform: "rotate(45)",
    }),
};
const GLYPHS = {
  missing: "M-5 0H5M0-5V5",
  phantom: "M-4-4L4 4M4-4L-4 4",
  misaligned: "M-5-2.5H5M-5 2.5H5",
};

export function icon(kind) {
  const shape = (PLATES[kind] ?? PLATES.missing)();
  return svg(
    "svg",
    {
      class: `icon ${kind in GLYPHS ? kind : ""}`,
      viewBox: "-12 -12 24 24",
      "aria-hidden": "true",
    },
    shape,
    svg("path", { class: "glyph", d: GLYPHS[kind] ?? "" }),
  );
}

export const percent = (share) => `${Math.min(99, Math.round(100 * share))} %`;
export const metres = (m) => (m >= 1000 ? `${(m / 1000).toFixed(2)} km` : `${Math.round(m)} m`);
