"""Accuracy and loss of every setting: mean over seeds as a line, range over seeds as a band."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from netsim.reports import formatting
from netsim.reports.axes import base_layout, column, cost_scale
from netsim.reports.formatting import to_json_numbers
from netsim.reports.labels import escape_plotly_text
from netsim.reports.page_parts import Change, Chooser, Figure, LegendEntry, Trace
from netsim.reports.palette import GREY, with_opacity
from netsim.reports.settings import NO_ROUND, Setting, cost_columns

if TYPE_CHECKING:
    from pandas import DataFrame

MAX_LEGEND_ENTRIES = 12
"""Settings up to which a legend and bands are drawn; more are not legible."""

_MARKED = 12  # curves with fewer points have markers at the evaluations
_MAX_POINTS = 5_000  # of all curves together; a third of it with bands


class _Curve(NamedTuple):
    """One metric of one setting by round, and whether it has a band."""

    setting: Setting
    metric: str
    table: DataFrame
    banded: bool


def curve_chooser(settings: Sequence[Setting]) -> Chooser:
    """The chooser of the horizontal axis of accuracy and loss."""
    return Chooser("axis", "Horizontal axis", [COST_LABELS[name][0] for name in cost_columns(settings)])


def range_chooser() -> Chooser:
    """The chooser of the vertical range: all rounds, or the second half, where differences are small."""
    return Chooser("part", "Vertical range", ["All rounds", "Second half of the rounds"])


def metric_figures(settings: Sequence[Setting], target: float) -> list[Figure]:
    """Accuracy and loss, where evaluated, over the selected axis, with a line at the target accuracy."""
    figures = [_figure(settings, metric, target) for metric in _metrics(settings)]
    return [figure for figure in figures if figure is not None]


def axis_title(name: str, scale: formatting.Scale) -> str:
    """The title of the axis of a cost, with its unit."""
    return f"{COST_LABELS[name][1]} ({scale.unit})" if scale.unit else COST_LABELS[name][1]


def setting_legend(settings: Sequence[Setting], traces: Sequence[Sequence[int]]) -> list[LegendEntry]:
    """A legend entry for every setting; none for more than `MAX_LEGEND_ENTRIES`."""
    if not 2 <= len(settings) <= MAX_LEGEND_ENTRIES:
        return []
    return [
        LegendEntry(s.label, "line", [s.colour], list(own)) for s, own in zip(settings, traces, strict=True)
    ]


def _metrics(settings: Sequence[Setting]) -> dict[str, tuple[str, str]]:
    """The metrics of which some setting has two values, with figure title and axis title."""
    titles = {"accuracy": ("Accuracy", "Accuracy on the test set (share)"), "loss": ("Loss", "Loss")}
    return {
        name: pair for name, pair in titles.items() if any(s.rows[name].notna().sum() > 1 for s in settings)
    }


def _figure(settings: Sequence[Setting], metric: str, target: float) -> Figure | None:
    banded = len(settings) <= MAX_LEGEND_ENTRIES
    limit = max(20, _MAX_POINTS // (3 if banded else 1) // len(settings))
    curves = [
        _Curve(s, metric, s.mean_curve(metric, limit), banded and s.rows["point"].nunique() > 1)
        for s in settings
    ]
    with_band = [k for k, curve in enumerate(curves) if curve.banded]
    opacity = max(0.05, 0.25 / max(1, len(with_band)) ** 0.5)
    traces = [_band(curves[k], opacity) for k in with_band]  # below all lines
    own_traces = [
        [*([with_band.index(k)] if curve.banded else []), len(with_band) + k]
        for k, curve in enumerate(curves)
    ]
    traces += [_line(curve) for curve in curves]
    changes = [_change_to_axis(name, curves) for name in cost_columns(settings)]
    for trace, x in zip(traces, changes[0].traces["x"], strict=True):
        trace["x"] = x
    title, y_title = _metrics(settings)[metric]
    layout = base_layout(420, str(changes[0].layout["xaxis.title.text"]), y_title)
    if metric == "accuracy" and not math.isnan(target):
        layout["shapes"] = [target_line(target)]
    by_chooser = {"axis": changes, "part": _range_changes(curves)}
    return Figure(
        metric, title, _description(curves), traces, layout, setting_legend(settings, own_traces), by_chooser
    )


def _range_changes(curves: Sequence[_Curve]) -> list[Change]:
    """The full vertical range, and the range of the second half of the rounds."""
    late = [curve.table.iloc[len(curve.table) // 2 :] for curve in curves if len(curve.table)]
    low, high = min(float(t["low"].min()) for t in late), max(float(t["high"].max()) for t in late)
    margin = 0.05 * (high - low) or 0.01
    upper = {"yaxis.autorange": False, "yaxis.range": [low - margin, high + margin]}
    return [Change(layout={"yaxis.autorange": True}), Change(layout=upper)]


def _line(curve: _Curve) -> Trace:
    """The mean curve; short curves have markers, crosses if no round was completed."""
    label, colour = curve.setting.label, curve.setting.colour
    if not curve.setting.trained_runs:
        label = f"{label} ({NO_ROUND})"
    return {
        "type": "scatter",
        "mode": "lines+markers" if len(curve.table) < _MARKED else "lines",
        "marker": {
            "color": colour,
            "size": 6,
            "symbol": "circle" if curve.setting.trained_runs else "x-thin-open",
        },
        "name": label,
        "y": to_json_numbers(column(curve.table, curve.metric)),
        "line": {"color": colour, "width": 2 if curve.banded else 1.5},
        "hovertemplate": f"{escape_plotly_text(label)}: %{{y:.4g}} at %{{x:.4g}}<extra></extra>",
    }


def _band(curve: _Curve, opacity: float) -> Trace:
    low, high = (to_json_numbers(column(curve.table, end)) for end in ("low", "high"))
    colour = with_opacity(curve.setting.colour, opacity)
    style = {"type": "scatter", "mode": "lines", "fill": "toself", "fillcolor": colour, "line": {"width": 0}}
    return {**style, "y": [*high, *reversed(low)], "hoverinfo": "skip"}


def _change_to_axis(name: str, curves: Sequence[_Curve]) -> Change:
    """Draw all traces over the axis of one cost, in its unit."""
    scale = cost_scale(name, max((float(c.table[name].max()) for c in curves if len(c.table)), default=0.0))
    lines = [to_json_numbers(column(curve.table, name) / scale.size) for curve in curves]
    banded = [x for x, curve in zip(lines, curves, strict=True) if curve.banded]
    xs = [[*x, *reversed(x)] for x in banded] + lines
    return Change({"x": xs}, {"xaxis.title.text": axis_title(name, scale), "xaxis.autorange": True})


def target_line(target: float) -> dict[str, Any]:
    """A dotted horizontal line at `target`."""
    line = {"color": GREY, "width": 1, "dash": "dot"}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": target, "y1": target, "line": line}


def _description(curves: Sequence[_Curve]) -> str:
    ends = [
        f"{c.setting.label} ends at {formatting.number(float(c.table[c.metric].iloc[-1]))}"
        if c.setting.trained_runs
        else f"{c.setting.label}: {NO_ROUND}"
        for c in curves[:MAX_LEGEND_ENTRIES]
        if len(c.table)
    ]
    return f"{CURVES_CAPTION} {'; '.join(ends)}."


CURVES_CAPTION = (
    "One line per setting: the mean over its seeds in the rounds in which all seeds were evaluated. If there is no "
    "such round, the mean of the last models is shown. The band covers the range from the lowest to the highest seed."
)
COST_LABELS = {
    "sim_time_s": ("Simulated time", "Simulated time"),
    "round": ("Rounds", "Global rounds"),
    "local_steps": ("Local steps", "Local SGD steps of a device"),
    "bits_up": ("Uplink bits", "Uplink payload of all layers"),
    "bits": ("Total bits", "Payload of all layers, up and down"),
    "energy_j": ("Energy", "Energy of all nodes"),
}
"""For each cost: its label on choosers, and its axis title."""
