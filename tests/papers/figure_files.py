"""Figures of docs/results.md: plotly, drawn to PNG by a headless Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from netsim.reports.palette import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILLION, with_opacity

COLOURS = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY, GREY)
WIDTH, HEIGHT = 980, 400
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-sync", "--no-first-run"]


def panels(titles: Sequence[str], x: Sequence[str], y: str, *, shared: bool = True) -> go.Figure:
    """An empty figure of panels side by side, with their axes' titles."""
    figure = make_subplots(
        cols=len(titles), subplot_titles=list(titles), shared_yaxes=shared, horizontal_spacing=0.06
    )
    figure.update_layout(
        template="plotly_white",
        font={"size": 13, "color": "#1b1f24", "family": "sans-serif"},
        legend={"orientation": "h", "y": -0.2, "x": 0, "yanchor": "top"},
        margin={"l": 70, "r": 20, "t": 40, "b": 110},
    )
    for column, title in enumerate(x, start=1):
        figure.update_xaxes(title_text=title, row=1, col=column)
    figure.update_yaxes(title_text=y, row=1, col=1)
    return figure


def line(
    figure: go.Figure,
    rows: pd.DataFrame,
    x: str,
    y: str,
    name: str,
    colour: str,
    panel: int,
    dash: str = "solid",
) -> None:
    """A metric over x: the mean over seeds and a band from the minimum to the maximum, per round."""
    stats = rows.groupby("round").agg(x=(x, "mean"), mean=(y, "mean"), low=(y, "min"), high=(y, "max"))
    stats = stats[stats["x"] > 0] if figure.layout[_axis("xaxis", panel)].type == "log" else stats
    in_legend = not any(trace.name == name and trace.showlegend for trace in figure.data)
    band = {
        "mode": "lines",
        "line": {"width": 0},
        "hoverinfo": "skip",
        "showlegend": False,
        "legendgroup": name,
    }
    figure.add_scatter(x=stats["x"], y=stats["high"], row=1, col=panel, **band)
    band |= {"fill": "tonexty", "fillcolor": with_opacity(colour, 0.18)}
    figure.add_scatter(x=stats["x"], y=stats["low"], row=1, col=panel, **band)
    figure.add_scatter(
        x=stats["x"], y=stats["mean"], name=name, legendgroup=name, showlegend=in_legend, mode="lines",
        line={"color": colour, "width": 2, "dash": dash}, row=1, col=panel,
    )  # fmt: skip


def dots(
    figure: go.Figure,
    stats: pd.DataFrame,
    x: str,
    name: str,
    colour: str,
    panel: int,
    *,
    joined: bool = False,
) -> None:
    """Means over seeds with their standard deviations."""
    in_legend = not any(trace.name == name and trace.showlegend for trace in figure.data)
    figure.add_scatter(
        x=stats[x], y=stats["mean"], error_y={"type": "data", "array": stats["std"], "thickness": 1.5},
        name=name, legendgroup=name, showlegend=in_legend, mode="lines+markers" if joined else "markers",
        marker={"color": colour, "size": 9}, line={"color": colour, "width": 2}, row=1, col=panel,
    )  # fmt: skip


def write_png(figure: go.Figure, path: Path, height: int = HEIGHT) -> None:
    """Write the figure as PNG. Needs playwright (the extra `test`) and a Chromium."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    figure.update_layout(width=WIDTH, height=height)
    page_text = figure.to_html(include_plotlyjs="inline", config={"staticPlot": True}, full_html=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        page = browser.new_page(
            viewport={"width": WIDTH + 16, "height": height + 16}, device_scale_factor=1.5
        )
        page.set_content(page_text)
        page.wait_for_selector(".main-svg")
        page.locator(".plotly-graph-div").screenshot(path=str(path))
        browser.close()


def _axis(name: str, panel: int) -> str:
    return name if panel == 1 else f"{name}{panel}"
