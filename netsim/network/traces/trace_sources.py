"""Recorded rates by format. Nearly all public traces are downlinks: scale one for an uplink, explicitly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, Protocol

from netsim.file_lookup import located
from netsim.network.rate_curves import Curve
from netsim.network.traces.file_formats import ghent_4g, irish_5g, mahimahi, timed_rates


class Trace(Protocol):
    """A recorded rate, repeated for ever."""

    @property
    def path(self) -> str:
        """Of its file, absolute or as `netsim.file_lookup` finds it."""
        ...

    def curve(self) -> Curve:
        """Read the file. Raises ValueError where there is none or it is damaged, with file, line and rule."""
        ...


@dataclass(frozen=True)
class Mahimahi:
    """One whole number per line: the millisecond of an opportunity to deliver 1500 B; repeated for more.

    An opportunity that finds nothing to be sent is lost; the trace begins again at its last line.
    Source: mm-link(1) of mahimahi 0.98.
    """

    path: str

    def curve(self) -> Curve:
        """See `Trace`."""
        return read(self.path, mahimahi)


@dataclass(frozen=True)
class Csv:
    """Columns `time_s,rate_bps` from time 0 on: a rate holds until the next row, the last as the one before."""

    path: str

    def curve(self) -> Curve:
        """See `Trace`."""
        return read(self.path, timed_rates)


@dataclass(frozen=True)
class Irish5g:
    """A G-NetTrack log of University College Cork: CSV with `Timestamp` and rates in kbit/s.

    A rate holds until the next second logged. It is what the phone received or sent, at most the capacity;
    UL_bitrate of a downloading phone is its acknowledgements. The 4G set of 2018 has the same columns.
    Source: Raca et al., Beyond Throughput, the Next Generation, ACM MMSys 2020.
    """

    path: str
    column: Literal["DL_bitrate", "UL_bitrate"] = "DL_bitrate"

    def __post_init__(self) -> None:
        if self.column not in ("DL_bitrate", "UL_bitrate"):
            raise ValueError(f"column must be DL_bitrate or UL_bitrate, got {self.column!r}")

    def curve(self) -> Curve:
        """See `Trace`."""
        return read(self.path, irish_5g, self.column)


@dataclass(frozen=True)
class Ghent4g:
    """A 4G log of Ghent University: epoch, ms since start, latitude, longitude, bytes, ms since the last row.

    Bytes came in the interval that ends at their row; downlink only.
    Source: van der Hooft et al., IEEE Communications Letters 20(11), 2016.
    """

    path: str

    def curve(self) -> Curve:
        """See `Trace`."""
        return read(self.path, ghent_4g)


def read(path: str, reader: Callable[..., Curve], *arguments: str) -> Curve:
    """`reader(file, *arguments)`, called once for as long as the file does not change. Raises ValueError."""
    file = located(path, "trace")
    stat = file.stat()
    return _remembered(reader, arguments, file.resolve(), (stat.st_mtime_ns, stat.st_size))


@lru_cache(maxsize=256)
def _remembered(
    reader: Callable[..., Curve], arguments: tuple[str, ...], file: Path, state: tuple[int, int]
) -> Curve:
    return reader(file, *arguments)


TRACES: dict[str, type[Trace]] = {
    "mahimahi": Mahimahi,
    "csv": Csv,
    "irish_5g": Irish5g,
    "ghent_4g": Ghent4g,
}
