// Native sliders and boxes to tick: what a `data-rail` or a `data-tick` describes; values go to the store of that id.
"use strict";
(() => {
  const PAUSE_MS = 150;

  function rail(place) {
    const { id, label, most } = JSON.parse(place.dataset.rail);
    const input = document.createElement("input");
    Object.assign(input, { type: "range", min: -most, max: most, step: 1, value: 0 });
    input.setAttribute("aria-label", label);
    let waiting;
    input.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => dash_clientside.set_props(id, { data: Number(input.value) }), PAUSE_MS);
    });
    place.replaceChildren(input);
    say(place.parentElement);
  }

  function tick(place) {
    const { id, label, on } = JSON.parse(place.dataset.tick);
    const input = document.createElement("input"), words = document.createElement("label");
    Object.assign(input, { type: "checkbox", checked: on });
    input.addEventListener("change", () => dash_clientside.set_props(id, { data: input.checked }));
    words.append(input, label);
    place.replaceChildren(words);
  }

  // Those who listen hear `2 MHz`, not `-10`.
  function say(slider) {
    const told = slider.querySelector(".told"), input = slider.querySelector("input");
    if (told && input && told.textContent) input.setAttribute("aria-valuetext", told.textContent);
  }

  new MutationObserver((records) => {
    for (const record of records) {
      const at = record.target.nodeType === 1 ? record.target : record.target.parentElement;
      const told = at?.closest(".told");
      if (told) say(told.parentElement);
      for (const node of record.addedNodes) {
        if (node.nodeType !== 1) continue;
        for (const place of node.querySelectorAll("[data-rail]:empty")) rail(place);
        for (const place of node.querySelectorAll("[data-tick]:empty")) tick(place);
      }
    }
  }).observe(document.documentElement, { subtree: true, childList: true, characterData: true });
})();
