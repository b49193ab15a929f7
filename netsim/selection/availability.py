"""Availability of devices: random on and off times, or a recording."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple, Protocol

from netsim.rng import generator
from netsim.selection.availability_traces import read_presence
from netsim.topology import Node
from netsim.units import DurationS, check_quantities, render

AVAILABILITY_PATH = -6
"""First path element of these draws in stream "selection"; negative, so that it is no level."""


class Absence(NamedTuple):
    """A period without availability, in simulated time, s."""

    begin_s: float
    end_s: float


class Availability(Protocol):
    """A model of the availability of devices: `devices.availability`."""

    def absences(self, seed: int, device: Node) -> Iterator[Absence]:
        """Disjoint absences in order of time, a function of seed and device; available after the last one."""
        ...

    def describe(self) -> str:
        """A few words for `netsim check`."""
        ...


@dataclass(frozen=True)
class OnOff:
    """Independent devices, each alternately available for `on` and unavailable for `off`, on average or exactly.

    `law`: exponential times (an alternating renewal process, started in its stationary state), or fixed ones, of
    which each device starts at a uniform time of its cycle. In the long run on / (on + off) are available.
    """

    on: DurationS
    off: DurationS
    law: Literal["exponential", "fixed"] = "exponential"

    def __post_init__(self) -> None:
        check_quantities(self)
        if self.law not in ("exponential", "fixed"):
            raise ValueError(f"law must be exponential or fixed, got {self.law!r}; fixed times are all equal")

    def absences(self, seed: int, device: Node) -> Iterator[Absence]:
        """See `Availability`."""
        rng = generator(seed, "selection", AVAILABILITY_PATH, device.ordinal)
        at_s = float(rng.random()) * (self.on + self.off)
        if self.law == "fixed":
            for count in itertools.count():
                off_s = self.on - at_s + count * (self.on + self.off)
                if off_s + self.off > 0:
                    yield Absence(max(0.0, off_s), off_s + self.off)
            return
        now_s = 0.0 if at_s >= self.on else self.on * float(rng.standard_exponential())
        while True:
            end_s = now_s + self.off * float(rng.standard_exponential())
            yield Absence(now_s, end_s)
            now_s = end_s + self.on * float(rng.standard_exponential())

    def describe(self) -> str:
        """See `Availability`."""
        on, off = render(self.on, "time"), render(self.off, "time")
        return f"available for {on}, unavailable for {off}, {self.law}"


@dataclass(frozen=True)
class Recorded:
    """Periods of availability from a CSV file of `device,active_s,inactive_s` lines, with FedScale's meaning.

    Device k follows the k-th device of the file (in order of appearance, starting again if there are too few); the
    recording repeats after `period` (default: its last time). FedScale (arXiv:2105.11367) has the same data
    as lists `active`, `inactive` and a `finish_time` per client; convert its pickles once. `path` is
    looked up as for device speeds.
    """

    citations: ClassVar[Mapping[str, str]] = {"lai2022fedscale": ""}

    path: str
    period: DurationS | None = None

    def __post_init__(self) -> None:
        check_quantities(self)

    def absences(self, seed: int, device: Node) -> Iterator[Absence]:
        """See `Availability`. Raises ValueError for a missing or damaged file, or one longer than the period."""
        rows, last_s = read_presence(self.path)
        period_s = self.period or last_s
        if last_s > period_s:
            raise ValueError(
                f"period must be at least {last_s:g} s, the last time in {self.path}, got {period_s:g} s"
            )
        periods, left_s = rows[device.ordinal % len(rows)], 0.0
        following = itertools.pairwise([*periods, (period_s + periods[0][0], math.inf)])
        if periods[0][0] == 0 and all(one[1] == other[0] for one, other in following):
            return  # always available
        for count in itertools.count():
            for active_s, inactive_s in periods:
                if count * period_s + active_s > left_s:
                    yield Absence(left_s, count * period_s + active_s)
                left_s = count * period_s + inactive_s

    def describe(self) -> str:
        """See `Availability`."""
        repeats = "" if self.period is None else f", every {render(self.period, 'duration')}"
        return f"available as in {self.path}{repeats}"


AVAILABILITIES: dict[str, type[Availability]] = {"on_off": OnOff, "recorded": Recorded}
