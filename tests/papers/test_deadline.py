"""A refined plan against random feasible taus, small enough for every slow run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.papers.deadlines import figure, rows, table, verdict

ARGUMENTS = (
    "quickstart",
    "stop.deadline=800 ms",
    "--calibrate",
    "--refine",
    "8",
    "--compare",
    "8",
    "--seeds",
    "3",
    "--json",
)


@pytest.mark.slow
def test_a_refined_plan_is_among_the_best_at_a_deadline(tmp_path: Path) -> None:
    """Digits over three layers, 0.8 s: no worse than the best of 8 random taus less two errors, above their median."""
    done = subprocess.run(
        [sys.executable, "-m", "netsim", "optimize", *ARGUMENTS],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    completed = rows(json.loads(done.stdout))
    plan = next(row for row in completed if row.kind == "the plan")
    others = sorted(row.accuracy for row in completed if row.kind == "random")
    assert plan.accuracy >= others[-1] - 2 * max(row.error for row in completed if row.accuracy == others[-1])
    assert plan.accuracy > others[len(others) // 2]
    assert "| the plan |" in table(completed)
    assert "against the median" in verdict(completed)
    assert figure(completed).count("<circle") == len(completed) + 4
