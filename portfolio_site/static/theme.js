// Light or dark: what the account says, else what was chosen in this browser, else the system.
// Loaded blocking in the head, so that no page flashes in the other theme.
"use strict";
(() => {
  const KEY = "evenkeel-theme";
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");

  const kept = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // storage is off: the system decides
    }
  };
  const keep = (theme) => {
    try {
      localStorage.setItem(KEY, theme);
    } catch {
      // for this page only
    }
  };

  let chosen = root.dataset.theme ?? kept();
  // The login page, which knows no account, looks the same; so do other tabs.
  if (root.dataset.theme) keep(chosen);

  const apply = () => {
    const theme = ["light", "dark"].includes(chosen) ? chosen : system.matches ? "dark" : "light";
    root.dataset.bsTheme = theme;
    // Charts draw on a canvas and must be told.
    document.dispatchEvent(new CustomEvent("themechange", { detail: theme }));
  };
  const choose = (theme) => {
    chosen = theme;
    keep(theme);
    apply();
  };

  apply();
  system.addEventListener("change", apply);
  addEventListener("storage", (event) => {
    if (event.key !== KEY) return;
    chosen = event.newValue;
    apply();
  });
  document.addEventListener("DOMContentLoaded", () => {
    for (const button of document.querySelectorAll("[data-theme-toggle]")) {
      button.hidden = false;
      button.addEventListener("click", () => choose(root.dataset.bsTheme === "dark" ? "light" : "dark"));
    }
    // The account keeps it; the page need not wait for that.
    for (const form of document.querySelectorAll("[data-theme-form]")) {
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        choose(event.submitter.value);
        const body = new FormData(form, event.submitter);
        fetch(form.action, { method: "POST", body, redirect: "manual" });
      });
    }
  });
})();
