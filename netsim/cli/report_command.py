"""`netsim report`: the page of a run, of a sweep, or of several runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from netsim.cli.exit_codes import InputError


def report_command(
    folders: Sequence[Path], out: Path | None, accuracy: float | None, round_number: int | None
) -> int:
    """Write the page: `report.html` in the folder of a run or sweep, in the working folder for several runs."""
    if len(folders) == 1 and (folders[0] / "points.parquet").is_file():
        page = _sweep(folders[0], out)
    elif len(folders) == 1:
        page = _run(folders[0], out, round_number)
    else:
        page = _several(folders, out, accuracy)
    sys.stdout.write(f"report: {page}\n")
    return 0


def _run(folder: Path, out: Path | None, round_number: int | None) -> Path:
    from netsim.reports import write_report
    from netsim.results.result import Result

    result = Result.load(folder)
    if round_number is not None and not 1 <= round_number <= result.finished_rounds:
        raise InputError(
            f"--round must be 1 to {result.finished_rounds}, the rounds of this run, got {round_number}"
        )
    return write_report(result, out or folder / "report.html", round_number)


def _sweep(folder: Path, out: Path | None) -> Path:
    from netsim.reports import sweep_axes, write_comparison

    points = folder / "points.parquet"
    name = folder.absolute().name.removesuffix("-sweep")
    return write_comparison(points, sweep_axes(points), name, out or folder / "report.html")


def _several(folders: Sequence[Path], out: Path | None, accuracy: float | None) -> Path:
    from netsim.reports import write_several
    from netsim.results.result import Result

    return write_several([Result.load(folder) for folder in folders], out or Path("report.html"), accuracy)
