// Building the page out of elements; text is always text, whatever names and notes contain.
import { KINDS } from "/kinds.js";

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

export function icon(kind) {
  const known = KINDS[kind],
    [shape, attributes] = known?.plate ?? ["circle", { r: 10.5 }];
  return svg(
    "svg",
    { class: `icon ${known ? kind : ""}`, viewBox: "-12 -12 24 24", "aria-hidden": "true" },
    svg(shape, { class: "plate", ...attributes }),
    svg("path", { class: "glyph", d: known?.glyph ?? "" }),
  );
}

export const percent = (share) => `${Math.min(99, Math.round(100 * share))} %`;
export const metres = (m) => (m >= 1000 ? `${(m / 1000).toFixed(2)} km` : `${Math.round(m)} m`);
