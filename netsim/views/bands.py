"""Accuracy of every setting of a sweep: a line for the mean over its seeds, a band from the lowest to the highest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from netsim.views import human
from netsim.views.axes import column, layout, numbers, thin
from netsim.views.palette import GREY, faint
from netsim.views.parts import Change, Chooser, Figure, Legend, Trace

if TYPE_CHECKING:
    from pandas import DataFrame

_POINTS = 20_000  # of all curves together
_AXES = {
    "Simulated time": ("sim_time_s", "Simulated time"),
    "Rounds": ("round", "Global rounds"),
    "Bits": ("bits", "Payload of all layers, up and down"),
    "Energy": ("energy_j", "Energy of all nodes"),
}


@dataclass(frozen=True, eq=False)
class Setting:
    """What a sweep's points with one setting have in common: their label, their colour, their rows."""

    label: str
    colour: str
    rows: DataFrame

    @cached_property
    def runs(self) -> int:
        """How many points have the setting."""
        return int(self.rows["point"].nunique())

    @cached_property
    def last(self) -> DataFrame:
        """The last row of each of its runs; a metric that was not evaluated there is the one before."""
        return self.rows.groupby("point").last()

    def curve(self, metric: str, most: int) -> DataFrame:
        """By round, over the rounds that every seed has: mean of all columns, and the metric's `low` and `high`."""
        seen = self.rows[self.rows[metric].notna()]
        rounds = seen.groupby("round")
        table = rounds.mean(numeric_only=True)
        table["low"], table["high"] = rounds[metric].min(), rounds[metric].max()
        table = table[rounds.size() == self.runs].reset_index()
        return table.iloc[thin(len(table), most)]


def choosers(settings: Sequence[Setting]) -> list[Chooser]:
    """What accuracy is drawn against, and how much of it is shown: late differences are small beside the start."""
    shown = [Chooser("part", "Shown", ["Whole", "Upper part"])] if _metric(settings) == "accuracy" else []
    return [Chooser("axis", "Against", _known_axes(settings)), *shown]


def bands(settings: Sequence[Setting], target: float) -> Figure:
    """Accuracy, or the loss of a task that has none, against the chosen axis; a rule at the target."""
    metric = _metric(settings)
    title = {"accuracy": "Accuracy on the test set (share)", "loss": "Loss"}[metric]
    most = max(50, _POINTS // len(settings))
    curves = [setting.curve(metric, most) for setting in settings]
    repeated = [k for k, setting in enumerate(settings) if setting.runs > 1]
    share = max(0.05, 0.25 / max(1, len(repeated)) ** 0.5)
    traces = [_band(settings[k], curves[k], share) for k in repeated]  # below all lines
    legend: list[Legend] = []
    for k, (setting, curve) in enumerate(zip(settings, curves, strict=True)):
        mine = [repeated.index(k), len(traces)] if k in repeated else [len(traces)]
        legend.append(Legend(setting.label, "line", [setting.colour], mine))
        traces.append(_line(setting, column(curve, metric).tolist()))
    changes = [_onto(name, settings, curves) for name in _known_axes(settings)]
    for trace, x in zip(traces, changes[0].traces["x"], strict=True):
        trace["x"] = x
    frame = layout(420, str(changes[0].layout["xaxis.title.text"]), title)
    if not math.isnan(target):
        frame["shapes"] = [_rule(target)]
    known = {"axis": changes, "part": _parts(curves)} if metric == "accuracy" else {"axis": changes}
    return Figure("curves", title.partition(" ")[0], SAYS, traces, frame, legend, known)


def _metric(settings: Sequence[Setting]) -> str:
    return "accuracy" if any(setting.rows["accuracy"].notna().any() for setting in settings) else "loss"


def _parts(curves: Sequence[DataFrame]) -> list[Change]:
    """All of it, or what lies above the lowest accuracy half-way through the rounds."""
    middles = [float(curve["low"].iloc[len(curve) // 2]) for curve in curves if len(curve)]
    tops = [float(curve["high"].max()) for curve in curves if len(curve)]
    low, high = min(middles, default=0.0), max(tops, default=1.0)
    room = 0.05 * (high - low) or 0.01
    upper = {"yaxis.autorange": False, "yaxis.range": [low - room, high + room]}
    return [Change(layout={"yaxis.autorange": True}), Change(layout=upper)]


def _known_axes(settings: Sequence[Setting]) -> list[str]:
    columns = settings[0].rows.columns
    return [name for name, (key, _) in _AXES.items() if key in columns]


def _line(setting: Setting, y: list[float]) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": setting.label,
        "y": _json(y),
        "line": {"color": setting.colour, "width": 2},
        "hovertemplate": f"{setting.label}: %{{y:.4g}} at %{{x:.4g}}<extra></extra>",
    }


def _band(setting: Setting, curve: DataFrame, share: float) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "y": _json([*curve["high"].tolist(), *reversed(curve["low"].tolist())]),
        "fill": "toself",
        "fillcolor": faint(setting.colour, share),
        "line": {"width": 0},
        "hoverinfo": "skip",
    }


def _onto(name: str, settings: Sequence[Setting], curves: Sequence[DataFrame]) -> Change:
    """All traces against one axis, in its unit."""
    key, title = _AXES[name]
    scale = _scale(key, max((float(curve[key].max()) for curve in curves if len(curve)), default=0.0))
    lines = [numbers(column(curve, key) / scale.size) for curve in curves]
    repeated = [x for x, setting in zip(lines, settings, strict=True) if setting.runs > 1]
    xs = [[*x, *reversed(x)] for x in repeated] + lines
    unit = f" ({scale.unit})" if scale.unit else ""
    return Change({"x": xs}, {"xaxis.title.text": f"{title}{unit}", "xaxis.autorange": True})


def _scale(key: str, largest: float) -> human.Scale:
    if key == "sim_time_s":
        return human.time_scale(largest)
    if key == "round":
        return human.Scale(1.0, "")
    return human.bit_scale(largest) if key == "bits" else human.joule_scale(largest)


def _rule(target: float) -> dict[str, Any]:
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "y0": target,
        "y1": target,
        "line": {"color": GREY, "width": 1, "dash": "dot"},
    }


def _json(values: list[float]) -> list[float | None]:
    return [float(f"{value:.6g}") if math.isfinite(value) else None for value in values]


SAYS = (
    "One line per setting: the mean over its seeds, round by round, as far as all of them got. Its band reaches from "
    "the lowest to the highest seed in that round."
)
