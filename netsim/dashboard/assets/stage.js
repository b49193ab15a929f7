// Puts each stage's markup in place and lets the report's own script draw it; a redrawn stage keeps what was chosen.
"use strict";
(() => {
  const drawn = new WeakMap();

  const choices = (root) => [...root.querySelectorAll("input[data-chooser]")]
    .filter((input) => input.type === "range" || input.checked)
    .map((input) => [input.dataset.chooser, input.type, input.value, input.max]);

  const hidden = (root) => [...root.querySelectorAll('button[aria-pressed="false"]')]
    .map((button) => button.dataset.figure + button.textContent);

  function restore(root, known) {
    for (const [key, type, value, max] of known) {
      for (const input of root.querySelectorAll(`input[data-chooser="${CSS.escape(key)}"]`)) {
        if (type === "range" && input.max === max) input.value = value;
        if (type === "radio") input.checked = input.value === value;
      }
    }
  }

  function place(root) {
    const at = document.activeElement;
    if (!at || !root.contains(at)) return null;
    return at.dataset.chooser ? `input[data-chooser="${CSS.escape(at.dataset.chooser)}"]${at.type === "radio" ? ":checked" : ""}` : null;
  }

  function draw(root) {
    const known = choices(root), away = hidden(root), focus = place(root);
    drawn.get(root)?.();
    for (const plot of root.querySelectorAll(".plot")) Plotly.purge(plot);
    root.style.minHeight = `${root.offsetHeight}px`;
    const page = root.dataset.page ? JSON.parse(root.dataset.page) : { html: "", figures: {}, options: {} };
    root.innerHTML = page.html;
    restore(root, known);
    drawn.set(root, netsimStage(root, page));
    for (const button of root.querySelectorAll("button[data-traces]")) {
      if (away.includes(button.dataset.figure + button.textContent)) button.click();
    }
    root.style.minHeight = "";
    if (focus) root.querySelector(focus)?.focus();
  }

  new MutationObserver((records) => {
    const stages = new Set();
    for (const record of records) {
      if (record.type === "attributes") stages.add(record.target);
      for (const node of record.addedNodes) {
        if (node.nodeType !== 1) continue;
        if (node.matches(".stage")) stages.add(node);
        node.querySelectorAll(".stage").forEach((stage) => stages.add(stage));
      }
    }
    for (const stage of stages) if (stage.isConnected) draw(stage);
  }).observe(document.documentElement, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-page"] });
})();
