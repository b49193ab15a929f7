"""Accuracy and loss of every setting: a line for the mean over its seeds, a band from the lowest to the highest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from netsim.views import human
from netsim.views.axes import column, layout, numbers
from netsim.views.labels import as_written
from netsim.views.palette import GREY, faint
from netsim.views.parts import Change, Chooser, Figure, Legend, Trace
from netsim.views.settings import Setting, spendable

if TYPE_CHECKING:
    from pandas import DataFrame

LEGIBLE = 12
"""Settings that a legend, or a band each, can tell apart."""

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


def stretch_chooser() -> Chooser:
    """Curves that rose together part at their ends, where a plot of the whole shows nothing."""
    return Chooser("stretch", "Show", ["Whole curve", "Its last stretch"])


def curve_figures(settings: Sequence[Setting], target: float) -> list[Figure]:
    """Accuracy and loss, as far as the task has them, against the chosen axis; a rule at the target accuracy."""
    figures = [_figure(settings, metric, target) for metric in _metrics(settings)]
    return [figure for figure in figures if figure is not None]


def scale_of(name: str, largest: float) -> human.Scale:
    """The unit of an axis along which `name` (of SPENDABLE) is spent."""
    if name == "sim_time_s":
        return human.time_scale(largest)
    if name in ("bits", "bits_up"):
        return human.bit_scale(largest)
    return human.joule_scale(largest) if name == "energy_j" else human.Scale(1.0, "")


def titled(name: str, scale: human.Scale) -> str:
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
    traces: list[Trace] = []
    mine: list[list[int]] = []
    for curve in curves:
        drawn = [*([_band(curve)] if curve.banded else []), _line(curve)]
        mine.append(list(range(len(traces), len(traces) + len(drawn))))
        traces += drawn
    changes = [_onto(name, curves) for name in spendable(settings)]
    for trace, x in zip(traces, changes[0].traces["x"], strict=True):
        trace["x"] = x
    title, y_title = _metrics(settings)[metric]
    frame = layout(420, str(changes[0].layout["xaxis.title.text"]), y_title)
    if metric == "accuracy" and not math.isnan(target):
        frame["shapes"] = [rule(target)]
    known = {"axis": changes, "stretch": _stretches(curves)}
    return Figure(metric, title, _says(curves), traces, frame, legend(settings, mine), known)


def _stretches(curves: Sequence[_Curve]) -> list[Change]:
    """The whole height, or the tenth of it in which the curves end."""
    tables = [c.table for c in curves if len(c.table)]
    low, high = min(float(t["low"].min()) for t in tables), max(float(t["high"].max()) for t in tables)
    tenth = (high - low) / 10
    rising = curves[0].metric == "accuracy"
    ends = [high - tenth, high + tenth / 5] if rising else [low - tenth / 5, low + tenth]
    return [Change(layout={"yaxis.autorange": True}), Change(layout={"yaxis.range": ends})]


def _line(curve: _Curve) -> Trace:
    label, colour = curve.setting.label, curve.setting.colour
    return {
        "type": "scatter",
        "mode": "lines",
        "name": label,
        "y": numbers(column(curve.table, curve.metric)),
        "line": {"color": colour, "width": 2 if curve.banded else 1.5},
        "hovertemplate": f"{as_written(label)}: %{{y:.4g}} at %{{x:.4g}}<extra></extra>",
    }


def _band(curve: _Curve) -> Trace:
    low, high = (numbers(column(curve.table, end)) for end in ("low", "high"))
    colour = faint(curve.setting.colour, 0.2)
    style = {"type": "scatter", "mode": "lines", "fill": "toself", "fillcolor": colour, "line": {"width": 0}}
    return {**style, "y": [*high, *reversed(low)], "hoverinfo": "skip"}


def _onto(name: str, curves: Sequence[_Curve]) -> Change:
    """All traces against one axis, in its unit."""
    scale = scale_of(name, max((float(c.table[name].max()) for c in curves if len(c.table)), default=0.0))
    xs: list[Any] = []
    for curve in curves:
        values = numbers(column(curve.table, name) / scale.size)
        xs += [[*values, *reversed(values)], values] if curve.banded else [values]
    return Change({"x": xs}, {"xaxis.title.text": titled(name, scale), "xaxis.autorange": True})


def rule(target: float) -> dict[str, Any]:
    """A dotted line across a plot at the height of `target`."""
    line = {"color": GREY, "width": 1, "dash": "dot"}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": target, "y1": target, "line": line}


def _says(curves: Sequence[_Curve]) -> str:
    what = "One line per setting: the mean over its seeds, round by round."
    spread = " Its band reaches from the lowest to the highest seed in that round."
    ends = [
        f"{c.setting.label} ends at {human.digits(float(c.table[c.metric].iloc[-1]))}"
        for c in curves[:LEGIBLE]
        if len(c.table)
    ]
    return f"{what}{spread if any(c.banded for c in curves) else ''} {'; '.join(ends)}."


AXES = {
    "sim_time_s": ("Simulated time", "Simulated time"),
    "round": ("Rounds", "Global rounds"),
    "local_steps": ("Local steps", "Local SGD steps of a device"),
    "bits_up": ("Uplink bits", "Uplink payload of all layers"),
    "bits": ("Total bits", "Payload of all layers, up and down"),
    "energy_j": ("Energy", "Energy of all nodes"),
}
"""Short name, for choosers, and title of what is spent."""
