// Light, dark, or as the system is. Loaded before the page is drawn, so that it never flashes; no module for that reason.
"use strict";
(() => {
  const KEY = "mapsight-theme",
    NEXT = { auto: "light", light: "dark", dark: "auto" };
  const SAID = { auto: "system", light: "light", dark: "dark" };
  const read = () => {
    try {
      return localStorage.getItem(KEY) in NEXT ? localStorage.getItem(KEY) : "auto";
    } catch {
      return "auto";
    }
  };
  const apply = (theme) => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    for (const button of document.querySelectorAll("[data-theme-switch]"))
      button.textContent = `Theme: ${SAID[theme]}`;
  };
  const turn = () => {
    const theme = NEXT[read()];
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      /* a private window keeps nothing */
    }
    apply(theme);
  };
  apply(read());
  document.addEventListener("DOMContentLoaded", () => apply(read()));
  document.addEventListener("click", (event) => {
    if (event.target instanceof Element && event.target.closest("[data-theme-switch]")) turn();
  });
})();
