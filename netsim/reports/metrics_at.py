"""What one asks the settings of a sweep: how accurate by a deadline, how soon a target; with the sliders' options."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np

from netsim.reports import formatting
from netsim.reports.page_parts import Chooser
from netsim.reports.pareto import deadline_chooser, deadlines, steps
from netsim.reports.settings import Floats, Setting


class MetricQuery(NamedTuple):
    """A number per run of a setting, and the slider on which it depends.

    `answer` gives NaN for a run that has none; `worth` writes a value in words; `name` and `title` say what it is.
    """

    chooser: Chooser
    options: Sequence[float]
    answer: Callable[[Setting, float], Floats]
    name: str
    title: str
    scale: formatting.Scale
    worth: Callable[[float], str]
    best: Literal["most", "least"]

    def mean(self, setting: Setting, option: float) -> float:
        """The mean over seeds, in `scale`; NaN unless every seed has an answer."""
        values = self.answer(setting, option)
        return float(values.mean()) / self.scale.size if len(values) else float("nan")


def accuracy_by_deadline(settings: Sequence[Setting]) -> MetricQuery | None:
    """Accuracy of the last model by the deadline; None without a deadline or an accuracy."""
    times = deadlines(settings)
    if not times or not any(setting.runs for setting in settings):
        return None
    title = "Accuracy at the deadline (share)"
    share = formatting.Scale(1.0, "")
    at = deadline_chooser(settings)
    return MetricQuery(
        at, times, Setting.at, "Accuracy at the deadline", title, share, formatting.score, "most"
    )


def time_to_target(settings: Sequence[Setting], preset: float) -> MetricQuery | None:
    """Simulated time to the target accuracy; None without an accuracy. The slider begins at `preset`."""
    levels = targets(settings, preset)
    if not levels:
        return None
    texts = [formatting.score(level) for level in levels]
    start = levels.index(preset) if preset in levels else len(levels) // 2
    chooser = Chooser("target", "Target accuracy", texts, "slider", start)
    end = max(float(setting.rows["sim_time_s"].max()) for setting in settings)
    scale = formatting.time_scale(end)
    title = f"Simulated time to the target ({scale.unit})"
    return MetricQuery(
        chooser, levels, Setting.until, "Time to the target", title, scale, formatting.seconds, "least"
    )


def targets(settings: Sequence[Setting], preset: float) -> list[float]:
    """Rising accuracies from above the initial models' to the best that was reached, `preset` among them."""
    runs = [run for setting in settings for run in setting.runs if len(run.accuracy)]
    if not runs:
        return []
    low, high = max(float(run.accuracy[0]) for run in runs), max(float(run.accuracy.max()) for run in runs)
    if low >= high:
        return []
    most = steps(settings, 24)
    # Settings differ in the last stretch: half of the steps lie in its last fifth.
    middle, step = high - 0.2 * (high - low), 100 if high - low > 0.2 else 1000
    ends = np.linspace(low, middle, most // 2, endpoint=False)[1:], np.linspace(middle, high, most // 2)
    levels = {math.floor(float(level) * step) / step for level in np.concatenate(ends)}
    return sorted(level for level in levels | ({preset} if preset == preset else set()) if level > low)
