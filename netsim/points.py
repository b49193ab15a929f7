"""A sweep as one tidy table: a row per point and round, and a summary per point."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from netsim.result import Result

if TYPE_CHECKING:
    from pandas import DataFrame

    from netsim.sweep import Outcome


def points_table(outcomes: Sequence[Outcome], target: float | None) -> DataFrame:
    """Rows of all finished points: point, the settings, round, sim_time_s, accuracy, loss, bits, energy.

    `time_to_accuracy_s` repeats, for every row of a point, when it first reached `target` (NaN: never).
    """
    import pandas as pd

    tables = []
    for outcome in outcomes:
        if outcome.folder is None:
            continue
        rounds = Result.load(outcome.folder).rounds
        kept = ["round", "sim_time_s", "accuracy", "loss", "local_steps"]
        kept += [name for name in rounds.columns if name.startswith(("bits_", "energy_"))]
        table = rounds[kept].copy()
        table["time_to_accuracy_s"] = time_to(rounds, target)
        for path, value in reversed(list(outcome.point.settings.items())):
            table.insert(
                0, path, [value if isinstance(value, int | float | str) else str(value)] * len(table)
            )
        table.insert(0, "point", outcome.point.index)
        tables.append(table)
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame({"point": []})


def time_to(rounds: DataFrame, target: float | None) -> float:
    """Simulated seconds until accuracy first reached `target`; NaN if it never did, or there is no target."""
    reached = rounds[rounds["accuracy"] >= target] if target is not None else rounds[:0]
    return float(reached["sim_time_s"].iloc[0]) if len(reached) else float("nan")


def common_target(outcomes: Sequence[Outcome]) -> float | None:
    """The highest accuracy that every finished point reached, to two digits; None where there is none."""
    best = [Result.load(o.folder).rounds["accuracy"].max() for o in outcomes if o.folder is not None]
    known = [float(value) for value in best if value == value]
    return int(100 * min(known)) / 100 if known else None


def write_points(table: DataFrame, folder: Path) -> Path:
    """Write points.parquet, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / ".points.parquet.partial"
    table.to_parquet(fresh, compression="zstd", index=False)
    return fresh.replace(folder / "points.parquet")
