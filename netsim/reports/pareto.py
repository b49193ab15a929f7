"""Who is worth its cost: at a deadline every setting's accuracy against what it has spent, and the Pareto front."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from netsim.reports import formatting
from netsim.reports.accuracy_bands import LEGIBLE, legend, scale_of, titled
from netsim.reports.axes import layout, numbers, thin
from netsim.reports.labels import as_written
from netsim.reports.page_parts import Change, Chooser, Figure, Trace
from netsim.reports.palette import GREY
from netsim.reports.settings import Floats, Setting, spendable

_CORNERS = 80  # of a front
_MOMENTS = 200  # of a setting


class Stop(NamedTuple):
    """Stopping a setting after a round: the mean over seeds of what was spent and of the accuracy."""

    setting: int
    time_s: float
    spent: float
    accuracy: float


def deadlines(settings: Sequence[Setting]) -> list[float]:
    """The deadlines on the slider in simulated seconds: evenly spaced up to the end of the longest run."""
    end = max(float(setting.rows["sim_time_s"].max()) for setting in settings)
    count = steps(settings, 30)
    return [end * (k + 1) / count for k in range(count)] if end > 0 else []


def steps(settings: Sequence[Setting], most: int) -> int:
    """So many options of a slider that a page of many settings stays small: each option holds all of them."""
    return max(10, min(most, 2400 // len(settings)))


def deadline_chooser(settings: Sequence[Setting]) -> Chooser:
    """The slider; it begins at the end, where nothing is cut."""
    times = [formatting.seconds(time) for time in deadlines(settings)]
    return Chooser("deadline", "Deadline", times, "slider", len(times) - 1)


def front_figures(settings: Sequence[Setting]) -> list[Figure]:
    """Latency against accuracy, and energy against accuracy where joules were counted; empty without accuracy."""
    if not any(setting.runs for setting in settings) or not deadlines(settings):
        return []
    costs = [name for name in ("sim_time_s", "energy_j") if name in spendable(settings)]
    return [_figure(settings, cost) for cost in costs]


def stops(settings: Sequence[Setting], cost: str) -> list[Stop]:
    """Where a setting could be stopped: after every round that all its seeds have, and when any seed ends one.

    The model before the training is no stop.
    """
    found = []
    for k, setting in enumerate(settings):
        table = setting.curve("accuracy")
        table = table[table["round"] > 0]
        for time_s, spent, accuracy in zip(table["sim_time_s"], table[cost], table["accuracy"], strict=True):
            found.append(Stop(k, float(time_s), float(spent), float(accuracy)))
        found += _moments(k, setting, cost)
    return found


def _moments(k: int, setting: Setting, cost: str) -> list[Stop]:
    """Stopping all seeds at one instant, which finds them after different rounds."""
    if len(setting.runs) < 2:
        return []
    times = np.unique(np.concatenate([run.spent["sim_time_s"] for run in setting.runs]))
    times = times[thin(len(times), _MOMENTS)]
    means = (setting.over(times, what).mean(axis=0) for what in (cost, "accuracy"))
    rows = zip(times.tolist(), *(mean.tolist() for mean in means), strict=True)
    return [Stop(k, time_s, spent, accuracy) for time_s, spent, accuracy in rows if accuracy == accuracy]


def pareto(found: Sequence[Stop], deadline_s: float) -> list[Stop]:
    """The stops in time for the deadline that no other beats: for every other, more accurate or less spent."""
    front: list[Stop] = []
    for stop in sorted(found, key=lambda s: (s.spent, -s.accuracy)):
        if stop.time_s <= deadline_s and (not front or stop.accuracy > front[-1].accuracy):
            front.append(stop)
    return front


def _figure(settings: Sequence[Setting], cost: str) -> Figure:
    found = stops(settings, cost)
    end = max(float(run.spent[cost][-1]) for setting in settings for run in setting.runs)
    scale = scale_of(cost, end)
    packs = [[k] for k in range(len(settings))] if len(settings) <= LEGIBLE else [list(range(len(settings)))]
    traces = [_dots([settings[k] for k in pack], scale) for pack in packs] + [_FRONT.copy()]
    changes = [_by(settings, found, packs, cost, scale, time) for time in deadlines(settings)]
    for name, values in changes[-1].traces.items():
        for trace, value in zip(traces, values, strict=True):
            trace[name] = value
    frame = layout(400, titled(cost, scale), "Accuracy at the deadline (share)")
    frame["xaxis"]["range"] = [-0.03 * end / scale.size, 1.04 * end / scale.size]
    frame["yaxis"]["range"] = changes[-1].layout["yaxis.range"]
    title = "Latency and accuracy" if cost == "sim_time_s" else "Energy and accuracy"
    entries = legend(settings, [[k] for k in range(len(settings))])
    says = _says(settings, pareto(found, float("inf")), cost)
    return Figure(f"front-{cost}", title, says, traces, frame, entries, {"deadline": changes})


def _by(
    settings: Sequence[Setting],
    found: Sequence[Stop],
    packs: Sequence[Sequence[int]],
    cost: str,
    scale: formatting.Scale,
    deadline_s: float,
) -> Change:
    """All traces as they stand at the deadline: where each setting is, then the front."""
    where = [(s.at(deadline_s, cost), s.at(deadline_s)) for s in settings]
    spent = [_mean(x) / scale.size for x, _ in where]
    accuracy = [_mean(y) for _, y in where]
    here = [
        Stop(k, deadline_s, spent[k] * scale.size, accuracy[k])
        for k in range(len(settings))
        if math.isfinite(accuracy[k])
    ]
    front = pareto([*found, *here], deadline_s)
    front = _drawn(front, here)
    xs: list[Any] = [numbers(np.array([spent[k] for k in pack])) for pack in packs]
    ys: list[Any] = [numbers(np.array([accuracy[k] for k in pack])) for pack in packs]
    edge = deadline_s if cost == "sim_time_s" else max((stop.spent for stop in here), default=0.0)
    last = (
        [Stop(front[-1].setting, deadline_s, max(edge, front[-1].spent), front[-1].accuracy)] if front else []
    )
    xs.append(numbers(np.array([stop.spent / scale.size for stop in [*front, *last]])))
    ys.append(numbers(np.array([stop.accuracy for stop in [*front, *last]])))
    drawn: dict[str, Any] = {"yaxis.range": reach([*accuracy, *(stop.accuracy for stop in front[-1:])])}
    if cost == "sim_time_s":
        drawn["shapes"] = [_end_of_time(deadline_s / scale.size)]
    return Change({"x": xs, "y": ys}, drawn)


def _drawn(front: Sequence[Stop], discs: Sequence[Stop]) -> list[Stop]:
    """Some corners, among them the last before each disc: with that left out the disc would stand above the front."""
    if not front:
        return []
    spent = np.array([stop.spent for stop in front])
    below = np.searchsorted(spent, [disc.spent for disc in discs], side="right") - 1
    kept = np.union1d(thin(len(front), _CORNERS), below[below >= 0])
    return [front[int(k)] for k in kept]


def reach(values: Sequence[float], least: float = 0.01) -> list[float]:
    """A range around the finite values with some room, at least `least` of it, so that no trifle fills a plot."""
    finite = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(finite), max(finite)
    room = max(0.12 * (high - low), least)
    return [float(f"{end:.5g}") for end in (low - room, high + room)]


def _end_of_time(at: float) -> dict[str, Any]:
    line = {"color": GREY, "width": 2}
    return {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": at, "x1": at, "line": line}


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _dots(pack: Sequence[Setting], scale: formatting.Scale) -> Trace:
    texts = [f"{as_written(s.label)}: accuracy %{{y:.4g}} for %{{x:.4g}} {scale.unit}" for s in pack]
    return {
        "type": "scatter",
        "mode": "markers",
        "marker": {"color": [s.colour for s in pack], "size": 11},
        "hovertemplate": [f"{text}<extra></extra>" for text in texts],
    }


def _says(settings: Sequence[Setting], front: Sequence[Stop], cost: str) -> str:
    best = [settings[k].label for k in dict.fromkeys(stop.setting for stop in front)]
    what = "simulated time" if cost == "sim_time_s" else "energy"
    return (
        f"A disc per setting: the accuracy of its last model by the deadline, and the {what} spent on it. The "
        "dotted staircase is the front: what the best setting, stopped in time, reaches. "
        + (f"On it lie {', '.join(best[:LEGIBLE])}." if best else "")
    ).strip()


_FRONT: Trace = {
    "type": "scatter",
    "mode": "lines",
    "line": {"color": GREY, "width": 2, "shape": "hv", "dash": "dot"},
    "hoverinfo": "skip",
}
