// Native range inputs and checkboxes, described by `data-slider` and `data-checkbox`; values go to the store with the id.
"use strict";
(() => {
  const PAUSE_MS = 150;

  function createSlider(place) {
    const { id, label, limit } = JSON.parse(place.dataset.slider);
    const input = document.createElement("input");
    Object.assign(input, { type: "range", min: -limit, max: limit, step: 1, value: 0 });
    input.setAttribute("aria-label", label);
    let waiting;
    input.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => dash_clientside.set_props(id, { data: Number(input.value) }), PAUSE_MS);
    });
    place.replaceChildren(input);
    setValueText(place.parentElement);
  }

  function createCheckbox(place) {
    const { id, label, checked } = JSON.parse(place.dataset.checkbox);
    const input = document.createElement("input"), caption = document.createElement("label");
    Object.assign(input, { type: "checkbox", checked });
    input.addEventListener("change", () => dash_clientside.set_props(id, { data: input.checked }));
    caption.append(input, label);
    place.replaceChildren(caption);
  }

  // Screen readers announce `2 MHz` instead of `-10`.
  function setValueText(slider) {
    const value = slider.querySelector(".value"), input = slider.querySelector("input");
    if (value && input && value.textContent) input.setAttribute("aria-valuetext", value.textContent);
  }

  new MutationObserver((records) => {
    for (const record of records) {
      const at = record.target.nodeType === 1 ? record.target : record.target.parentElement;
      const value = at?.closest(".value");
      if (value) setValueText(value.parentElement);
      for (const node of record.addedNodes) {
        if (node.nodeType !== 1) continue;
        for (const place of node.querySelectorAll("[data-slider]:empty")) createSlider(place);
        for (const place of node.querySelectorAll("[data-checkbox]:empty")) createCheckbox(place);
      }
    }
  }).observe(document.documentElement, { subtree: true, childList: true, characterData: true });
})();
