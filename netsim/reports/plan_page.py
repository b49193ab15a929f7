"""The page of a plan: bound map over two taus, predicted and simulated times, comparison with random plans, costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from netsim.reports import formatting
from netsim.reports.axes import base_layout
from netsim.reports.page import render_page, write_page
from netsim.reports.page_parts import (
    Change,
    Chooser,
    Figure,
    KeyValues,
    LegendEntry,
    PagePart,
    Paragraph,
    Section,
    Swatch,
    Table,
    Trace,
)
from netsim.reports.palette import BLUE, GREEN, GREY, ORANGE, VERMILLION

Kind = Literal["plan", "bound", "candidate", "random", "met"]


@dataclass(frozen=True)
class BoundMap:
    """The bound over two taus, all other choices as in the best plan; None where no round is feasible."""

    names: tuple[str, str]
    x: Sequence[int]
    y: Sequence[int]
    values: Sequence[Sequence[float | None]]
    best: tuple[int, int]


@dataclass(frozen=True)
class Dot:
    """A plan as a point of the figures; simulated values are None for a plan that was not simulated."""

    label: str
    kind: Kind
    bound: float | None
    predicted_s: float
    """Predicted seconds of the number of rounds that was simulated, else of the plan's number of rounds."""
    bits: float
    energy_j: float | None
    simulated_s: float | None = None
    score: float | None = None
    error: float = 0.0
    share: float = 1.0
    """Share of the deadline up to which the plan was simulated."""


@dataclass(frozen=True)
class PlanPageData:
    """The content of the page."""

    title: str
    key_values: Sequence[tuple[str, str]]
    notes: Sequence[str]
    bound_map: BoundMap | None
    dots: Sequence[Dot]
    score: str
    """Meaning of `Dot.score`: accuracy, or the negative loss."""
    table: Table
    terms: Table


def write_plan_page(data: PlanPageData, path: Path) -> Path:
    """Write the page atomically as one self-contained file. Raises OSError."""
    return write_page(render_plan_page(data), path)


def render_plan_page(data: PlanPageData) -> str:
    """The page as HTML."""
    return render_page(f"{data.title}: plan", plan_page_sections(data), plan_page_opening(data))


def plan_page_opening(data: PlanPageData) -> list[PagePart]:
    """The parts above the sections: the numbers of the plan, and notes."""
    return [KeyValues(data.key_values, large=True), *(Paragraph(note) for note in data.notes)]


def plan_page_sections(data: PlanPageData) -> list[Section]:
    """The sections of the page in order."""
    simulated = [dot for dot in data.dots if dot.score is not None]
    sections = [Section("plans", "Plans", [data.table])]
    if data.bound_map is not None:
        sections.append(
            Section("bound", "The bound", [Paragraph(_BOUND), bound_figure(data.bound_map), data.terms])
        )
    else:
        sections.append(Section("bound", "The bound", [data.terms]))
    if simulated:
        figures = [score_figure(simulated, data.score), prediction_figure(simulated)]
        sections.append(Section("simulated", "Simulated", [Paragraph(_SIMULATED), *figures]))
    sections.append(
        Section("front", "Cost of the plans", [Paragraph(_FRONT), *front_parts(data.dots, data.score)])
    )
    return sections


def bound_figure(bound_map: BoundMap) -> Figure:
    """Heat map of the bound on a logarithmic colour scale, with a star at the plan."""
    values = [[None if v is None else round(math.log10(v), 4) for v in row] for row in bound_map.values]
    (x_name, y_name), (best_x, best_y) = bound_map.names, bound_map.best
    hover = f"{x_name} %{{x}}, {y_name} %{{y}}: %{{customdata:.4g}}<extra></extra>"
    flat = [v for row in bound_map.values for v in row if v is not None]
    low, high = (math.log10(end) for end in (min(flat, default=1.0), max(flat, default=10.0)))
    ticks = [low + (high - low) * k / 4 for k in range(5)]
    bar = {"tickvals": ticks, "ticktext": [f"{10**t:.3g}" for t in ticks], "thickness": 14, "outlinewidth": 0}
    area: Trace = {
        "type": "heatmap", "x": list(map(str, bound_map.x)), "y": list(map(str, bound_map.y)), "z": values,
        "customdata": [list(row) for row in bound_map.values], "colorscale": "Cividis", "reversescale": True,
        "hovertemplate": hover, "hoverongaps": False, "colorbar": bar,
    }  # fmt: skip
    star: Trace = {
        "type": "scatter", "mode": "markers", "x": [str(best_x)], "y": [str(best_y)],
        "marker": {"symbol": "star", "size": 16, "color": VERMILLION, "line": {"color": "white", "width": 1}},
        "hovertemplate": f"the plan: {x_name} {best_x}, {y_name} {best_y}<extra></extra>",
    }  # fmt: skip
    layout = base_layout(420, x_name, y_name)
    layout["xaxis"] |= {"type": "category"}
    layout["yaxis"] |= {"type": "category"}
    description = f"The bound is smallest at {x_name} {best_x} and {y_name} {best_y}."
    return Figure("landscape", "Bound over two taus (smaller is better)", description, [area, star], layout)


def score_figure(dots: Sequence[Dot], score: str) -> Figure:
    """Score at the deadline, with standard errors, of every plan that was simulated to it, in descending order."""
    done = sorted((dot for dot in dots if dot.share == 1), key=lambda dot: -(dot.score or 0.0))
    traces: list[Trace] = []
    legend: list[LegendEntry] = []
    for kind in _STYLE:
        ranked = [(rank, dot) for rank, dot in enumerate(done, start=1) if dot.kind == kind]
        if ranked:
            legend.append(_legend(kind, len(traces)))
            trace = _dots(
                kind,
                [rank for rank, _ in ranked],
                [dot.score for _, dot in ranked],
                [dot.label for _, dot in ranked],
            )
            bars = {
                "type": "data",
                "array": [dot.error for _, dot in ranked],
                "color": GREY,
                "thickness": 1.2,
                "width": 3,
            }
            traces.append(trace | {"error_y": bars, "hovertemplate": "%{text}: %{y:.4f}<extra></extra>"})
    layout = base_layout(380, "Rank at the deadline", f"{score} at the deadline")
    best = done[0] if done else None
    description = (
        f"Best at the deadline: {best.label} with {best.score:.4f}."
        if best
        else "No plan was simulated to the deadline."
    )
    return Figure("random", f"{score} at the deadline", description, traces, layout, legend)


def prediction_figure(dots: Sequence[Dot]) -> Figure:
    """Predicted against simulated seconds of the same number of rounds; the diagonal is perfect agreement."""
    pairs = [dot for dot in dots if dot.simulated_s]
    scale = formatting.time_scale(max((dot.simulated_s or 0.0 for dot in pairs), default=1.0))
    traces: list[Trace] = []
    legend: list[LegendEntry] = []
    for kind in _STYLE:
        ranked = [dot for dot in pairs if dot.kind == kind]
        if ranked:
            legend.append(_legend(kind, len(traces)))
            x, y = (
                [(d.simulated_s or 0.0) / scale.size for d in ranked],
                [d.predicted_s / scale.size for d in ranked],
            )
            hover = f"%{{text}}: predicted %{{y:.4g}} {scale.unit}, simulated %{{x:.4g}} {scale.unit}<extra></extra>"
            traces.append(_dots(kind, x, y, [d.label for d in ranked]) | {"hovertemplate": hover})
    ends = [v / scale.size for d in pairs for v in (d.predicted_s, d.simulated_s or 0.0)] or [0.0, 1.0]
    line = {"type": "scatter", "mode": "lines", "x": [min(ends), max(ends)], "y": [min(ends), max(ends)]}
    traces.append(line | {"line": {"color": GREY, "dash": "dot"}, "hoverinfo": "skip"})
    layout = base_layout(380, f"Simulated ({scale.unit})", f"Predicted ({scale.unit})")
    worst = max((abs(d.predicted_s / d.simulated_s - 1) for d in pairs if d.simulated_s), default=0.0)
    difference = f"at most {formatting.percent(worst)}" if worst >= 1e-4 else "less than 0.01 %"
    description = f"Predicted and simulated times differ by {difference}."
    return Figure(
        "times",
        f"Predicted against simulated time (difference {difference})",
        description,
        traces,
        layout,
        legend,
    )


def front_parts(dots: Sequence[Dot], score: str) -> list[PagePart]:
    """Score (or bound) against time, bits or energy; filled markers are on the Pareto front."""
    run = [dot for dot in dots if dot.score is not None and dot.share == 1]
    plotted = run or [dot for dot in dots if dot.bound is not None]
    if not plotted:
        return [Paragraph("No plan has a finite bound, and none was simulated to the deadline.")]
    objective = {id(dot): (-(dot.score or 0.0) if run else (dot.bound or math.inf)) for dot in plotted}
    best = [dot for dot in plotted if not any(_dominates(other, dot, objective) for other in plotted)]
    axes = [("Bits", formatting.bit_scale(max(d.bits for d in plotted)), [d.bits for d in plotted])]
    axes.append(("Time", formatting.time_scale(max(_time(d) for d in plotted)), [_time(d) for d in plotted]))
    if all(dot.energy_j is not None for dot in plotted):
        joules = [dot.energy_j or 0.0 for dot in plotted]
        axes.append(("Energy", formatting.joule_scale(max(joules)), joules))
    y = [dot.score if run else dot.bound for dot in plotted]
    symbols = ["circle" if dot in best else "circle-open" for dot in plotted]
    colours = [_STYLE[dot.kind][0] for dot in plotted]
    trace: Trace = {
        "type": "scatter", "mode": "markers", "x": _scaled(axes[0]), "y": y, "text": [dot.label for dot in plotted],
        "marker": {"size": 9, "color": colours, "symbol": symbols}, "hovertemplate": "%{text}: %{y:.4g}<extra></extra>",
    }  # fmt: skip
    title = f"{score} at the deadline" if run else "Bound"
    layout = base_layout(380, f"{axes[0][0]} ({axes[0][1].unit})", title)
    if not run:
        layout["yaxis"] |= {"type": "log", "dtick": "D2"}
    changes = [
        Change({"x": [_scaled(axis)]}, {"xaxis.title.text": f"{axis[0]} ({axis[1].unit})"}) for axis in axes
    ]
    description = f"{len(best)} of {len(plotted)} plans are on the Pareto front."
    kinds = [kind for kind in _STYLE if any(dot.kind == kind for dot in plotted)]
    legend = [LegendEntry(_STYLE[kind][2], "disc", [_STYLE[kind][0]], []) for kind in kinds]
    figure = Figure("front", f"{title} against cost", description, [trace], layout, legend, {"cost": changes})
    return [Chooser("cost", "Cost", [axis[0] for axis in axes]), figure]


def _dominates(other: Dot, dot: Dot, objective: dict[int, float]) -> bool:
    a = (objective[id(other)], _time(other), other.bits, other.energy_j or 0.0)
    b = (objective[id(dot)], _time(dot), dot.bits, dot.energy_j or 0.0)
    return all(x <= y for x, y in zip(a, b, strict=True)) and a != b


def _time(dot: Dot) -> float:
    return dot.simulated_s if dot.simulated_s is not None else dot.predicted_s


def _scaled(axis: tuple[str, formatting.Scale, Sequence[float]]) -> list[float]:
    return [float(f"{value / axis[1].size:.6g}") for value in axis[2]]


def _dots(kind: Kind, x: Sequence[float], y: Sequence[float | None], labels: Sequence[str]) -> dict[str, Any]:
    colour, symbol, _ = _STYLE[kind]
    marker = {
        "color": colour,
        "symbol": symbol,
        "size": 15 if kind == "plan" else 12 if kind == "bound" else 9,
    }
    return {
        "type": "scatter",
        "mode": "markers",
        "x": list(x),
        "y": list(y),
        "text": list(labels),
        "marker": marker,
    }


def _legend(kind: Kind, trace: int) -> LegendEntry:
    colour, symbol, name = _STYLE[kind]
    swatches: dict[str, Swatch] = {
        "star": "diamond",
        "diamond": "diamond",
        "circle": "disc",
        "circle-open": "ring",
    }
    return LegendEntry(name, swatches[symbol], [colour], [trace])


_STYLE: dict[Kind, tuple[str, str, str]] = {
    "met": (GREY, "circle-open", "visited by the search"),
    "random": (ORANGE, "circle-open", "random feasible taus"),
    "candidate": (BLUE, "circle", "other plans"),
    "bound": (GREEN, "diamond", "the bound's choice"),
    "plan": (VERMILLION, "star", "the plan"),
}
_BOUND = (
    "Empty cells: no round fits the deadline, or the theorem does not apply. "
    "All other choices are those of the plan."
)
_SIMULATED = (
    "Every plan is trained until the deadline, as with `netsim run`. "
    "Error bars are standard errors over seeds."
)
_FRONT = (
    "Filled markers are on the Pareto front: no other plan is at least as good in accuracy (or bound), time, bits and "
    "energy and better in one of them."
)
