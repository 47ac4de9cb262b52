// Search as you type instead of a long list: <select data-asset-picker> inside an element with
// data-asset-search, the address that answers with options. The select stays, hidden, and holds
// the choice; without JavaScript it is the picker. Keys as the ARIA combobox pattern has them.
"use strict";
(() => {
  const WAIT = "150ms";
  const LIST = "asset-options"; // the id of the fragment, one a page

  const element = (html) => {
    const template = document.createElement("template");
    template.innerHTML = html;
    return template.content.firstElementChild;
  };

  const enhance = (select) => {
    const input = element(
      `<input class="form-control" type="text" name="q" role="combobox" autocomplete="off"
         aria-autocomplete="list" aria-expanded="false" aria-controls="${LIST}"
         placeholder="Type a ticker or a name" hx-trigger="input changed delay:${WAIT}"
         hx-target="#${LIST}" hx-swap="outerHTML">`,
    );
    const box = element(
      `<div class="asset-picker"><div id="${LIST}" role="listbox" hidden></div>
         <span class="visually-hidden" role="status"></span></div>`,
    );
    const status = box.querySelector("[role=status]");
    const list = () => box.querySelector("[role=listbox]");
    const options = () => [...list().querySelectorAll("[role=option]")];
    const active = () => options().find((option) => option.getAttribute("aria-selected") === "true");

    const activate = (option) => {
      for (const other of options()) other.setAttribute("aria-selected", String(other === option));
      if (option) {
        input.setAttribute("aria-activedescendant", option.id);
        option.scrollIntoView({ block: "nearest" });
      } else {
        input.removeAttribute("aria-activedescendant");
      }
    };
    const open = (isOpen) => {
      list().hidden = !isOpen;
      input.setAttribute("aria-expanded", String(isOpen));
      if (!isOpen) activate(null);
    };
    const choose = (option) => {
      select.value = option.dataset.value;
      input.value = select.selectedOptions[0].textContent;
      open(false);
      const button = select.form.querySelector("button[name=adding]");
      button?.click(); // targets: choosing is adding
    };
    const move = (step) => {
      const all = options();
      if (list().hidden) open(all.length > 0);
      activate(all[(all.indexOf(active()) + step + all.length) % all.length]);
    };
    const keys = {
      ArrowDown: () => move(1),
      ArrowUp: () => move(active() ? -1 : 0),
      Escape: () => {
        if (list().hidden) input.value = select.value = "";
        open(false);
      },
    };

    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") {
        if (active() || !select.value) event.preventDefault();
        if (active()) choose(active());
      } else if (keys[event.key]) {
        event.preventDefault();
        keys[event.key]();
      }
    });
    input.addEventListener("input", () => {
      select.value = ""; // what is typed is no choice yet
      if (!input.value.trim()) open(false);
    });
    input.addEventListener("blur", () => open(false));
    // The mouse button goes down before the focus leaves the field, and the list with it.
    box.addEventListener("mousedown", (event) => {
      event.preventDefault();
      const option = event.target.closest("[role=option]");
      if (option) choose(option);
    });
    input.addEventListener("htmx:afterRequest", () => {
      // What the portfolio holds already is in no list.
      for (const option of options()) {
        if (![...select.options].some(({ value }) => value === option.dataset.value)) option.remove();
      }
      const found = options().length;
      status.textContent = found ? `${found} found` : "No asset found";
      list().dataset.empty = found ? "" : "No asset found";
      open(document.activeElement === input && input.value.trim() !== "");
      activate(options()[0]);
    });

    input.setAttribute("hx-get", select.closest("[data-asset-search]").dataset.assetSearch);
    for (const name of ["aria-describedby", "aria-invalid"]) {
      if (select.hasAttribute(name)) input.setAttribute(name, select.getAttribute(name));
    }
    if (select.classList.contains("is-invalid")) input.classList.add("is-invalid");
    if (select.value) input.value = select.selectedOptions[0].textContent;
    [input.id, select.id] = [select.id, ""]; // the label is the field's now
    select.hidden = true;
    select.required = false; // the browser could not show what is wrong with it
    select.removeAttribute("data-asset-picker");
    select.before(box);
    box.prepend(input);
    htmx.process(input);
  };

  document.addEventListener("htmx:load", ({ target }) => {
    target.querySelectorAll("select[data-asset-picker]").forEach(enhance);
  });
})();
