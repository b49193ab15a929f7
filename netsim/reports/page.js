// Draws the figures below an element in the colours of the theme and lets choosers and legends change them.
"use strict";
function netsimStage(root, page) {
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

  // Labels on a bar have the page's background behind them where the bar is hatched.
  function letter(name, figure) {
    const hatched = [...figure.traces.keys()].filter((index) => figure.traces[index].meta === "hatched");
    if (hatched.length) Plotly.restyle(name, { "insidetextfont.color": colour("--ink") }, hatched);
  }

  // Plotly.newPlot wants nested objects where relayout takes dotted names.
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
      const known = figure.changes[key] ?? [];
      // A name stands for the changes of the figure of that name.
      const change = (typeof known === "string" ? page.figures[known].changes[key] : known)[index];
      if (change) Plotly.update(name, structuredClone(change.traces), structuredClone(change.layout));
    }
  }

  for (const [name, figure] of Object.entries(page.figures)) {
    // A finger that swipes over a plot scrolls the page; a mouse zooms.
    const layout = nested({ ...figure.layout, dragmode: touch ? false : "zoom" }, theme(figure.layout));
    Plotly.newPlot(name, figure.traces, layout, page.config);
    letter(name, figure);
  }
  const recolour = () => {
    for (const [name, figure] of Object.entries(page.figures)) {
      Plotly.relayout(name, theme(figure.layout));
      letter(name, figure);
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
const own = document.getElementById("netsim-figures");
if (own) netsimStage(document, JSON.parse(own.textContent));
