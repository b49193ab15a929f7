"""The settings of a sweep: groups of runs that differ in their seeds only, with their metrics and costs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from netsim.reports.axes import column, thin
from netsim.reports.palette import algorithm_colours, setting_colours
from netsim.reports.setting_labels import UNCHANGED, has_part_names, label_values
from netsim.units import DIMENSIONS, parse

if TYPE_CHECKING:
    from pandas import DataFrame

Floats = NDArray[np.float64]
NO_ROUND = "no round by the deadline"
"""Text shown in place of a result for a setting whose runs completed no round."""
COST_COLUMNS = ("sim_time_s", "round", "local_steps", "bits_up", "bits", "energy_j")
"""Cumulative costs of a run, as columns of a grouped table; `bits_up` is the sum over layers."""


class Run(NamedTuple):
    """The evaluated rounds of one run: accuracy, and the cumulative costs by column of `COST_COLUMNS`."""

    accuracy: Floats
    costs: dict[str, Floats]

    def indices_at(self, deadlines_s: Floats) -> NDArray[np.int64]:
        """Index of the last evaluation at or before each deadline; -1 if none follows a completed round."""
        indices = np.searchsorted(self.costs["sim_time_s"], deadlines_s, side="right") - 1
        trained = np.append(self.costs["round"] > 0, [False])
        return np.where(trained[indices], indices, -1)

    def cost_to_reach(self, target: float, cost: str) -> float:
        """The cost when accuracy first reached `target`; NaN if it never did."""
        reached = np.flatnonzero(self.accuracy >= target)
        return float(self.costs[cost][reached[0]]) if len(reached) else float("nan")


@dataclass(frozen=True, eq=False)
class Setting:
    """The points of a sweep with equal swept values apart from the seed.

    `rows` is their part of the points table, `values` are the swept values in the order of the axes and
    `value_labels` their labels.
    """

    label: str
    colour: str
    rows: DataFrame
    values: tuple[object, ...] = ()
    value_labels: tuple[str, ...] = ()

    @cached_property
    def last_rows(self) -> DataFrame:
        """The last row of each run; a metric that was not evaluated there has its previous value."""
        return self.rows.groupby("point").last()

    @cached_property
    def runs(self) -> list[Run]:
        """The evaluated rounds of each run; runs without an accuracy are omitted."""
        evaluated = self.rows[self.rows["accuracy"].notna()]
        return [_run(group) for _, group in evaluated.groupby("point", sort=False)]

    @cached_property
    def trained_runs(self) -> int:
        """The number of runs that completed a round."""
        return int((self.last_rows["round"] > 0).sum())

    def at_deadline(self, deadline_s: float, quantity: str = "accuracy") -> Floats:
        """Accuracy, or a cost, of every run's last evaluation by the deadline; shape (runs,).

        NaN for a run without an evaluation after a completed round.
        """
        return self.at_deadlines(np.array([deadline_s]), quantity)[:, 0]

    def at_deadlines(self, deadlines_s: Floats, quantity: str) -> Floats:
        """As `at_deadline`, for several deadlines; shape (runs, deadlines)."""
        values = np.full((len(self.runs), len(deadlines_s)), np.nan)
        for run, row in zip(self.runs, values, strict=True):
            series = run.accuracy if quantity == "accuracy" else run.costs[quantity]
            indices = run.indices_at(deadlines_s)
            row[indices >= 0] = series[indices[indices >= 0]]
        return values

    def cost_to_reach(self, target: float, cost: str = "sim_time_s") -> Floats:
        """The cost of each run when it first reached `target`; NaN where it never did; shape (runs,)."""
        return np.array([run.cost_to_reach(target, cost) for run in self.runs])

    def mean_curve(self, metric: str, limit: int | None = None) -> DataFrame:
        """Means of all columns over seeds, by round, and the columns `low` and `high` of the metric.

        The rounds are those in which every seed was evaluated. If that is the first round only, a row with the mean
        of the last models, at their mean round, follows. At most `limit` evenly spaced rounds are returned.
        """
        if metric not in self._curves:
            evaluated = self.rows[self.rows[metric].notna()]
            rounds = evaluated.groupby("round")
            table = rounds.mean(numeric_only=True)
            table["low"], table["high"] = rounds[metric].min(), rounds[metric].max()
            common = table[rounds.size() == self.rows["point"].nunique()].reset_index()
            self._curves[metric] = self._with_last_models(common, evaluated, metric)
        table = self._curves[metric]
        return table if limit is None else table.iloc[thin(len(table), limit)]

    def _with_last_models(self, common: DataFrame, evaluated: DataFrame, metric: str) -> DataFrame:
        import pandas as pd

        last = evaluated.groupby("point").last()
        if (common["round"] > 0).any() or not len(last) or not (last["round"] > 0).all():
            return common
        mean = last.mean(numeric_only=True).to_frame().T
        row = mean.assign(low=last[metric].min(), high=last[metric].max())
        return pd.concat([common, row[[name for name in common.columns if name in row]]], ignore_index=True)

    @cached_property
    def _curves(self) -> dict[str, DataFrame]:
        return {}


def group_settings(table: DataFrame, axes: Sequence[str]) -> list[Setting]:
    """Group a points table into settings, in the order of the points; without axes all seeds form one setting."""
    table = table.assign(bits_up=table[[n for n in table.columns if _UP.fullmatch(n)]].sum(axis=1))
    if not axes:
        return [Setting("all seeds", setting_colours(1)[0], table)]
    groups = [(_tuple(key), group) for key, group in table.groupby(list(axes), sort=False, dropna=False)]
    colours = _algorithm_colours([group for _, group in groups]) or setting_colours(len(groups))
    columns = list(zip(*(key for key, _ in groups), strict=True))
    value_labels = list(zip(*map(label_values, columns), strict=True))
    labels = _labels(axes, columns, value_labels)
    return [
        Setting(label, colour, group, key, texts)
        for (key, group), colour, label, texts in zip(groups, colours, labels, value_labels, strict=True)
    ]


def _algorithm_colours(groups: Sequence[DataFrame]) -> list[str] | None:
    """The colours of the algorithms if the settings differ in their algorithms; else None."""
    if any("recipe" not in group.columns for group in groups):
        return None
    names = [[str(name) for name in group["recipe"].unique()] for group in groups]
    return algorithm_colours([name for (name,) in names]) if all(len(name) == 1 for name in names) else None


def cost_columns(settings: Sequence[Setting]) -> list[str]:
    """The columns of `COST_COLUMNS` that the settings have."""
    return [name for name in COST_COLUMNS if name in settings[0].rows.columns]


def untrained_settings(settings: Sequence[Setting]) -> list[Setting]:
    """The settings of which no run completed a round."""
    return [setting for setting in settings if not setting.trained_runs]


def parse_number(value: object) -> float | None:
    """A swept value as a number in SI units (`5 MHz` is 5e6); None for text, lists and missing values."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float | np.number):
        return float(value) if np.isfinite(value) else None
    for dimension in DIMENSIONS:
        try:
            return parse(value, dimension)
        except ValueError:
            continue
    return None


def last_key(path: str) -> str:
    """The last key of an override's path: `network[0].cell.uplink` gives `uplink`."""
    return path.rpartition(".")[2]


def _run(group: DataFrame) -> Run:
    costs = {name: column(group, name) for name in COST_COLUMNS if name in group.columns}
    return Run(column(group, "accuracy"), costs)


def _tuple(key: object) -> tuple[object, ...]:
    return key if isinstance(key, tuple) else (key,)


def _labels(
    axes: Sequence[str], columns: Sequence[Sequence[object]], value_labels: Sequence[Sequence[str]]
) -> list[str]:
    """Labels such as `uplink 5 MHz, tau 5`; if exactly one axis holds parts, its key is omitted."""
    is_named = [
        path == "algorithm" or has_part_names(column) for path, column in zip(axes, columns, strict=True)
    ]
    part_axes = [path for path, named in zip(axes, is_named, strict=True) if named]
    without_key = part_axes[0] if len(part_axes) == 1 else None
    labels = []
    for texts in value_labels:
        pairs = [(path, text) for path, text in zip(axes, texts, strict=True) if text != UNCHANGED]
        labels.append(
            ", ".join(text if path == without_key else f"{last_key(path)} {text}" for path, text in pairs)
        )
    return [label or UNCHANGED for label in labels]


_UP = re.compile(r"bits_up_\d+")
