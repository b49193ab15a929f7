"""Readers of published trace formats; errors name file, line, value and rule."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from netsim.network.traces.rate_curves import RateCurve, piecewise_constant

OPPORTUNITY_BITS = 8 * 1500
"""Bits of each line of a mahimahi trace: one packet of 1500 B."""
GHENT_COLUMNS = 6
TIMESTAMP_FORMAT = "%Y.%m.%d_%H.%M.%S"
"""G-NetTrack's Timestamp, in seconds."""


def read_mahimahi(file: Path) -> RateCurve:
    """Read delivery opportunities, one per line, in milliseconds. Raises ValueError, as all readers here do."""
    times_ms: list[int] = []
    for place, line in _lines(file):
        if not line.isdecimal():
            raise ValueError(f"{place}: a line is one whole number of ms, got {line!r}")
        if times_ms and int(line) < times_ms[-1]:
            raise ValueError(f"{place}: times must not go back, got {line} ms after {times_ms[-1]} ms")
        times_ms.append(int(line))
    if not times_ms or times_ms[-1] == 0:
        raise ValueError(f"{file}: a mahimahi trace needs a line > 0 ms, since its last line is its period")
    unique_ms, counts = np.unique(np.asarray(times_ms), return_counts=True)
    return RateCurve(unique_ms / 1e3, np.cumsum(counts * float(OPPORTUNITY_BITS)), steps=True)


def read_csv(file: Path) -> RateCurve:
    """Read the columns `time_s` (ascending from 0) and `rate_bps`."""
    times_s: list[float] = []
    rates_bps: list[float] = []
    for place, (time, rate) in _columns(file, ("time_s", "rate_bps")):
        time_s = _number(time, place, "time_s")
        if not times_s and time_s != 0:
            raise ValueError(f"{place}: time_s begins at 0, got {time}; subtract it from every row")
        if times_s and time_s <= times_s[-1]:
            raise ValueError(f"{place}: time_s must ascend, got {time} after {times_s[-1]:g}")
        times_s.append(time_s)
        rates_bps.append(_number(rate, place, "rate_bps"))
    return _curve_from_samples(file, times_s, rates_bps)


def read_irish_5g(file: Path, column: str) -> RateCurve:
    """Read `Timestamp` and a column in kbit/s; further rows of the same second are skipped."""
    seconds: list[float] = []
    rates_bps: list[float] = []
    first: datetime | None = None
    for place, (stamp, kbps) in _columns(file, ("Timestamp", column)):
        timestamp = _timestamp(stamp, place)
        first = first or timestamp
        time_s = (timestamp - first).total_seconds()
        if seconds and time_s < seconds[-1]:
            raise ValueError(f"{place}: Timestamp goes back to {stamp}; split the log there")
        if seconds and time_s == seconds[-1]:
            continue
        seconds.append(time_s)
        rates_bps.append(1e3 * _number(kbps, place, column))
    return _curve_from_samples(file, seconds, rates_bps)


def read_ghent_4g(file: Path) -> RateCurve:
    """Read rows of six numbers, the last two being bytes and milliseconds since the last row."""
    durations_s: list[float] = []
    rates_bps: list[float] = []
    for place, line in _lines(file):
        cells = line.split()
        if len(cells) != GHENT_COLUMNS:
            raise ValueError(f"{place}: a row has {GHENT_COLUMNS} numbers, got {len(cells)}")
        size_bytes = _number(cells[4], place, "bytes")
        since_ms = _number(cells[5], place, "ms since the last row")
        if since_ms > 0:
            durations_s.append(since_ms / 1e3)
            rates_bps.append(8e3 * size_bytes / since_ms)
        elif size_bytes > 0:
            raise ValueError(f"{place}: {size_bytes:g} bytes in 0 ms; remove the row")
    return _curve_from_durations(file, durations_s, rates_bps)


def _curve_from_samples(file: Path, times_s: Sequence[float], rates_bps: Sequence[float]) -> RateCurve:
    """The curve of rates that each last until the next time; the last as long as the one before it."""
    if len(times_s) < 2:
        raise ValueError(f"{file}: a trace needs 2 rows at least, got {len(times_s)}")
    durations_s = np.diff(times_s).tolist()
    return _curve_from_durations(file, [*durations_s, durations_s[-1]], rates_bps)


def _curve_from_durations(file: Path, durations_s: Sequence[float], rates_bps: Sequence[float]) -> RateCurve:
    try:
        return piecewise_constant(
            np.asarray(durations_s, dtype=np.float64), np.asarray(rates_bps, dtype=np.float64)
        )
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None


def _lines(file: Path) -> Iterator[tuple[str, str]]:
    """Non-empty lines, stripped, each with its place (file and line number)."""
    try:
        with file.open(encoding="utf-8") as text:
            for number, line in enumerate(text, 1):
                if line.strip():
                    yield f"{file} line {number}", line.strip()
    except UnicodeDecodeError:
        raise ValueError(f"{file} is not a text file; is it compressed?") from None


def _columns(file: Path, names: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Cells of some columns of a CSV file with a header, row by row, each with its place."""
    lines = _lines(file)
    place, header = next(lines, (f"{file} line 1", ""))
    columns = [name.strip() for name in header.lstrip("\ufeff").split(",")]
    missing = [name for name in names if name not in columns]
    if missing:
        raise ValueError(
            f"{place}: no column {missing[0]!r}; the header has {', '.join(columns) or 'nothing'}"
        )
    indices = [columns.index(name) for name in names]
    for place, line in lines:
        cells = next(csv.reader([line]))
        if len(cells) != len(columns):
            raise ValueError(f"{place}: a row has {len(columns)} cells, got {len(cells)}; is it cut off?")
        yield place, [cells[index].strip() for index in indices]


def _number(text: str, place: str, name: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise ValueError(
            f"{place}: {name} must be a finite number >= 0, got {text!r}; correct or remove the row"
        )
    return value


def _timestamp(text: str, place: str) -> datetime:
    try:
        return datetime.strptime(text, TIMESTAMP_FORMAT)
    except ValueError:
        raise ValueError(f"{place}: Timestamp must be like 2019.12.16_13.40.04, got {text!r}") from None
