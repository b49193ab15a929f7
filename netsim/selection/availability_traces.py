"""Recorded availability from a three-column CSV, checked line by line."""

from __future__ import annotations

import itertools
import math
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from netsim.file_lookup import located

Periods: TypeAlias = tuple[tuple[float, float], ...]
"""(active_s, inactive_s) in order of time and apart from each other."""


def read_presence(path: str) -> tuple[tuple[Periods, ...], float]:
    """The periods of availability of each device in a file, and its last instant, seconds.

    Lines are `device,active_s,inactive_s`; the periods of a device in any order, devices in that of appearance. A first
    line of words is a heading; empty lines are skipped. Raises ValueError for a missing file, one without devices, a
    line that is no period, or periods of a device that overlap.
    """
    found = located(path, "file of availabilities")
    stamp = found.stat()
    return _read(str(found), stamp.st_mtime_ns, stamp.st_size)


@lru_cache(maxsize=8)
def _read(path: str, changed_ns: int, size: int) -> tuple[tuple[Periods, ...], float]:
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{path}: not a text in UTF-8; write lines such as phone7,0,3600") from None
    found: dict[str, list[tuple[float, float]]] = {}
    for n, line in enumerate(lines, start=1):
        if line.strip() and not (n == 1 and _heading(line)):
            device, period = _period(line, f"{path}:{n}")
            found.setdefault(device, []).append(period)
    if not found:
        raise ValueError(
            f"{path}: no devices; write lines such as phone7,0,3600 (device, active s, inactive s)"
        )
    devices = tuple(_apart(path, device, sorted(periods)) for device, periods in found.items())
    return devices, max(inactive_s for periods in devices for _, inactive_s in periods)


def _heading(line: str) -> bool:
    return not any(_is_number(cell) for cell in line.split(",")[1:])


def _period(line: str, place: str) -> tuple[str, tuple[float, float]]:
    cells = [cell.strip() for cell in line.split(",")]
    if len(cells) != 3 or not all(map(_is_number, cells[1:])):
        raise ValueError(
            f"{place}: a line is device,active_s,inactive_s (two numbers), got {line.strip()[:60]!r}"
        )
    active_s, inactive_s = float(cells[1]), float(cells[2])
    if not 0 <= active_s < inactive_s < math.inf:
        raise ValueError(f"{place}: active_s must be >= 0 and before inactive_s, got {cells[1]}, {cells[2]}")
    return cells[0], (active_s, inactive_s)


def _apart(path: str, device: str, periods: list[tuple[float, float]]) -> Periods:
    for (_, end_s), (begin_s, _) in itertools.pairwise(periods):
        if begin_s < end_s:
            raise ValueError(
                f"{path}: periods of {device!r} overlap: one ends at {end_s:g} s, after {begin_s:g} s; join them"
            )
    return tuple(periods)


def _is_number(cell: str) -> bool:
    try:
        return not math.isnan(float(cell))
    except ValueError:
        return False
