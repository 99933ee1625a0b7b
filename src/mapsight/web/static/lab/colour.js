// Colours of numbers. Each is a function from a value to [red, green, blue]; signed ones follow the page's theme.

const ENDS = {
  light: { zero: [255, 254, 251], negative: [179, 88, 6], positive: [10, 85, 104] },
  dark: { zero: [32, 39, 44], negative: [255, 158, 92], positive: [110, 205, 232] },
};

export function isDark() {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Calls back whenever the page turns light or dark. */
export function onTheme(redraw) {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  new MutationObserver(redraw).observe(document.documentElement, {
    attributeFilter: ["data-theme"],
  });
}

/** 0 … top as black … white. */
export function grey(top = 255) {
  return (value) => {
    const level = Math.round(Math.min(Math.max(value / top, 0), 1) * 255);
    return [level, level, level];
  };
}

/** −peak … peak: orange below zero, the paper at zero, blue above. */
export function signed(peak) {
  const ends = ENDS[isDark() ? "dark" : "light"];
  return (value) => {
    const share = peak > 0 ? Math.min(Math.abs(value) / peak, 1) : 0;
    const end = value < 0 ? ends.negative : ends.positive;
    return ends.zero.map((from, i) => Math.round(from + share * (end[i] - from)));
  };
}

/** Black or white, whichever can be read on a colour. */
export function inkOn([r, g, b]) {
  const linear = [r, g, b].map((v) => ((v / 255 + 0.055) / 1.055) ** 2.4);
  const light = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
  return light > 0.179 ? "#000" : "#fff";
}

export function css([r, g, b]) {
  return `rgb(${r} ${g} ${b})`;
}

export function peakOf(values) {
  let peak = 0;
  for (const value of values) peak = Math.max(peak, Math.abs(value));
  return peak;
}
