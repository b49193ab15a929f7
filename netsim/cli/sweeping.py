"""`netsim sweep`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from learning.engine import DeviceKind, EngineKind
from netsim.cli.guard import InputError
from netsim.scenario import load


def sweep_command(
    name: str,
    overrides: Sequence[str],
    workers: int,
    engine: EngineKind,
    device: DeviceKind,
    out: Path,
    accuracy: float | None,
) -> int:
    """Run every point, write points.parquet and a comparison; 1 if a point failed."""
    from netsim.points import common_target, points_table, write_points
    from netsim.sweep import Outcome, Workplace, points_of, run_sweep
    from netsim.views import write_comparison

    scenario = load(name, overrides)
    if not scenario.sweep:
        raise InputError(
            f"{name} has no `sweep:` section; add one, e.g. sweep: {{seed: [1, 2, 3]}}, or use run"
        )
    points = points_of(name, overrides, scenario)
    done = 0

    def told(outcome: Outcome) -> None:
        nonlocal done
        done += 1
        end = "done" if outcome.error is None else outcome.error
        sys.stderr.write(f"point {done}/{len(points)}  {outcome.point.label}: {end}\n")

    outcomes = run_sweep(points, Workplace(out, engine, device, workers), told)
    target = accuracy if accuracy is not None else scenario.stop.target_accuracy or common_target(outcomes)
    folder = out / f"{scenario.name}-sweep"
    table = write_points(points_table(outcomes, target), folder)
    failed = [outcome for outcome in outcomes if outcome.error is not None]
    if len(failed) < len(outcomes):
        report = write_comparison(table, list(scenario.sweep), scenario.name, target, folder / "report.html")
        sys.stdout.write(
            f"{len(outcomes) - len(failed)} of {len(outcomes)} points: {table.absolute()}\nreport: {report}\n"
        )
    return 1 if failed else 0
