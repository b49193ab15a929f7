"""Time to accuracy: a common target of several runs, and the time at which a run first reaches it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pandas import DataFrame


def common_target(runs: Sequence[DataFrame]) -> float | None:
    """Return the highest accuracy, to two or else three digits, that all runs which learned reached.

    Runs that completed no round, or never exceeded the first evaluations of all runs, are ignored: an accuracy of an
    untrained model is no target. None if no run is left. `runs`: tables of rounds.
    """
    scores = [run["accuracy"].dropna() for run in runs if len(run) and run["round"].max() > 0]
    scores = [score for score in scores if len(score)]
    if not scores:
        return None
    start = max(float(score.iloc[0]) for score in scores)
    for step in (100, 1000):
        best = (math.floor(float(score.max()) * step + 1e-9) / step for score in scores)
        if above := [level for level in best if level > start]:
            return min(above)
    return None


def time_to(rounds: DataFrame, target: float | None) -> float:
    """Simulated seconds until accuracy first reached `target`; NaN if it never did, or there is no target."""
    reached = rounds[rounds["accuracy"] >= target] if target is not None else rounds[:0]
    return float(reached["sim_time_s"].iloc[0]) if len(reached) else math.nan
