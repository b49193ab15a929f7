"""Readers of published trace formats; a damaged file is refused with file, line, value and rule."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from netsim.network.rate_curves import Curve, pieces

OPPORTUNITY_BITS = 8 * 1500
"""What mahimahi delivers at each line of a trace: one packet of 1500 B."""
GHENT_COLUMNS = 6
STAMP = "%Y.%m.%d_%H.%M.%S"
"""G-NetTrack's Timestamp, in seconds."""


def mahimahi(file: Path) -> Curve:
    """Milliseconds of opportunities, one per line. Raises ValueError as all readers here do."""
    times_ms: list[int] = []
    for where, line in _lines(file):
        if not line.isdecimal():
            raise ValueError(f"{where}: a line is one whole number of ms, got {line!r}")
        if times_ms and int(line) < times_ms[-1]:
            raise ValueError(f"{where}: times must not go back, got {line} ms after {times_ms[-1]} ms")
        times_ms.append(int(line))
    if not times_ms or times_ms[-1] == 0:
        raise ValueError(f"{file}: a mahimahi trace needs a line > 0 ms, for it repeats at its last line")
    instants_ms, counts = np.unique(np.asarray(times_ms), return_counts=True)
    return Curve(instants_ms / 1e3, np.cumsum(counts * float(OPPORTUNITY_BITS)), steps=True)


def timed_rates(file: Path) -> Curve:
    """Columns `time_s` (ascending from 0) and `rate_bps`."""
    times_s: list[float] = []
    rates_bps: list[float] = []
    for where, (time, rate) in _columns(file, ("time_s", "rate_bps")):
        time_s = _number(time, where, "time_s")
        if not times_s and time_s != 0:
            raise ValueError(f"{where}: time_s begins at 0, got {time}; subtract it from every row")
        if times_s and time_s <= times_s[-1]:
            raise ValueError(f"{where}: time_s must ascend, got {time} after {times_s[-1]:g}")
        times_s.append(time_s)
        rates_bps.append(_number(rate, where, "rate_bps"))
    return _held(file, times_s, rates_bps)


def irish_5g(file: Path, column: str) -> Curve:
    """`Timestamp` and a column of kbit/s; rows that repeat a second are skipped."""
    seconds: list[float] = []
    rates_bps: list[float] = []
    first: datetime | None = None
    for where, (stamp, kbps) in _columns(file, ("Timestamp", column)):
        instant = _instant(stamp, where)
        first = first or instant
        time_s = (instant - first).total_seconds()
        if seconds and time_s < seconds[-1]:
            raise ValueError(f"{where}: Timestamp goes back to {stamp}; split the log there")
        if seconds and time_s == seconds[-1]:
            continue
        seconds.append(time_s)
        rates_bps.append(1e3 * _number(kbps, where, column))
    return _held(file, seconds, rates_bps)


def ghent_4g(file: Path) -> Curve:
    """Rows of six numbers, the last two being bytes and milliseconds since the last row."""
    durations_s: list[float] = []
    rates_bps: list[float] = []
    for where, line in _lines(file):
        cells = line.split()
        if len(cells) != GHENT_COLUMNS:
            raise ValueError(f"{where}: a row has {GHENT_COLUMNS} numbers, got {len(cells)}")
        size_bytes = _number(cells[4], where, "bytes")
        since_ms = _number(cells[5], where, "ms since the last row")
        if since_ms > 0:
            durations_s.append(since_ms / 1e3)
            rates_bps.append(8e3 * size_bytes / since_ms)
        elif size_bytes > 0:
            raise ValueError(f"{where}: {size_bytes:g} bytes came in 0 ms; remove the row")
    return _alive(file, durations_s, rates_bps)


def _held(file: Path, times_s: Sequence[float], rates_bps: Sequence[float]) -> Curve:
    """Each rate holds until the next time; the last for as long as the one before it."""
    if len(times_s) < 2:
        raise ValueError(f"{file}: a trace needs 2 rows at least, got {len(times_s)}")
    durations_s = np.diff(times_s).tolist()
    return _alive(file, [*durations_s, durations_s[-1]], rates_bps)


def _alive(file: Path, durations_s: Sequence[float], rates_bps: Sequence[float]) -> Curve:
    try:
        return pieces(np.asarray(durations_s, dtype=np.float64), np.asarray(rates_bps, dtype=np.float64))
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


def _lines(file: Path) -> Iterator[tuple[str, str]]:
    """Non-empty lines, stripped, each with where it stands."""
    try:
        with file.open(encoding="utf-8") as text:
            for number, line in enumerate(text, 1):
                if line.strip():
                    yield f"{file} line {number}", line.strip()
    except UnicodeDecodeError:
        raise ValueError(f"{file} is no text; is it compressed?") from None


def _columns(file: Path, names: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Cells of some columns of a CSV file with a header, row by row, each with where it stands."""
    lines = _lines(file)
    where, header = next(lines, (f"{file} line 1", ""))
    columns = [name.strip() for name in header.lstrip("\ufeff").split(",")]
    missing = [name for name in names if name not in columns]
    if missing:
        raise ValueError(
            f"{where}: no column {missing[0]!r}; the header has {', '.join(columns) or 'nothing'}"
        )
    places = [columns.index(name) for name in names]
    for where, line in lines:
        cells = next(csv.reader([line]))
        if len(cells) != len(columns):
            raise ValueError(f"{where}: {len(columns)} cells are wanted, got {len(cells)}; is it cut off?")
        yield where, [cells[place].strip() for place in places]


def _number(text: str, where: str, name: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise ValueError(
            f"{where}: {name} must be a finite number >= 0, got {text!r}; correct or remove the row"
        )
    return value


def _instant(text: str, where: str) -> datetime:
    try:
        return datetime.strptime(text, STAMP)
    except ValueError:
        raise ValueError(f"{where}: Timestamp must be like 2019.12.16_13.40.04, got {text!r}") from None
