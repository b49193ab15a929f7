"""Tables as CSV: one file per table, a header line, SI units as docs/tables.md names them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from netsim.results.result import Result

if TYPE_CHECKING:
    from pandas import DataFrame


def write_csv_tables(source: Path, out: Path) -> list[Path]:
    """Write `<table>.csv` of a run folder, or points.csv of a sweep's, into the folder `out`; the files' paths.

    Floats keep all their digits (the shortest text that reads back the same); nothing stands for NaN. A text
    that a spreadsheet would take for a formula (it begins with = + - @) has a ' before it. Raises ResultError.
    """
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for name, table in _tables(source).items():
        path = out / f"{name}.csv"
        texts = table.select_dtypes(exclude="number").columns
        safe = table.assign(**{str(text): table[text].map(_harmless) for text in texts})
        safe.rename(columns=lambda column: _harmless(str(column))).to_csv(
            path, index=False, lineterminator="\n"
        )
        written.append(path.absolute())
    return written


def _tables(source: Path) -> Mapping[str, DataFrame]:
    if (source / "points.parquet").is_file():
        from netsim.reports import read_points

        return {"points": read_points(source / "points.parquet")}
    result = Result.load(source)
    return {"rounds": result.rounds, "messages": result.messages, "nodes": result.nodes}


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@")) else value
