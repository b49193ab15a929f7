"""Accuracy and loss of every setting: a line for the mean over its seeds, a band from the lowest to the highest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from netsim.reports import formatting
from netsim.reports.axes import column, layout, numbers
from netsim.reports.labels import as_written
from netsim.reports.page_parts import Change, Chooser, Figure, Legend, Trace
from netsim.reports.palette import GREY, faint
from netsim.reports.settings import NO_ROUND, Setting, spendable

if TYPE_CHECKING:
    from pandas import DataFrame

LEGIBLE = 12
"""Settings that a legend, or a band each, can tell apart."""

_MARKED = 12  # with fewer points than this each one is marked: a reader sees where models were evaluated
_POINTS = 5_000  # of all curves together; with bands a third of them


class _Curve(NamedTuple):
    """One metric of one setting by round, and whether a band belongs to it."""

    setting: Setting
    metric: str
    table: DataFrame
    banded: bool


def curve_chooser(settings: Sequence[Setting]) -> Chooser:
    """What accuracy and loss are drawn against."""
    return Chooser("axis", "Against", [AXES[name][0] for name in spendable(settings)])


def part_chooser() -> Chooser:
    """How much of the curves is shown: late differences are small beside the start."""
    return Chooser("part", "Shown", ["Whole", "Second half of the rounds"])


def curve_figures(settings: Sequence[Setting], target: float) -> list[Figure]:
    """Accuracy and loss, as far as the task has them, against the chosen axis; a rule at the target accuracy."""
    figures = [_figure(settings, metric, target) for metric in _metrics(settings)]
    return [figure for figure in figures if figure is not None]


def scale_of(name: str, largest: float) -> formatting.Scale:
    """The unit of an axis along which `name` (of SPENDABLE) is spent."""
    if name == "sim_time_s":
        return formatting.time_scale(largest)
    if name in ("bits", "bits_up"):
        return formatting.bit_scale(largest)
    return formatting.joule_scale(largest) if name == "energy_j" else formatting.Scale(1.0, "")


def titled(name: str, scale: formatting.Scale) -> str:
    """The title of that axis, with its unit."""
    return f"{AXES[name][1]} ({scale.unit})" if scale.unit else AXES[name][1]


def legend(settings: Sequence[Setting], traces: Sequence[Sequence[int]]) -> list[Legend]:
    """A button for every setting while they are few; a reader of many hovers."""
    if not 2 <= len(settings) <= LEGIBLE:
        return []
    return [Legend(s.label, "line", [s.colour], list(mine)) for s, mine in zip(settings, traces, strict=True)]


def _metrics(settings: Sequence[Setting]) -> dict[str, tuple[str, str]]:
    """Metrics with at least two values somewhere, with their title and that of their axis."""
    known = {"accuracy": ("Accuracy", "Accuracy on the test set (share)"), "loss": ("Loss", "Loss")}
    return {
        name: said for name, said in known.items() if any(s.rows[name].notna().sum() > 1 for s in settings)
    }


def _figure(settings: Sequence[Setting], metric: str, target: float) -> Figure | None:
    banded = len(settings) <= LEGIBLE
    most = max(20, _POINTS // (3 if banded else 1) // len(settings))
    curves = [
        _Curve(s, metric, s.curve(metric, most), banded and s.rows["point"].nunique() > 1) for s in settings
    ]
    repeated = [k for k, curve in enumerate(curves) if curve.banded]
    share = max(0.05, 0.25 / max(1, len(repeated)) ** 0.5)
    traces = [_band(curves[k], share) for k in repeated]  # below all lines
    mine = [
        [*([repeated.index(k)] if curve.banded else []), len(repeated) + k] for k, curve in enumerate(curves)
    ]
    traces += [_line(curve) for curve in curves]
    changes = [_onto(name, curves) for name in spendable(settings)]
    for trace, x in zip(traces, changes[0].traces["x"], strict=True):
        trace["x"] = x
    title, y_title = _metrics(settings)[metric]
    frame = layout(420, str(changes[0].layout["xaxis.title.text"]), y_title)
    if metric == "accuracy" and not math.isnan(target):
        frame["shapes"] = [rule(target)]
    known = {"axis": changes, "part": _parts(curves)}
    return Figure(metric, title, _says(curves), traces, frame, legend(settings, mine), known)


def _parts(curves: Sequence[_Curve]) -> list[Change]:
    """The whole height, or that over which the curves go from half-way through their rounds on."""
    late = [curve.table.iloc[len(curve.table) // 2 :] for curve in curves if len(curve.table)]
    low, high = min(float(t["low"].min()) for t in late), max(float(t["high"].max()) for t in late)
    room = 0.05 * (high - low) or 0.01
    upper = {"yaxis.autorange": False, "yaxis.range": [low - room, high + room]}
    return [Change(layout={"yaxis.autorange": True}), Change(layout=upper)]


def _line(curve: _Curve) -> Trace:
    """A line; its points are marked where they are few, with a cross where no round was completed."""
    label, colour = curve.setting.label, curve.setting.colour
    if not curve.setting.trained:
        label = f"{label} ({NO_ROUND})"
    return {
        "type": "scatter",
        "mode": "lines+markers" if len(curve.table) < _MARKED else "lines",
        "marker": {
            "color": colour,
            "size": 6,
            "symbol": "circle" if curve.setting.trained else "x-thin-open",
        },
        "name": label,
        "y": numbers(column(curve.table, curve.metric)),
        "line": {"color": colour, "width": 2 if curve.banded else 1.5},
        "hovertemplate": f"{as_written(label)}: %{{y:.4g}} at %{{x:.4g}}<extra></extra>",
    }


def _band(curve: _Curve, share: float) -> Trace:
    low, high = (numbers(column(curve.table, end)) for end in ("low", "high"))
    colour = faint(curve.setting.colour, share)
    style = {"type": "scatter", "mode": "lines", "fill": "toself", "fillcolor": colour, "line": {"width": 0}}
    return {**style, "y": [*high, *reversed(low)], "hoverinfo": "skip"}


def _onto(name: str, curves: Sequence[_Curve]) -> Change:
    """All traces against one axis, in its unit."""
    scale = scale_of(name, max((float(c.table[name].max()) for c in curves if len(c.table)), default=0.0))
    lines = [numbers(column(curve.table, name) / scale.size) for curve in curves]
    banded = [x for x, curve in zip(lines, curves, strict=True) if curve.banded]
    xs = [[*x, *reversed(x)] for x in banded] + lines
    return Change({"x": xs}, {"xaxis.title.text": titled(name, scale), "xaxis.autorange": True})


def rule(target: float) -> dict[str, Any]:
    """A dotted line across a plot at the height of `target`."""
    line = {"color": GREY, "width": 1, "dash": "dot"}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": target, "y1": target, "line": line}


def _says(curves: Sequence[_Curve]) -> str:
    ends = [
        f"{c.setting.label} ends at {formatting.digits(float(c.table[c.metric].iloc[-1]))}"
        if c.setting.trained
        else f"{c.setting.label}: {NO_ROUND}"
        for c in curves[:LEGIBLE]
        if len(c.table)
    ]
    return f"{SAYS} {'; '.join(ends)}."


SAYS = (
    "One line per setting: the mean over its seeds, in every round in which all of them were evaluated, or "
    "where there is none, of their last models. Its band reaches from the lowest to the highest seed in that round."
)
AXES = {
    "sim_time_s": ("Simulated time", "Simulated time"),
    "round": ("Rounds", "Global rounds"),
    "local_steps": ("Local steps", "Local SGD steps of a device"),
    "bits_up": ("Uplink bits", "Uplink payload of all layers"),
    "bits": ("Total bits", "Payload of all layers, up and down"),
    "energy_j": ("Energy", "Energy of all nodes"),
}
"""Short name, for choosers, and title of what is spent."""
