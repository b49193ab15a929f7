"""Measured speeds of devices from a two-column CSV, checked line by line."""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netsim.file_lookup import located


def read_speeds(path: str) -> NDArray[np.float64]:
    """Seconds per sample of each device in a file of `milliseconds per sample,kbit/s` lines, [rows].

    The columns are those of FedScale's device profiles (computation, communication; its pickles are to be
    converted once). A first line of words is a heading; empty lines are skipped. A relative path is looked
    up as `netsim.file_lookup` says (and a scenario's own folder before that, as it is loaded).

    Raises:
        ValueError: no such file, no device, or a line that is not two numbers, the first of them > 0.
    """
    found = located(path, "file of device speeds")
    stamp = found.stat()
    return _read(str(found), stamp.st_mtime_ns, stamp.st_size)


@lru_cache(maxsize=8)
def _read(path: str, changed_ns: int, size: int) -> NDArray[np.float64]:
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text; is it compressed?") from None
    rows = [(n, line) for n, line in enumerate(lines, start=1) if line.strip()]
    if rows and not any(_is_number(cell) for cell in rows[0][1].split(",")):
        rows = rows[1:]
    if not rows:
        raise ValueError(
            f"{path}: no devices; write a line such as 3.5,12000 (ms per sample, kbit/s) for each"
        )
    found = np.array([_speed(line, f"{path}:{n}") for n, line in rows]) / 1e3
    found.flags.writeable = False
    return found


def _speed(line: str, place: str) -> float:
    cells = [cell.strip() for cell in line.split(",")]
    numbers = [float(cell) for cell in cells if _is_number(cell)]
    if len(numbers) != 2 or len(cells) != 2:
        raise ValueError(f"{place}: a line is two numbers (ms per sample, kbit/s), got {line.strip()[:60]!r}")
    if not 0 < numbers[0] < math.inf:
        raise ValueError(f"{place}: milliseconds per sample must be finite and > 0, got {cells[0]}")
    return numbers[0]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
