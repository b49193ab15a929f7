"""Figures of a page as PNG, SVG or PDF, drawn by plotly's kaleido (the extra `figures`) with Chrome or Chromium."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from netsim.exports.missing_extra import MissingExtraError
from netsim.reports.page_parts import HATCHED, Figure

FORMATS = ("png", "svg", "pdf")

_WIDTH = 900
_INK = "#1b1f24"


class ChromeError(Exception):
    """Kaleido found no Chrome or Chromium; the message states the remedy."""


def write_figures(figures: Sequence[Figure], out: Path, form: str) -> list[Path]:
    """Write every figure in its initial state as `<key>.<form>` into the folder `out` and return the paths.

    Figures are dark on white and have plotly's legend. Raises MissingExtraError without kaleido, ChromeError without
    a browser.
    """
    if find_spec("kaleido") is None:
        raise MissingExtraError(f"figures as {form.upper()}", "kaleido", "figures")
    import plotly.graph_objects as go
    import plotly.io as pio
    from kaleido.errors import ChromeNotFoundError

    out.mkdir(parents=True, exist_ok=True)
    paths = [out / f"{figure.key}.{form}" for figure in figures]
    figures_of_plotly = [
        go.Figure(data=traces_with_legend(figure), layout=_layout(figure)) for figure in figures
    ]
    heights = [figure.layout.height for figure in figures_of_plotly]
    try:
        pio.write_images(figures_of_plotly, paths, format=form, width=_WIDTH, height=heights, scale=2)
    except ChromeNotFoundError:
        raise ChromeError(
            "figures are drawn with Chrome or Chromium and none was found; install one, "
            "or set the path of its program in the environment: BROWSER_PATH=/usr/bin/chromium"
        ) from None
    return [path.absolute() for path in paths]


def traces_with_legend(figure: Figure) -> list[dict[str, Any]]:
    """The traces of the figure with one entry of plotly's legend for each legend entry of the page."""
    traces: list[dict[str, Any]] = [{**trace, "showlegend": False} for trace in figure.traces]
    for trace in traces:
        if trace.get("meta") == HATCHED:  # page.js sets the colour of the theme
            trace["insidetextfont"] = {"color": _INK}
    for entry in figure.legend:
        for k in entry.traces:
            traces[k] |= {"legendgroup": entry.label}
        if entry.traces:
            traces[entry.traces[-1]] |= {"showlegend": True, "name": entry.label}
    return traces


def _layout(figure: Figure) -> dict[str, Any]:
    layout: Mapping[str, Any] = figure.layout
    legend = {"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0}
    # On the page title and legend are outside the plot; here the top margin contains them.
    margin = {**layout["margin"], "t": 40 + 26 * -(-len(figure.legend) // 4)}
    title = {"text": figure.title, "x": 0.01, "y": 0.99, "yref": "container", "yanchor": "top"}
    additions = {
        "template": "plotly_white",
        "showlegend": bool(figure.legend),
        "legend": legend,
        "title": title,
        "font": {"size": 13, "color": _INK},
    }
    return {**layout, **additions, "margin": margin, "height": layout["height"] + margin["t"]}
