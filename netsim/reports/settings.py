"""The settings of a sweep: runs that differ in their seeds alone, what each reached, and the axes they lie on."""

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
from netsim.reports.setting_labels import AS_WRITTEN, by_name, spoken
from netsim.units import DIMENSIONS, parse

if TYPE_CHECKING:
    from pandas import DataFrame

Floats = NDArray[np.float64]
NO_ROUND = "no round by the deadline"
"""What is said of a setting whose runs completed none."""
SPENDABLE = ("sim_time_s", "round", "local_steps", "bits_up", "bits", "energy_j")
"""What a run spends, as columns of a settled table; `bits_up` is the sum over layers."""


class Run(NamedTuple):
    """The evaluated rounds of one run: accuracy and what had been spent by then, by column of SPENDABLE."""

    accuracy: Floats
    spent: dict[str, Floats]

    def by(self, deadlines_s: Floats) -> NDArray[np.int64]:
        """The place of the last evaluation at or before each deadline; -1 where none after a round is."""
        places = np.searchsorted(self.spent["sim_time_s"], deadlines_s, side="right") - 1
        trained = np.append(self.spent["round"] > 0, [False])
        return np.where(trained[places], places, -1)

    def until(self, target: float, what: str) -> float:
        """What was spent when accuracy first reached `target`; NaN if it never did."""
        reached = np.flatnonzero(self.accuracy >= target)
        return float(self.spent[what][reached[0]]) if len(reached) else float("nan")


@dataclass(frozen=True, eq=False)
class Setting:
    """What a sweep's points with one setting have in common: label, colour, rows, and their values of the axes.

    `said` holds the values in words.
    """

    label: str
    colour: str
    rows: DataFrame
    values: tuple[object, ...] = ()
    said: tuple[str, ...] = ()

    @cached_property
    def last(self) -> DataFrame:
        """The last row of each of its runs; a metric that was not evaluated there is the one before."""
        return self.rows.groupby("point").last()

    @cached_property
    def runs(self) -> list[Run]:
        """Its runs as far as they were evaluated; runs without an accuracy are left out."""
        seen = self.rows[self.rows["accuracy"].notna()]
        return [_run(group) for _, group in seen.groupby("point", sort=False)]

    @cached_property
    def trained(self) -> int:
        """How many of its runs completed a round."""
        return int((self.last["round"] > 0).sum())

    def at(self, deadline_s: float, what: str = "accuracy") -> Floats:
        """Accuracy, or what had been spent, of every run's last evaluation by the deadline; (runs,).

        NaN for a run that had evaluated no model but the one before its training.
        """
        return self.over(np.array([deadline_s]), what)[:, 0]

    def over(self, deadlines_s: Floats, what: str) -> Floats:
        """As `at`, for many deadlines; (runs, deadlines)."""
        found = np.full((len(self.runs), len(deadlines_s)), np.nan)
        for run, row in zip(self.runs, found, strict=True):
            values = run.accuracy if what == "accuracy" else run.spent[what]
            places = run.by(deadlines_s)
            row[places >= 0] = values[places[places >= 0]]
        return found

    def until(self, target: float, what: str = "sim_time_s") -> Floats:
        """What each run had spent when it first reached `target`; NaN where it never did; (runs,)."""
        return np.array([run.until(target, what) for run in self.runs])

    def curve(self, metric: str, most: int | None = None) -> DataFrame:
        """By round, over the rounds that every seed has: mean of all columns, and the metric's `low` and `high`.

        Where they share no round but the first, the mean of their last models follows, at their mean round.
        With `most` so many evenly spread rounds.
        """
        if metric not in self._curves:
            seen = self.rows[self.rows[metric].notna()]
            rounds = seen.groupby("round")
            table = rounds.mean(numeric_only=True)
            table["low"], table["high"] = rounds[metric].min(), rounds[metric].max()
            whole = table[rounds.size() == self.rows["point"].nunique()].reset_index()
            self._curves[metric] = self._ended(whole, seen, metric)
        table = self._curves[metric]
        return table if most is None else table.iloc[thin(len(table), most)]

    def _ended(self, whole: DataFrame, seen: DataFrame, metric: str) -> DataFrame:
        import pandas as pd

        last = seen.groupby("point").last()
        if (whole["round"] > 0).any() or not len(last) or not (last["round"] > 0).all():
            return whole
        end = last.mean(numeric_only=True).to_frame().T
        ends = end.assign(low=last[metric].min(), high=last[metric].max())
        return pd.concat([whole, ends[[n for n in whole.columns if n in ends]]], ignore_index=True)

    @cached_property
    def _curves(self) -> dict[str, DataFrame]:
        return {}


def settle(table: DataFrame, axes: Sequence[str]) -> list[Setting]:
    """A points table apart by setting, in the order of the points; one setting where seeds alone are swept."""
    table = table.assign(bits_up=table[[n for n in table.columns if _UP.fullmatch(n)]].sum(axis=1))
    if not axes:
        return [Setting("all seeds", setting_colours(1)[0], table)]
    groups = [(_tuple(key), group) for key, group in table.groupby(list(axes), sort=False, dropna=False)]
    colours = _by_algorithm([group for _, group in groups]) or setting_colours(len(groups))
    columns = list(zip(*(key for key, _ in groups), strict=True))
    said = list(zip(*map(spoken, columns), strict=True))
    labels = _labels(axes, columns, said)
    return [
        Setting(label, colour, group, key, words)
        for (key, group), colour, label, words in zip(groups, colours, labels, said, strict=True)
    ]


def _by_algorithm(groups: Sequence[DataFrame]) -> list[str] | None:
    """Each algorithm's own colour where that is what the settings differ in; None elsewhere."""
    if any("recipe" not in group.columns for group in groups):
        return None
    names = [[str(name) for name in group["recipe"].unique()] for group in groups]
    return algorithm_colours([name for (name,) in names]) if all(len(name) == 1 for name in names) else None


def spendable(settings: Sequence[Setting]) -> list[str]:
    """The columns of SPENDABLE that the settings have."""
    return [name for name in SPENDABLE if name in settings[0].rows.columns]


def untrained(settings: Sequence[Setting]) -> list[Setting]:
    """Those of which no run completed a round: what they have is no result."""
    return [setting for setting in settings if not setting.trained]


def number_of(value: object) -> float | None:
    """A swept value as a number in SI units (`5 MHz` is 5e6); None for words, lists and nothing."""
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


def short(path: str) -> str:
    """The last word of an override's path: `network[0].cell.uplink` is `uplink`."""
    return path.rpartition(".")[2]


def _run(group: DataFrame) -> Run:
    spent = {name: column(group, name) for name in SPENDABLE if name in group.columns}
    return Run(column(group, "accuracy"), spent)


def _tuple(key: object) -> tuple[object, ...]:
    return key if isinstance(key, tuple) else (key,)


def _labels(
    axes: Sequence[str], columns: Sequence[Sequence[object]], said: Sequence[Sequence[str]]
) -> list[str]:
    """`uplink 5 MHz, tau 5`; the names of the one axis of parts stand without the word before them."""
    named = [path == "algorithm" or by_name(column) for path, column in zip(axes, columns, strict=True)]
    parts = [path for path, is_named in zip(axes, named, strict=True) if is_named]
    bare = parts[0] if len(parts) == 1 else None
    labels = []
    for words in said:
        told = [(path, word) for path, word in zip(axes, words, strict=True) if word != AS_WRITTEN]
        labels.append(", ".join(word if path == bare else f"{short(path)} {word}" for path, word in told))
    return [label or AS_WRITTEN for label in labels]


_UP = re.compile(r"bits_up_\d+")
