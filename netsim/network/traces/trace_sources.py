"""Traces by format. Nearly all public traces are downlinks: for an uplink, scale one explicitly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from netsim.file_lookup import load_cached
from netsim.network.traces.file_formats import read_csv, read_ghent_4g, read_irish_5g, read_mahimahi
from netsim.network.traces.rate_curves import RateCurve


class Trace(Protocol):
    """A recorded rate, repeated indefinitely."""

    @property
    def path(self) -> str:
        """Path of the file, absolute or relative as described in `netsim.file_lookup`."""
        ...

    def curve(self) -> RateCurve:
        """Read the file. Raises ValueError for a missing or damaged file, with file, line and rule."""
        ...


@dataclass(frozen=True)
class Mahimahi:
    """One whole number per line: the time in ms of an opportunity to deliver 1500 B; a repeated line adds one more.

    An opportunity without data to send is lost; the trace restarts after its last line.
    Source: mm-link(1) of mahimahi 0.98.
    """

    citations: ClassVar[Mapping[str, str]] = {"netravali2015mahimahi": ""}

    path: str

    def curve(self) -> RateCurve:
        """See `Trace`."""
        return load_curve(self.path, read_mahimahi)


@dataclass(frozen=True)
class Csv:
    """Columns `time_s,rate_bps` from time 0 on: a rate lasts until the next row, the last as long as the one before."""

    path: str

    def curve(self) -> RateCurve:
        """See `Trace`."""
        return load_curve(self.path, read_csv)


@dataclass(frozen=True)
class Irish5g:
    """A G-NetTrack log of University College Cork: CSV with `Timestamp` and rates in kbit/s.

    A rate lasts until the next second logged. It is what the phone received or sent, at most the capacity;
    UL_bitrate of a downloading phone is its acknowledgements. The 4G set of 2018 has the same columns.
    Source: Raca et al., Beyond Throughput, the Next Generation, ACM MMSys 2020.
    """

    citations: ClassVar[Mapping[str, str]] = {"raca2020throughput": ""}

    path: str
    column: Literal["DL_bitrate", "UL_bitrate"] = "DL_bitrate"

    def __post_init__(self) -> None:
        if self.column not in ("DL_bitrate", "UL_bitrate"):
            raise ValueError(f"column must be DL_bitrate or UL_bitrate, got {self.column!r}")

    def curve(self) -> RateCurve:
        """See `Trace`."""
        return load_curve(self.path, read_irish_5g, self.column)


@dataclass(frozen=True)
class Ghent4g:
    """A 4G log of Ghent University: epoch, ms since start, latitude, longitude, bytes, ms since the last row.

    The bytes arrived in the interval that ends at their row; downlink only.
    Source: van der Hooft et al., IEEE Communications Letters 20(11), 2016.
    """

    citations: ClassVar[Mapping[str, str]] = {"vanderhooft2016http": ""}

    path: str

    def curve(self) -> RateCurve:
        """See `Trace`."""
        return load_curve(self.path, read_ghent_4g)


def load_curve(path: str, reader: Callable[..., RateCurve], *arguments: str) -> RateCurve:
    """Return `reader(file, *arguments)`, cached until the file changes. Raises ValueError."""
    return load_cached(path, "trace", reader, *arguments)


TRACES: dict[str, type[Trace]] = {
    "mahimahi": Mahimahi,
    "csv": Csv,
    "irish_5g": Irish5g,
    "ghent_4g": Ghent4g,
}
