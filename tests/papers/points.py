"""Points of a sweep for the claims: parsed settings, statistics over seeds, the best of a grid."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd


def read_points(runs: Path, name: str) -> pd.DataFrame:
    """The evaluated rows of a sweep's points.parquet; settings that are JSON are parsed, absent ones are None."""
    table = pd.read_parquet(runs / f"{name}-sweep" / "points.parquet")
    for column in table.columns[1 : list(table.columns).index("seed")]:
        table[column] = pd.Series([parsed(value) for value in table[column]], index=table.index, dtype=object)
    return table[table["loss"].notna()].reset_index(drop=True)


def parsed(value: object) -> Any:
    """A cell of a swept column: mappings, lists and booleans parsed from JSON, NaN as None."""
    if isinstance(value, str) and (value[:1] in "[{" or value in ("true", "false")):
        return json.loads(value)
    return None if value is None or value != value else value


def ends(points: pd.DataFrame) -> pd.DataFrame:
    """The row of every point's last round."""
    return points.loc[points.groupby("point")["round"].idxmax()]


def tails(points: pd.DataFrame, metric: str, share: float) -> pd.DataFrame:
    """Every point's last row, its metric replaced by the mean over the last `share` of the rounds."""
    late = points[points["round"] >= (1 - share) * points.groupby("point")["round"].transform("max")]
    last = ends(points).set_index("point")
    last[metric] = late.groupby("point")[metric].mean()
    return last.reset_index()


def over_seeds(rows: pd.DataFrame, by: Sequence[str], metric: str) -> pd.DataFrame:
    """Mean, standard deviation and number of seeds of a metric for each setting, in the rows' order."""
    stats = rows.groupby(list(by), sort=False, dropna=False)[metric].agg(["mean", "std", "count"])
    return stats.reset_index()


def best(stats: pd.DataFrame, by: Sequence[str], *, least: bool = False) -> pd.DataFrame:
    """Of every setting of `by` the row of the largest (or least) mean, with the same grid for all."""
    groups = stats.groupby(list(by), sort=False)["mean"]
    return stats.loc[groups.idxmin() if least else groups.idxmax()].reset_index(drop=True)


def pick(points: pd.DataFrame, row: Any, by: Sequence[str]) -> pd.DataFrame:
    """The points that agree with a row in all of `by`."""
    best_rows = pd.Series(True, index=points.index)
    for column in by:
        best_rows &= points[column] == getattr(row, column)
    return points[best_rows]


def spread(mean: float, std: float, digits: int = 4) -> str:
    """Mean and standard deviation with fixed digits."""
    return f"{mean:.{digits}f} ± {std:.{digits}f}"


def power(mean: float, std: float) -> str:
    """Mean and standard deviation with significant digits."""
    return f"{mean:.2g} ± {std:.1g}"


def markdown(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
