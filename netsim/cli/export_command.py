"""`netsim export csv|figures|perfetto|tensorboard`: results in the formats of other programs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from netsim.cli.exit_codes import InputError

if TYPE_CHECKING:
    from netsim.reports.page_parts import Figure

What = Literal["csv", "figures", "perfetto", "tensorboard"]


def export_command(what: What, source: Path | None, out: Path | None, form: str) -> int:
    """Write below `out`, or inside the folder `source`, and print the paths."""
    if source is None:
        raise InputError(f"export {what} needs a folder: netsim export {what} runs/<name>/<digest>")
    place = out or source / {"perfetto": "trace.json"}.get(what, what)
    try:
        written = _write(what, source, place, form)
    except OSError as error:
        raise InputError(f"{place} cannot be written: {error.strerror}; name another --out") from None
    sys.stdout.write("".join(f"wrote {path}\n" for path in written))
    return 0


def _write(what: What, source: Path, place: Path, form: str) -> Sequence[Path]:
    from netsim import exports
    from netsim.results.result import Result

    match what:
        case "csv":
            return exports.write_csv_tables(source, place)
        case "figures":
            return exports.write_figures(_figures(source), place, form)
        case "perfetto":
            return [exports.write_perfetto_trace(Result.load(source), place)]
        case "tensorboard":
            return [exports.write_tensorboard_log(Result.load(source), place)]


def _figures(source: Path) -> list[Figure]:
    """The figures on the page of the run or the sweep."""
    from netsim.reports import comparison_sections, read_points, report_sections, sweep_axes
    from netsim.reports.page_parts import Figure
    from netsim.results.result import Result

    if (points := source / "points.parquet").is_file():
        sections = comparison_sections(read_points(points), sweep_axes(points))
    else:
        sections = report_sections(Result.load(source))
    return [part for section in sections for part in section.parts if isinstance(part, Figure)]
