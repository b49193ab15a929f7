// Draws the figures inside an element in the colours of the theme, and connects choosers and legends.
"use strict";
function netsimDraw(root, page) {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const touch = matchMedia("(pointer: coarse)").matches;
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function theme(layout) {
    const axis = { gridcolor: colour("--line"), zerolinecolor: colour("--line"), linecolor: colour("--soft"), tickcolor: colour("--soft") };
    const changes = {
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", "font.color": colour("--ink"),
      "font.family": getComputedStyle(document.body).fontFamily,
      "modebar.bgcolor": "rgba(0,0,0,0)", "modebar.color": colour("--soft"), "modebar.activecolor": colour("--ink"),
      "hoverlabel.bgcolor": colour("--card"), "hoverlabel.bordercolor": colour("--soft"), "hoverlabel.font.color": colour("--ink"),
    };
    for (const key of Object.keys(layout).filter((name) => /^[xy]axis\d*$/.test(name))) {
      for (const [name, value] of Object.entries(axis)) changes[`${key}.${name}`] = value;
    }
    return changes;
  }

  // Labels on hatched bars take the text colour of the page.
  function colourLabels(name, figure) {
    const hatched = [...figure.traces.keys()].filter((index) => figure.traces[index].meta === "hatched");
    if (hatched.length) Plotly.restyle(name, { "insidetextfont.color": colour("--ink") }, hatched);
  }

  // Plotly.newPlot requires nested objects where relayout accepts dotted names.
  function nested(layout, changes) {
    const result = structuredClone(layout);
    for (const [path, value] of Object.entries(changes)) {
      const names = path.split(".");
      const last = names.pop();
      names.reduce((at, name) => (at[name] ??= {}), result)[last] = value;
    }
    return result;
  }

  function choose(key, index) {
    for (const [name, figure] of Object.entries(page.figures)) {
      const changes = figure.changes[key] ?? [];
      // A string is the name of another figure with equal changes.
      const change = (typeof changes === "string" ? page.figures[changes].changes[key] : changes)[index];
      if (change) Plotly.update(name, structuredClone(change.traces), structuredClone(change.layout));
    }
  }

  for (const [name, figure] of Object.entries(page.figures)) {
    // Dragging scrolls the page on touch screens and zooms with a mouse.
    const layout = nested({ ...figure.layout, dragmode: touch ? false : "zoom" }, theme(figure.layout));
    Plotly.newPlot(name, figure.traces, layout, page.config);
    colourLabels(name, figure);
  }
  const recolour = () => {
    for (const [name, figure] of Object.entries(page.figures)) {
      Plotly.relayout(name, theme(figure.layout));
      colourLabels(name, figure);
    }
  };
  dark.addEventListener("change", recolour);
  for (const input of root.querySelectorAll("input[type=radio][data-chooser]")) {
    input.addEventListener("change", () => choose(input.dataset.chooser, Number(input.value)));
    if (input.checked && input.value !== "0") choose(input.dataset.chooser, Number(input.value));
  }
  for (const input of root.querySelectorAll("input[type=range][data-chooser]")) {
    const options = page.options[input.dataset.chooser];
    const show = () => {
      input.setAttribute("aria-valuetext", options[input.value]);
      input.nextElementSibling.value = options[input.value];
      choose(input.dataset.chooser, Number(input.value));
    };
    input.addEventListener("input", show);
    show();
  }
  for (const button of root.querySelectorAll("button[data-traces]")) {
    button.addEventListener("click", () => {
      const shown = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(shown));
      Plotly.restyle(button.dataset.figure, { visible: shown }, JSON.parse(button.dataset.traces));
    });
  }
  return () => dark.removeEventListener("change", recolour);
}
const data = document.getElementById("netsim-figures");
if (data) netsimDraw(document, JSON.parse(data.textContent));
