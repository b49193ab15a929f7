"""Metrics of sweep settings that depend on a slider: accuracy at a deadline, time to a target accuracy."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from netsim.reports import formatting
from netsim.reports.page_parts import Chooser
from netsim.reports.pareto import deadline_chooser, deadlines, slider_steps
from netsim.reports.settings import Floats, Setting


class MetricQuery(NamedTuple):
    """A metric of every run of a setting as a function of a slider's option.

    `values(setting, option)` returns one number per run, NaN where a run has none; `format_value` writes a value in
    SI units with its unit; `options` are the values of the slider, `best` is the better direction.
    """

    chooser: Chooser
    options: Sequence[float]
    values: Callable[[Setting, float], Floats]
    name: str
    title: str
    scale: formatting.Scale
    format_value: Callable[[float], str]
    best: Literal["highest", "lowest"]

    def mean(self, setting: Setting, option: float) -> float:
        """The mean over seeds in the unit of `scale`; NaN unless every seed has a value."""
        values = self.values(setting, option)
        return float(values.mean()) / self.scale.size if len(values) else float("nan")


def accuracy_by_deadline(settings: Sequence[Setting]) -> MetricQuery | None:
    """Accuracy of the last model by the deadline; None without a deadline or an accuracy."""
    times = deadlines(settings)
    if not times or not any(setting.runs for setting in settings):
        return None
    return MetricQuery(
        deadline_chooser(settings),
        times,
        Setting.at_deadline,
        "Accuracy at the deadline",
        "Accuracy at the deadline (share)",
        formatting.Scale(1.0, ""),
        formatting.accuracy,
        "highest",
    )


def time_to_target(settings: Sequence[Setting], preset: float) -> MetricQuery | None:
    """Simulated time to the target accuracy; None without an accuracy. `preset` is the slider's initial value."""
    levels = target_levels(settings, preset)
    if not levels:
        return None
    texts = [formatting.accuracy(level) for level in levels]
    initial = levels.index(preset) if preset in levels else len(levels) // 2
    end = max(float(setting.rows["sim_time_s"].max()) for setting in settings)
    scale = formatting.time_scale(end)
    return MetricQuery(
        Chooser("target", "Target accuracy", texts, "slider", initial),
        levels,
        Setting.cost_to_reach,
        "Time to the target",
        f"Simulated time to the target ({scale.unit})",
        scale,
        formatting.seconds,
        "lowest",
    )


def target_levels(settings: Sequence[Setting], preset: float) -> list[float]:
    """Increasing accuracies from above the initial models' to the highest one reached, including `preset`."""
    runs = [run for setting in settings for run in setting.runs if len(run.accuracy)]
    if not runs:
        return []
    low, high = max(float(run.accuracy[0]) for run in runs), max(float(run.accuracy.max()) for run in runs)
    if low >= high:
        return []
    count = slider_steps(settings, 24)
    # Settings differ most near the highest accuracy: half of the levels lie in the last fifth of the range.
    middle, step = high - 0.2 * (high - low), 100 if high - low > 0.2 else 1000
    ends = np.linspace(low, middle, count // 2, endpoint=False)[1:], np.linspace(middle, high, count // 2)
    levels = {math.floor(float(level) * step) / step for level in np.concatenate(ends)}
    return sorted(level for level in levels | ({preset} if preset == preset else set()) if level > low)
