"""Measured device speeds from a two-column CSV file."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netsim.file_lookup import is_number, load_cached, read_text_lines


def read_speeds(path: str) -> NDArray[np.float64]:
    """Seconds per sample of each device in a file of `milliseconds per sample,kbit/s` lines, [rows].

    The columns are those of FedScale's device profiles (computation, communication; convert its pickles once). A first
    line without numbers is a header; empty lines are skipped. A relative path is looked up as described in
    `netsim.file_lookup` (in the folder of the scenario first, when the scenario is loaded).

    Raises:
        ValueError: no such file, no device, or a line that is not two numbers, the first of them > 0.
    """
    return load_cached(path, "file of device speeds", _read)


def _read(file: Path) -> NDArray[np.float64]:
    lines = read_text_lines(file, "3.5,12000 (ms per sample, kbit/s)")
    rows = [(n, line) for n, line in enumerate(lines, start=1) if line.strip()]
    if rows and not any(is_number(cell) for cell in rows[0][1].split(",")):
        rows = rows[1:]
    if not rows:
        raise ValueError(
            f"{file}: no devices; write a line such as 3.5,12000 (ms per sample, kbit/s) for each"
        )
    speeds_s = np.array([_milliseconds(line, f"{file}:{n}") for n, line in rows]) / 1e3
    speeds_s.flags.writeable = False
    return speeds_s


def _milliseconds(line: str, place: str) -> float:
    cells = [cell.strip() for cell in line.split(",")]
    if len(cells) != 2 or not all(map(is_number, cells)):
        raise ValueError(f"{place}: a line is two numbers (ms per sample, kbit/s), got {line.strip()[:60]!r}")
    per_sample_ms = float(cells[0])
    if not 0 < per_sample_ms < math.inf:
        raise ValueError(f"{place}: milliseconds per sample must be finite and > 0, got {cells[0]}")
    return per_sample_ms
