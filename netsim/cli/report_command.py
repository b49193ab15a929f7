"""`netsim report`: a run's page, a sweep's, or one for several runs beside one another."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from netsim.cli.error_handling import InputError


def report_command(
    folders: Sequence[Path], out: Path | None, accuracy: float | None, turn: int | None
) -> int:
    """Write the page: `report.html` in the folder of a run or a sweep, in this folder for several runs."""
    if len(folders) == 1 and (folders[0] / "points.parquet").is_file():
        page = _sweep(folders[0], out)
    elif len(folders) == 1:
        page = _run(folders[0], out, turn)
    else:
        page = _several(folders, out, accuracy)
    sys.stdout.write(f"report: {page}\n")
    return 0


def _run(folder: Path, out: Path | None, turn: int | None) -> Path:
    from netsim.reports import write_report
    from netsim.results.result import Result

    result = Result.load(folder)
    if turn is not None and not 1 <= turn <= result.finished_rounds:
        raise InputError(f"--round must be 1 to {result.finished_rounds}, the rounds of this run, got {turn}")
    return write_report(result, out or folder / "report.html", turn)


def _sweep(folder: Path, out: Path | None) -> Path:
    from netsim.reports import sweep_axes, write_comparison

    points = folder / "points.parquet"
    name = folder.absolute().name.removesuffix("-sweep")
    return write_comparison(points, sweep_axes(points), name, out or folder / "report.html")


def _several(folders: Sequence[Path], out: Path | None, accuracy: float | None) -> Path:
    from netsim.reports import write_several
    from netsim.results.result import Result

    return write_several([Result.load(folder) for folder in folders], out or Path("report.html"), accuracy)
