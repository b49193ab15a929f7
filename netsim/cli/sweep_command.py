"""`netsim sweep`: run all points of a scenario's sweep, write their table and a comparison page."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from learning.engine import DeviceKind
from netsim.cli.exit_codes import INTERRUPTED, InputError
from netsim.cli.sweep_progress import sweep_progress
from netsim.reports import formatting
from netsim.scenario import load

if TYPE_CHECKING:
    from netsim.sweep import Executor, Outcome

MAX_LISTED_POINTS = 20  # points in a line


@dataclass(frozen=True)
class WorkerOptions:
    """Where points run: processes of this machine, or a Ray cluster with resources per point."""

    engine: Literal["local", "ray"] = "local"
    workers: int = 1
    address: str | None = None
    cpus: float = 1.0
    gpus: float = 0.0
    retries: int = 2


def sweep_command(
    name: str,
    overrides: Sequence[str],
    workers: WorkerOptions,
    solver: Literal["batched", "eager"],
    device: DeviceKind,
    out: Path,
    accuracy: float | None,
) -> int:
    """Run every point, write points.parquet and a comparison; 1 if a point failed, 130 if interrupted."""
    from netsim.sweep import SweepFolders, points_of, run_sweep

    scenario = load(name, overrides)
    if not scenario.sweep:
        raise InputError(
            f"{name} has no `sweep:` section; add one, e.g. sweep: {{seed: [1, 2, 3]}}, or use run"
        )
    file = str(Path(name).absolute()) if workers.engine == "ray" and Path(name).is_file() else name
    points = points_of(file, overrides, scenario)
    folders = SweepFolders.at(out.absolute(), scenario.name, solver, device)
    folders = replace(folders, copies_ledger=workers.engine == "ray")
    _check_writable(folders.sweep_folder)
    executor = _make_executor(workers)
    with sweep_progress(len(points)) as display:
        try:
            outcomes = run_sweep(points, folders, display, executor)
        except KeyboardInterrupt:
            display.interrupted(folders.out / scenario.name)
            return INTERRUPTED
    target = accuracy if accuracy is not None else scenario.stop.target_accuracy
    _write(outcomes, scenario.sweep.paths, target, scenario.name, folders.sweep_folder)
    return 1 if any(outcome.error is not None for outcome in outcomes) else 0


def _make_executor(workers: WorkerOptions) -> Executor:
    from netsim.sweep import InProcess, ProcessPool

    if workers.engine == "ray":
        from netsim.sweep.ray_executor import RayExecutor

        return RayExecutor(workers.address, workers.cpus, workers.gpus, workers.retries)
    if (workers.address, workers.cpus, workers.gpus) != (None, 1.0, 0.0):
        raise InputError(
            "--address, --cpus-per-task and --gpus-per-task apply to a cluster; add --engine ray, or remove them"
        )
    return InProcess() if workers.workers == 1 else ProcessPool(workers.workers, workers.retries)


def _check_writable(folder: Path) -> None:
    """Raise InputError before the training if the folder cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".probe").write_bytes(b"")
        (folder / ".probe").unlink()
    except OSError as error:
        raise InputError(
            f"--out: {folder} cannot be written: {error.strerror}; name another folder"
        ) from None


def _write(
    outcomes: Sequence[Outcome], paths: Sequence[str], target: float | None, name: str, folder: Path
) -> None:
    """Write the table and the comparison page, and print their paths."""
    from netsim.reports import write_comparison
    from netsim.sweep.tables import points_table, write_points

    done = sum(outcome.error is None for outcome in outcomes)
    table = points_table(outcomes, paths, target)
    path = write_points(table, folder)
    if not done:
        return
    report = write_comparison(path, [one for one in paths if one != "seed"], name, folder / "report.html")
    aim = table["target_accuracy"].iloc[0]
    until = (
        f"until {formatting.accuracy(float(aim))}" if aim == aim else "no target, because no model improved"
    )
    of = f" (time_to_accuracy_s: {until})" if table["accuracy"].notna().any() else ""
    sys.stdout.write(f"{done} of {len(outcomes)} points: {path}{of}\nreport: {report}\n")
    sys.stdout.write(_deadline_warnings(outcomes))


def _deadline_warnings(outcomes: Sequence[Outcome]) -> str:
    """Return a line per deadline before which some points complete no round."""
    from netsim.results.run_folder import read_manifest

    points: dict[float, list[int]] = {}
    for outcome in outcomes:
        manifest = {} if outcome.folder is None else read_manifest(outcome.folder)
        if manifest.get("stopped_by") == "deadline" and not manifest.get("rounds"):
            deadline_s = outcome.point.load().stop.deadline
            points.setdefault(deadline_s or 0.0, []).append(outcome.point.index + 1)
    return "".join(
        f"no round fits before the deadline of {formatting.seconds(deadline_s)}: point{'s' if len(mine) > 1 else ''} "
        f"{', '.join(map(str, mine[:MAX_LISTED_POINTS]))}{' ...' if len(mine) > MAX_LISTED_POINTS else ''} "
        f"of {len(outcomes)}\n"
        for deadline_s, mine in points.items()
    )
