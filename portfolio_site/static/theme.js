// Light or dark: what was chosen here before, else what the system prefers.
// Loaded blocking in the head, so that no page flashes in the other theme.
"use strict";
(() => {
  const KEY = "evenkeel-theme";
  const system = matchMedia("(prefers-color-scheme: dark)");

  const chosen = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // storage is off: the system decides
    }
  };

  const apply = () => {
    const theme = chosen() ?? (system.matches ? "dark" : "light");
    document.documentElement.dataset.bsTheme = theme;
    // Charts draw on a canvas and must be told.
    document.dispatchEvent(new CustomEvent("themechange", { detail: theme }));
  };

  const toggle = () => {
    const other = document.documentElement.dataset.bsTheme === "dark" ? "light" : "dark";
    try {
      localStorage.setItem(KEY, other);
    } catch {
      document.documentElement.dataset.bsTheme = other; // for this page only
    }
    apply();
  };

  apply();
  system.addEventListener("change", apply);
  addEventListener("storage", (event) => event.key === KEY && apply());
  document.addEventListener("DOMContentLoaded", () => {
    for (const button of document.querySelectorAll("[data-theme-toggle]")) {
      button.hidden = false;
      button.addEventListener("click", toggle);
    }
  });
})();
