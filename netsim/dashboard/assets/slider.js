// Native sliders: each `data-rail` becomes a range input whose value goes, once it rests, to the store of that id.
"use strict";
(() => {
  const PAUSE_MS = 150;

  function make(rail) {
    const { id, label, most } = JSON.parse(rail.dataset.rail);
    const input = document.createElement("input");
    Object.assign(input, { type: "range", min: -most, max: most, step: 1, value: 0 });
    input.setAttribute("aria-label", label);
    let waiting;
    input.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => dash_clientside.set_props(id, { data: Number(input.value) }), PAUSE_MS);
    });
    rail.replaceChildren(input);
    say(rail.parentElement);
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
        if (node.nodeType === 1) for (const rail of node.querySelectorAll(".rail:empty")) make(rail);
      }
    }
  }).observe(document.documentElement, { subtree: true, childList: true, characterData: true });
})();
