// The little that pages need beside Tabler and htmx.
"use strict";
(() => {
  const TOAST_MILLISECONDS = 8000;

  // What a script writes has the marks of the reader's style, like what the server writes.
  const MARKS = { comma: ",", point: ".", space: "\u00a0" };
  const style = document.documentElement.dataset.numberStyle;
  const [thousands, decimals] = style.split("_").map((name) => MARKS[name]);
  window.inStyle = (text) => text.replace(/[,.]/g, (mark) => (mark === "," ? thousands : decimals));

  // What was done fades; what went wrong, or can be undone, stays until it is closed.
  const fade = (root) => {
    for (const toast of root.querySelectorAll('.toast[role="status"]:not(:has(form))')) {
      setTimeout(() => toast.remove(), TOAST_MILLISECONDS);
    }
  };
  document.addEventListener("click", (event) => {
    event.target.closest('[data-bs-dismiss="toast"]')?.closest(".toast").remove();
  });
  document.addEventListener("htmx:oobAfterSwap", (event) => {
    if (event.detail.target.id === "toasts") fade(document.getElementById("toasts"));
  });

  // What a page shows can be copied as text, or printed.
  document.addEventListener("click", (event) => {
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      const text = document.getElementById(copy.dataset.copy);
      text.closest("details").open = true;
      text.select();
      navigator.clipboard?.writeText(text.value).then(() => { copy.textContent = "Copied"; });
    }
    if (event.target.closest("[data-print]")) print();
  });

  // A request that failed says so: htmx alone would leave the page as it was, without a word.
  const tell = () => {
    const toasts = document.getElementById("toasts");
    if (toasts.querySelector(".toast.failed-request")) return;
    const template = document.getElementById("toast-for-a-failed-request");
    const toast = template.content.firstElementChild.cloneNode(true);
    toast.classList.add("failed-request");
    toasts.append(toast);
  };
  for (const failure of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) {
    document.addEventListener(failure, tell);
  }

  document.addEventListener("DOMContentLoaded", () => {
    fade(document);
    // On a phone the tabs scroll sideways: the one in force should be in sight.
    const tab = document.querySelector(".nav-bordered [aria-current=page]");
    const bar = tab?.closest(".overflow-auto");
    if (bar) bar.scrollLeft = tab.offsetLeft - (bar.clientWidth - tab.offsetWidth) / 2;
  });
})();
