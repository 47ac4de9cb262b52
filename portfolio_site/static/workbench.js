// Sliders, numbers and categories of the workbench move together. What they mean the server says:
// htmx asks for it when a number changes, one request at a time.
"use strict";
(() => {
  const ENDS = [25, 50, 100]; // of a slider, in percent
  const number = (text) => {
    const value = Number(text.trim() || 0);
    return Number.isFinite(value) && value >= 0 ? value : null;
  };
  const typed = (value) => String(Number(value.toFixed(2)));
  const rows = () => document.getElementById("workbench-rows");
  const sliderOf = (input) => rows().querySelector(`[data-slider-of="${input.id}"]`);
  const members = (fieldset) => [...fieldset.querySelectorAll("[data-target-weight]")];

  // A slider that is too short for its number grows, and all others with it.
  const stretch = (value) => {
    const end = ENDS.find((each) => value <= each) ?? 100;
    if (end <= Number(rows().dataset.scale)) return;
    rows().dataset.scale = end;
    for (const slider of rows().querySelectorAll("[type=range]")) slider.max = end;
  };
  const follow = (input) => {
    const value = number(input.value);
    if (value === null) return;
    stretch(value);
    sliderOf(input).value = value;
  };
  const showTotal = (fieldset) => {
    const total = fieldset?.querySelector("[data-category-total]");
    if (!total || total === document.activeElement) return;
    const values = members(fieldset).map((input) => number(input.value));
    if (values.includes(null)) return;
    total.value = typed(values.reduce((sum, value) => sum + value, 0));
    follow(total);
  };
  // A category's new total is spread in the proportions that its assets have, else in equal parts.
  const spread = (total) => {
    const wanted = number(total.value);
    if (wanted === null) return;
    const inputs = members(total.closest("fieldset"));
    const values = inputs.map((input) => number(input.value) ?? 0);
    const sum = values.reduce((one, other) => one + other, 0);
    const parts = values.map((value) => (sum > 0 ? value / sum : 1 / inputs.length));
    // In hundredths, and what rounding leaves goes to the first: the parts make the total.
    const steps = parts.map((part) => Math.floor(part * wanted * 100 + 1e-6));
    steps[0] += Math.round(wanted * 100) - steps.reduce((one, other) => one + other, 0);
    inputs.forEach((input, place) => {
      input.value = typed(steps[place] / 100);
      follow(input);
    });
    inputs[0].dispatchEvent(new Event("input", { bubbles: true }));
  };

  document.addEventListener("input", ({ target }) => {
    if (!target.closest("#workbench-rows")) return;
    const fieldset = target.closest("fieldset");
    if (target.dataset.sliderOf) {
      const input = document.getElementById(target.dataset.sliderOf);
      input.value = typed(Number(target.value));
      input.dispatchEvent(new Event("input", { bubbles: true }));
      if (input.matches("[data-category-total]")) target.value = input.value;
    } else if (target.matches("[data-category-total]")) {
      follow(target);
      spread(target);
    } else if (target.matches("[data-target-weight]")) {
      follow(target);
      showTotal(fieldset);
    }
  });
  const start = () => {
    if (!rows()) return;
    for (const fieldset of rows().querySelectorAll("fieldset")) showTotal(fieldset);
  };
  document.addEventListener("DOMContentLoaded", start);
  document.addEventListener("htmx:afterSettle", ({ target }) => target.id === "workbench" && start());
})();
