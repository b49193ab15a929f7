"""Accuracy against cost at a deadline: the settings' positions and the Pareto front."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from netsim.reports import formatting
from netsim.reports.accuracy_bands import MAX_LEGEND_ENTRIES, axis_title, setting_legend
from netsim.reports.axes import base_layout, cost_scale, thin
from netsim.reports.formatting import to_json_numbers
from netsim.reports.labels import escape_plotly_text
from netsim.reports.page_parts import Change, Chooser, Figure, Trace
from netsim.reports.palette import GREY
from netsim.reports.settings import Floats, Setting, cost_columns

_MAX_CORNERS = 80  # of a drawn front
_MAX_INSTANTS = 200  # of a setting


class StopPoint(NamedTuple):
    """A setting stopped at an instant: means over seeds of the cost and of the accuracy."""

    setting: int
    time_s: float
    cost: float
    accuracy: float


def deadlines(settings: Sequence[Setting]) -> list[float]:
    """The deadlines of the slider in simulated seconds, evenly spaced up to the end of the longest run."""
    end = max(float(setting.rows["sim_time_s"].max()) for setting in settings)
    count = slider_steps(settings, 30)
    return [end * (k + 1) / count for k in range(count)] if end > 0 else []


def slider_steps(settings: Sequence[Setting], limit: int) -> int:
    """The number of options of a slider, at least 10; fewer for many settings, since each option stores all of them."""
    return max(10, min(limit, 2400 // len(settings)))


def deadline_chooser(settings: Sequence[Setting]) -> Chooser:
    """The slider over the deadlines; its initial value is the end of the longest run."""
    times = [formatting.seconds(time) for time in deadlines(settings)]
    return Chooser("deadline", "Deadline", times, "slider", len(times) - 1)


def pareto_figures(settings: Sequence[Setting]) -> list[Figure]:
    """Accuracy against latency and, if modelled, against energy; empty without accuracy."""
    if not any(setting.runs for setting in settings) or not deadlines(settings):
        return []
    costs = [name for name in ("sim_time_s", "energy_j") if name in cost_columns(settings)]
    return [_figure(settings, cost_column) for cost_column in costs]


def stop_points(settings: Sequence[Setting], cost_column: str) -> list[StopPoint]:
    """The points at which a setting can stop: after rounds common to its seeds, and at the end of any seed's round.

    The initial model is not included.
    """
    points = []
    for k, setting in enumerate(settings):
        table = setting.mean_curve("accuracy")
        table = table[table["round"] > 0]
        for time_s, cost, accuracy in zip(
            table["sim_time_s"], table[cost_column], table["accuracy"], strict=True
        ):
            points.append(StopPoint(k, float(time_s), float(cost), float(accuracy)))
        points += _at_common_instants(k, setting, cost_column)
    return points


def _at_common_instants(k: int, setting: Setting, cost_column: str) -> list[StopPoint]:
    """All seeds stopped at a common instant, at which they have completed different rounds."""
    if len(setting.runs) < 2:
        return []
    times = np.unique(np.concatenate([run.costs["sim_time_s"] for run in setting.runs]))
    times = times[thin(len(times), _MAX_INSTANTS)]
    means = (setting.at_deadlines(times, what).mean(axis=0) for what in (cost_column, "accuracy"))
    rows = zip(times.tolist(), *(mean.tolist() for mean in means), strict=True)
    return [StopPoint(k, time_s, cost, accuracy) for time_s, cost, accuracy in rows if accuracy == accuracy]


def pareto_front(points: Sequence[StopPoint], deadline_s: float) -> list[StopPoint]:
    """The non-dominated points by the deadline, in order of rising cost and accuracy."""
    front: list[StopPoint] = []
    for point in sorted(points, key=lambda s: (s.cost, -s.accuracy)):
        if point.time_s <= deadline_s and (not front or point.accuracy > front[-1].accuracy):
            front.append(point)
    return front


def _figure(settings: Sequence[Setting], cost_column: str) -> Figure:
    points = stop_points(settings, cost_column)
    end = max(float(run.costs[cost_column][-1]) for setting in settings for run in setting.runs)
    scale = cost_scale(cost_column, end)
    groups = (
        [[k] for k in range(len(settings))]
        if len(settings) <= MAX_LEGEND_ENTRIES
        else [list(range(len(settings)))]
    )
    traces = [_dots([settings[k] for k in group], scale) for group in groups] + [_FRONT.copy()]
    changes = [_change_at(settings, points, groups, cost_column, scale, time) for time in deadlines(settings)]
    for name, values in changes[-1].traces.items():
        for trace, value in zip(traces, values, strict=True):
            trace[name] = value
    layout = base_layout(400, axis_title(cost_column, scale), "Accuracy at the deadline (share)")
    layout["xaxis"]["range"] = [-0.03 * end / scale.size, 1.04 * end / scale.size]
    layout["yaxis"]["range"] = changes[-1].layout["yaxis.range"]
    title = "Latency and accuracy" if cost_column == "sim_time_s" else "Energy and accuracy"
    entries = setting_legend(settings, [[k] for k in range(len(settings))])
    description = _description(settings, pareto_front(points, float("inf")), cost_column)
    return Figure(f"front-{cost_column}", title, description, traces, layout, entries, {"deadline": changes})


def _change_at(
    settings: Sequence[Setting],
    points: Sequence[StopPoint],
    groups: Sequence[Sequence[int]],
    cost_column: str,
    scale: formatting.Scale,
    deadline_s: float,
) -> Change:
    """The traces at a deadline: the position of each setting, then the front."""
    positions = [(s.at_deadline(deadline_s, cost_column), s.at_deadline(deadline_s)) for s in settings]
    cost = [_mean(x) / scale.size for x, _ in positions]
    accuracy = [_mean(y) for _, y in positions]
    current = [
        StopPoint(k, deadline_s, cost[k] * scale.size, accuracy[k])
        for k in range(len(settings))
        if math.isfinite(accuracy[k])
    ]
    front = pareto_front([*points, *current], deadline_s)
    front = _thin_front(front, current)
    xs: list[Any] = [to_json_numbers(np.array([cost[k] for k in group])) for group in groups]
    ys: list[Any] = [to_json_numbers(np.array([accuracy[k] for k in group])) for group in groups]
    edge = deadline_s if cost_column == "sim_time_s" else max((point.cost for point in current), default=0.0)
    last = (
        [StopPoint(front[-1].setting, deadline_s, max(edge, front[-1].cost), front[-1].accuracy)]
        if front
        else []
    )
    xs.append(to_json_numbers(np.array([point.cost / scale.size for point in [*front, *last]])))
    ys.append(to_json_numbers(np.array([point.accuracy for point in [*front, *last]])))
    layout: dict[str, Any] = {
        "yaxis.range": padded_range([*accuracy, *(point.accuracy for point in front[-1:])])
    }
    if cost_column == "sim_time_s":
        layout["shapes"] = [_deadline_line(deadline_s / scale.size)]
    return Change({"x": xs, "y": ys}, layout)


def _thin_front(front: Sequence[StopPoint], discs: Sequence[StopPoint]) -> list[StopPoint]:
    """At most `_MAX_CORNERS` corners, plus the last one before each disc, without which the disc would lie above."""
    if not front:
        return []
    cost = np.array([point.cost for point in front])
    floor_index = np.searchsorted(cost, [disc.cost for disc in discs], side="right") - 1
    indices = np.union1d(thin(len(front), _MAX_CORNERS), floor_index[floor_index >= 0])
    return [front[int(k)] for k in indices]


def padded_range(values: Sequence[float], margin: float = 0.01) -> list[float]:
    """A range around the finite values with a margin of 12 % of it, at least `margin`."""
    finite = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(finite), max(finite)
    padding = max(0.12 * (high - low), margin)
    return [float(f"{end:.5g}") for end in (low - padding, high + padding)]


def _deadline_line(x: float) -> dict[str, Any]:
    line = {"color": GREY, "width": 2}
    return {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": x, "x1": x, "line": line}


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _dots(settings: Sequence[Setting], scale: formatting.Scale) -> Trace:
    texts = [
        f"{escape_plotly_text(s.label)}: accuracy %{{y:.4g}} for %{{x:.4g}} {scale.unit}" for s in settings
    ]
    return {
        "type": "scatter",
        "mode": "markers",
        "marker": {"color": [s.colour for s in settings], "size": 11},
        "hovertemplate": [f"{text}<extra></extra>" for text in texts],
    }


def _description(settings: Sequence[Setting], front: Sequence[StopPoint], cost_column: str) -> str:
    best = [settings[k].label for k in dict.fromkeys(point.setting for point in front)]
    cost = "simulated time" if cost_column == "sim_time_s" else "energy"
    return (
        f"Each disc is a setting: the accuracy of its last model by the deadline against the {cost}. The "
        "dotted line is the Pareto front over all settings and stopping times. "
        + (f"Settings on the front: {', '.join(best[:MAX_LEGEND_ENTRIES])}." if best else "")
    ).strip()


_FRONT: Trace = {
    "type": "scatter",
    "mode": "lines",
    "line": {"color": GREY, "width": 2, "shape": "hv", "dash": "dot"},
    "hoverinfo": "skip",
}
