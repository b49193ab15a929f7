// Inserts the markup of each report view and draws its figures with page.js; a redrawn view keeps its selections.
"use strict";
(() => {
  const drawn = new WeakMap();

  const choices = (root) => [...root.querySelectorAll("input[data-chooser]")]
    .filter((input) => input.type === "range" || input.checked)
    .map((input) => [input.dataset.chooser, input.type, input.value, input.max]);

  const hidden = (root) => [...root.querySelectorAll('button[aria-pressed="false"]')]
    .map((button) => button.dataset.figure + button.textContent);

  function restore(root, selections) {
    for (const [key, type, value, max] of selections) {
      for (const input of root.querySelectorAll(`input[data-chooser="${CSS.escape(key)}"]`)) {
        if (type === "range" && input.max === max) input.value = value;
        if (type === "radio") input.checked = input.value === value;
      }
    }
  }

  function focusSelector(root) {
    const at = document.activeElement;
    if (!at || !root.contains(at)) return null;
    return at.dataset.chooser ? `input[data-chooser="${CSS.escape(at.dataset.chooser)}"]${at.type === "radio" ? ":checked" : ""}` : null;
  }

  function draw(root) {
    const selections = choices(root), hiddenTraces = hidden(root), focus = focusSelector(root);
    drawn.get(root)?.();
    for (const plot of root.querySelectorAll(".plot")) Plotly.purge(plot);
    root.style.minHeight = `${root.offsetHeight}px`;
    const page = root.dataset.page ? JSON.parse(root.dataset.page) : { html: "", figures: {}, options: {} };
    root.innerHTML = page.html;
    restore(root, selections);
    drawn.set(root, netsimDraw(root, page));
    for (const button of root.querySelectorAll("button[data-traces]")) {
      if (hiddenTraces.includes(button.dataset.figure + button.textContent)) button.click();
    }
    root.style.minHeight = "";
    if (focus) root.querySelector(focus)?.focus();
  }

  new MutationObserver((records) => {
    const views = new Set();
    for (const record of records) {
      if (record.type === "attributes") views.add(record.target);
      for (const node of record.addedNodes) {
        if (node.nodeType !== 1) continue;
        if (node.matches(".report-view")) views.add(node);
        node.querySelectorAll(".report-view").forEach((view) => views.add(view));
      }
    }
    for (const view of views) if (view.isConnected) draw(view);
  }).observe(document.documentElement, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-page"] });
})();
