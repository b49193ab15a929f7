"""Recorded availability of devices from a three-column CSV file."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import TypeAlias

from netsim.file_lookup import is_number, load_cached, read_text_lines

Periods: TypeAlias = tuple[tuple[float, float], ...]
"""Disjoint periods (active_s, inactive_s) in order of time: available from the first to the second."""


def read_presence(path: str) -> tuple[tuple[Periods, ...], float]:
    """The periods of availability of each device in a file, and the last time in the file, s.

    Lines are `device,active_s,inactive_s`; the periods of a device in any order, devices in order of appearance. A
    first line without numbers after the name is a header; empty lines are skipped. Raises ValueError for a missing
    file, a file without devices, a line that is not a period, or overlapping periods of a device.
    """
    return load_cached(path, "file of availabilities", _read)


def _read(file: Path) -> tuple[tuple[Periods, ...], float]:
    by_device: dict[str, list[tuple[float, float]]] = {}
    for n, line in enumerate(read_text_lines(file, "phone7,0,3600"), start=1):
        if line.strip() and not (n == 1 and _is_header(line)):
            device, period = _period(line, f"{file}:{n}")
            by_device.setdefault(device, []).append(period)
    if not by_device:
        raise ValueError(
            f"{file}: no devices; write lines such as phone7,0,3600 (device, active s, inactive s)"
        )
    devices = tuple(_disjoint(file, device, sorted(periods)) for device, periods in by_device.items())
    return devices, max(inactive_s for periods in devices for _, inactive_s in periods)


def _is_header(line: str) -> bool:
    return not any(is_number(cell) for cell in line.split(",")[1:])


def _period(line: str, place: str) -> tuple[str, tuple[float, float]]:
    cells = [cell.strip() for cell in line.split(",")]
    if len(cells) != 3 or not all(map(is_number, cells[1:])):
        raise ValueError(
            f"{place}: a line is device,active_s,inactive_s (two numbers), got {line.strip()[:60]!r}"
        )
    active_s, inactive_s = float(cells[1]), float(cells[2])
    if not 0 <= active_s < inactive_s < math.inf:
        raise ValueError(f"{place}: active_s must be >= 0 and before inactive_s, got {cells[1]}, {cells[2]}")
    return cells[0], (active_s, inactive_s)


def _disjoint(file: Path, device: str, periods: list[tuple[float, float]]) -> Periods:
    for (_, end_s), (begin_s, _) in itertools.pairwise(periods):
        if begin_s < end_s:
            raise ValueError(
                f"{file}: periods of {device!r} overlap: one ends at {end_s:g} s, after {begin_s:g} s; join them"
            )
    return tuple(periods)
