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
    def last(self) -> DataFrame:
        """The last row of each of its runs; a metric that was not evaluated there is the one before."""
        return self.rows.groupby("point").last()

    def curve(self, metric: str, most: int) -> DataFrame:
        """By round, over the rounds that every seed has: mean of all columns, and the metric's `low` and `high`."""
        seen = self.rows[self.rows[metric].notna()]
        rounds = seen.groupby("round")
        table = rounds.mean(numeric_only=True)
        table["low"], table["high"] = rounds[metric].min(), rounds[metric].max()
        table = table[rounds.size() == self.rows["point"].nunique()].reset_index()
        return table.iloc[thin(len(table), most)]


def band_chooser(settings: Sequence[Setting]) -> Chooser:
    """What accuracy is drawn against."""
    return Chooser("axis", "Against", _known_axes(settings))


def bands(settings: Sequence[Setting], target: float) -> Figure:
    """Accuracy, or the loss of a task that has none, against the chosen axis; a rule at the target."""
    scored = any(setting.rows["accuracy"].notna().any() for setting in settings)
    metric, title = ("accuracy", "Accuracy on the test set (share)") if scored else ("loss", "Loss")
    most = max(50, _POINTS // len(settings))
    curves = [setting.curve(metric, most) for setting in settings]
    traces: list[Trace] = []
    legend: list[Legend] = []
    for setting, curve in zip(settings, curves, strict=True):
        first = len(traces)
        if setting.rows["point"].nunique() > 1:
            traces.append(_band(setting, curve))
        traces.append(_line(setting, column(curve, metric).tolist()))
        legend.append(Legend(setting.label, "line", [setting.colour], list(range(first, len(traces)))))
    changes = [_onto(name, settings, curves) for name in _known_axes(settings)]
    for trace, x in zip(traces, changes[0].traces["x"], strict=True):
        trace["x"] = x
    frame = layout(420, str(changes[0].layout["xaxis.title.text"]), title)
    if scored and not math.isnan(target):
        frame["shapes"] = [_rule(target)]
    return Figure("curves", title.partition(" ")[0], _SAYS, traces, frame, legend, {"axis": changes})


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


def _band(setting: Setting, curve: DataFrame) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "y": _json([*curve["high"].tolist(), *reversed(curve["low"].tolist())]),
        "fill": "toself",
        "fillcolor": faint(setting.colour),
        "line": {"width": 0},
        "hoverinfo": "skip",
    }


def _onto(name: str, settings: Sequence[Setting], curves: Sequence[DataFrame]) -> Change:
    """All traces against one axis, in its unit."""
    key, title = _AXES[name]
    scale = _scale(key, max((float(curve[key].max()) for curve in curves if len(curve)), default=0.0))
    xs: list[Any] = []
    for setting, curve in zip(settings, curves, strict=True):
        values = numbers(column(curve, key) / scale.size)
        if setting.rows["point"].nunique() > 1:
            xs.append([*values, *reversed(values)])
        xs.append(values)
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


_SAYS = (
    "One line per setting: the mean over its seeds, round by round. Its band reaches from the lowest to the highest "
    "seed in that round."
)
