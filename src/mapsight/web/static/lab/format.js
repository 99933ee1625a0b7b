// Numbers as text: short, with a true minus sign, the same everywhere on the page.

const MINUS = "−";

/** A number in about `digits` significant figures: 12, −0.25, 1.3e−7. */
export function short(value, digits = 4) {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return "0";
  const size = Math.abs(value);
  let text;
  if (Number.isInteger(value) && size < 1e6) text = String(value);
  else if (size >= 1e6 || size < 1e-4) text = value.toExponential(2).replace(/\.?0+e/, "e");
  else text = String(Number(value.toPrecision(digits)));
  return text.replaceAll("-", MINUS);
}

/** A number with a fixed count of decimals. */
export function fixed(value, decimals) {
  return value
    .toFixed(decimals)
    .replace(/^-(?=0(\.0+)?$)/, "")
    .replaceAll("-", MINUS);
}

/** How to write the numbers of one table: with as many decimals as the largest needs for three figures. */
export function alike(values) {
  const peak = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const decimals = peak > 0 ? Math.min(Math.max(2 - Math.floor(Math.log10(peak)), 0), 6) : 0;
  return (value) => short(Number(value.toFixed(decimals)), 12);
}

/** A factor of a product: negative ones in brackets. */
export function factor(value, digits = 4) {
  const text = short(value, digits);
  return text.startsWith(MINUS) ? `(${text})` : text;
}

/** A term of a sum with its sign before it: "+ 3", "− 2"; the first one without a plus. */
export function term(value, first, digits = 4) {
  const sign = value < 0 ? MINUS : "+";
  const size = short(Math.abs(value), digits);
  if (first) return value < 0 ? `${MINUS}${size}` : size;
  return `${sign} ${size}`;
}

export function percent(value) {
  if (value < 5e-5 || value > 1 - 5e-5) return `${Math.round(100 * value)} %`;
  return `${fixed(100 * value, value > 0.0995 && value < 0.9995 ? 1 : 2)} %`;
}
