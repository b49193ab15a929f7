"""The page of a plan: the bound over two taus, predicted against simulated, the plan among random ones, the front."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from netsim.reports import formatting
from netsim.reports.axes import layout
from netsim.reports.page import page_html, write_page
from netsim.reports.page_parts import (
    Change,
    Chooser,
    Facts,
    Figure,
    Legend,
    Part,
    Section,
    Swatch,
    Table,
    Trace,
    Words,
)
from netsim.reports.palette import BLUE, GREEN, GREY, ORANGE, VERMILLION

Kind = Literal["plan", "bound", "candidate", "random", "met"]


@dataclass(frozen=True)
class BoundMap:
    """The bound over two taus, all else as in the best plan; None where nothing is feasible."""

    names: tuple[str, str]
    across: Sequence[int]
    up: Sequence[int]
    values: Sequence[Sequence[float | None]]
    best: tuple[int, int]


@dataclass(frozen=True)
class Dot:
    """A plan in the figures; what was not simulated is None."""

    label: str
    kind: Kind
    bound: float | None
    predicted_s: float
    """Predicted seconds of as many rounds as were simulated, else of the plan's own."""
    bits: float
    energy_j: float | None
    simulated_s: float | None = None
    score: float | None = None
    error: float = 0.0
    share: float = 1.0
    """Of the deadline, that it was simulated for."""


@dataclass(frozen=True)
class PlanPageData:
    """All that the page shows."""

    title: str
    facts: Sequence[tuple[str, str]]
    notes: Sequence[str]
    landscape: BoundMap | None
    dots: Sequence[Dot]
    score: str
    """What `Dot.score` is: accuracy, or minus the loss."""
    table: Table
    terms: Table


def write_planning(picture: PlanPageData, path: Path) -> Path:
    """Write the page as one self-contained file; atomic. Raises OSError."""
    return write_page(planning_html(picture), path)


def planning_html(picture: PlanPageData) -> str:
    """The page as a string of HTML."""
    return page_html(f"{picture.title}: plan", planning_sections(picture), planning_opening(picture))


def planning_opening(picture: PlanPageData) -> list[Part]:
    """What stands above the sections: the plan's numbers, and notes."""
    return [Facts(picture.facts, large=True), *(Words(note) for note in picture.notes)]


def planning_sections(picture: PlanPageData) -> list[Section]:
    """What the page says below its opening, in order."""
    run = [dot for dot in picture.dots if dot.score is not None]
    sections = [Section("plans", "Plans", [picture.table])]
    if picture.landscape is not None:
        sections.append(
            Section("bound", "The bound", [Words(_BOUND), landscape(picture.landscape), picture.terms])
        )
    else:
        sections.append(Section("bound", "The bound", [picture.terms]))
    if run:
        figures = [against_random(run, picture.score), predicted_against_simulated(run)]
        sections.append(Section("simulated", "Simulated", [Words(_SIMULATED), *figures]))
    sections.append(Section("front", "What it costs", [Words(_FRONT), *front(picture.dots, picture.score)]))
    return sections


def landscape(land: BoundMap) -> Figure:
    """A map of the bound, colours by its logarithm, a star at the plan."""
    values = [[None if v is None else round(math.log10(v), 4) for v in row] for row in land.values]
    hover = f"{land.names[0]} %{{x}}, {land.names[1]} %{{y}}: %{{customdata:.4g}}<extra></extra>"
    flat = [v for row in land.values for v in row if v is not None]
    low, high = (math.log10(end) for end in (min(flat, default=1.0), max(flat, default=10.0)))
    ticks = [low + (high - low) * k / 4 for k in range(5)]
    bar = {"tickvals": ticks, "ticktext": [f"{10**t:.3g}" for t in ticks], "thickness": 14, "outlinewidth": 0}
    area: Trace = {
        "type": "heatmap", "x": list(map(str, land.across)), "y": list(map(str, land.up)), "z": values,
        "customdata": [list(row) for row in land.values], "colorscale": "Cividis", "reversescale": True,
        "hovertemplate": hover, "hoverongaps": False, "colorbar": bar,
    }  # fmt: skip
    star: Trace = {
        "type": "scatter", "mode": "markers", "x": [str(land.best[0])], "y": [str(land.best[1])],
        "marker": {"symbol": "star", "size": 16, "color": VERMILLION, "line": {"color": "white", "width": 1}},
        "hovertemplate": f"the plan: {land.names[0]} {land.best[0]}, {land.names[1]} {land.best[1]}<extra></extra>",
    }  # fmt: skip
    frame = layout(420, land.names[0], land.names[1])
    frame["xaxis"] |= {"type": "category"}
    frame["yaxis"] |= {"type": "category"}
    says = f"The bound is least at {land.names[0]} {land.best[0]} and {land.names[1]} {land.best[1]}."
    return Figure("landscape", "The bound over two taus (less is better)", says, [area, star], frame)


def against_random(dots: Sequence[Dot], score: str) -> Figure:
    """The score at the deadline of every plan that was run to it, best on the left, with standard errors."""
    done = sorted((dot for dot in dots if dot.share == 1), key=lambda dot: -(dot.score or 0.0))
    traces: list[Trace] = []
    legend: list[Legend] = []
    for kind in _STYLE:
        mine = [(rank, dot) for rank, dot in enumerate(done, start=1) if dot.kind == kind]
        if mine:
            legend.append(_legend(kind, len(traces)))
            trace = _dots(
                kind,
                [rank for rank, _ in mine],
                [dot.score for _, dot in mine],
                [dot.label for _, dot in mine],
            )
            bars = {
                "type": "data",
                "array": [dot.error for _, dot in mine],
                "color": GREY,
                "thickness": 1.2,
                "width": 3,
            }
            traces.append(trace | {"error_y": bars, "hovertemplate": "%{text}: %{y:.4f}<extra></extra>"})
    frame = layout(380, "Rank at the deadline", f"{score} at the deadline")
    best = done[0] if done else None
    says = (
        f"Best at the deadline: {best.label} with {best.score:.4f}."
        if best
        else "No plan ran to the deadline."
    )
    return Figure("random", f"{score} before the deadline", says, traces, frame, legend)


def predicted_against_simulated(dots: Sequence[Dot]) -> Figure:
    """Predicted against simulated seconds of the same number of rounds; on the line they agree."""
    pairs = [dot for dot in dots if dot.simulated_s]
    scale = formatting.time_scale(max((dot.simulated_s or 0.0 for dot in pairs), default=1.0))
    traces: list[Trace] = []
    legend: list[Legend] = []
    for kind in _STYLE:
        mine = [dot for dot in pairs if dot.kind == kind]
        if mine:
            legend.append(_legend(kind, len(traces)))
            x, y = (
                [(d.simulated_s or 0.0) / scale.size for d in mine],
                [d.predicted_s / scale.size for d in mine],
            )
            hover = f"%{{text}}: predicted %{{y:.4g}} {scale.unit}, simulated %{{x:.4g}} {scale.unit}<extra></extra>"
            traces.append(_dots(kind, x, y, [d.label for d in mine]) | {"hovertemplate": hover})
    ends = [v / scale.size for d in pairs for v in (d.predicted_s, d.simulated_s or 0.0)] or [0.0, 1.0]
    line = {"type": "scatter", "mode": "lines", "x": [min(ends), max(ends)], "y": [min(ends), max(ends)]}
    traces.append(line | {"line": {"color": GREY, "dash": "dot"}, "hoverinfo": "skip"})
    frame = layout(380, f"Simulated ({scale.unit})", f"Predicted ({scale.unit})")
    worst = max((abs(d.predicted_s / d.simulated_s - 1) for d in pairs if d.simulated_s), default=0.0)
    apart = f"at most {formatting.percent(worst)}" if worst >= 1e-4 else "less than 0.01 %"
    says = f"Predicted and simulated times differ by {apart}."
    return Figure(
        "times",
        f"Predicted against simulated time ({apart} apart)",
        says,
        traces,
        frame,
        legend,
    )


def front(dots: Sequence[Dot], score: str) -> list[Part]:
    """Score (or the bound) against time, bits and energy; ringed: nobody is better in all of them."""
    run = [dot for dot in dots if dot.score is not None and dot.share == 1]
    shown = run or [dot for dot in dots if dot.bound is not None]
    if not shown:
        return [Words("No plan has a finite bound or was run to the deadline.")]
    worth = {id(dot): (-(dot.score or 0.0) if run else (dot.bound or math.inf)) for dot in shown}
    best = [dot for dot in shown if not any(_beats(other, dot, worth) for other in shown)]
    axes = [("Bits", formatting.bit_scale(max(d.bits for d in shown)), [d.bits for d in shown])]
    axes.append(("Time", formatting.time_scale(max(_time(d) for d in shown)), [_time(d) for d in shown]))
    if all(dot.energy_j is not None for dot in shown):
        joules = [dot.energy_j or 0.0 for dot in shown]
        axes.append(("Energy", formatting.joule_scale(max(joules)), joules))
    y = [dot.score if run else dot.bound for dot in shown]
    symbols = ["circle" if dot in best else "circle-open" for dot in shown]
    colours = [_STYLE[dot.kind][0] for dot in shown]
    trace: Trace = {
        "type": "scatter", "mode": "markers", "x": _scaled(axes[0]), "y": y, "text": [dot.label for dot in shown],
        "marker": {"size": 9, "color": colours, "symbol": symbols}, "hovertemplate": "%{text}: %{y:.4g}<extra></extra>",
    }  # fmt: skip
    title = f"{score} at the deadline" if run else "Bound"
    frame = layout(380, f"{axes[0][0]} ({axes[0][1].unit})", title)
    if not run:
        frame["yaxis"] |= {"type": "log", "dtick": "D2"}
    changes = [
        Change({"x": [_scaled(axis)]}, {"xaxis.title.text": f"{axis[0]} ({axis[1].unit})"}) for axis in axes
    ]
    says = f"{len(best)} of {len(shown)} plans are on the front: no other is better in all respects."
    kinds = [kind for kind in _STYLE if any(dot.kind == kind for dot in shown)]
    legend = [Legend(_STYLE[kind][2], "disc", [_STYLE[kind][0]], []) for kind in kinds]
    figure = Figure("front", f"{title} against cost", says, [trace], frame, legend, {"cost": changes})
    return [Chooser("cost", "Cost", [axis[0] for axis in axes]), figure]


def _beats(other: Dot, dot: Dot, worth: dict[int, float]) -> bool:
    a = (worth[id(other)], _time(other), other.bits, other.energy_j or 0.0)
    b = (worth[id(dot)], _time(dot), dot.bits, dot.energy_j or 0.0)
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


def _legend(kind: Kind, trace: int) -> Legend:
    colour, symbol, name = _STYLE[kind]
    swatches: dict[str, Swatch] = {
        "star": "diamond",
        "diamond": "diamond",
        "circle": "disc",
        "circle-open": "ring",
    }
    return Legend(name, swatches[symbol], [colour], [trace])


_STYLE: dict[Kind, tuple[str, str, str]] = {
    "met": (GREY, "circle-open", "points of the search"),
    "random": (ORANGE, "circle-open", "random feasible taus"),
    "candidate": (BLUE, "circle", "other plans"),
    "bound": (GREEN, "diamond", "the bound's choice"),
    "plan": (VERMILLION, "star", "the plan"),
}
_BOUND = "Empty: no round fits, or the theorem says nothing. All other choices are those of the plan."
_SIMULATED = (
    "Real training of every device's model, as `netsim run` does it, until the deadline; bars are standard errors "
    "over seeds."
)
_FRONT = "Filled: on the Pareto front, no other plan is better in all of accuracy (or bound), time, bits and energy."
