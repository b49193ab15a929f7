"""Tables as CSV: one file per table with a header line; columns and units as in docs/tables.md."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from netsim.results.result import Result

if TYPE_CHECKING:
    from pandas import DataFrame


def write_csv_tables(source: Path, out: Path) -> list[Path]:
    """Write the tables of a run or sweep folder as CSV into the folder `out` and return the paths of the files.

    Floats are written with the shortest text that reads back as the same value, NaN as an empty cell. A text that a
    spreadsheet would interpret as a formula (it begins with = + - @) gets a ' in front. Raises ResultError.
    """
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for name, table in _tables(source).items():
        path = out / f"{name}.csv"
        text_columns = table.select_dtypes(exclude="number").columns
        safe = table.assign(**{str(name): table[name].map(_escape_formula) for name in text_columns})
        safe.rename(columns=lambda column: _escape_formula(str(column))).to_csv(
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


def _escape_formula(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@")) else value
