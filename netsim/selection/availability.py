"""When devices can be asked: on and off at random, or as a recording says."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from netsim.rng import generator
from netsim.selection.availability_traces import read_presence
from netsim.topology import Node
from netsim.units import DurationS, check_quantities, render

AVAILABLE = -6
"""First number of the path of these draws in stream "selection"; negative, so that it is no level."""


class Absence(NamedTuple):
    """From one instant to another, seconds since the run began."""

    begin_s: float
    end_s: float


class Availability(Protocol):
    """What `devices.availability` names."""

    def absences(self, seed: int, device: Node) -> Iterator[Absence]:
        """In order and apart from each other; nothing after the last: it stays. A function of seed and device."""
        ...

    def describe(self) -> str:
        """A few words for `netsim check`."""
        ...


@dataclass(frozen=True)
class OnOff:
    """Every device by itself: available for `on`, then not for `off`, and so on, on average or exactly.

    `law`: exponential times (an alternating renewal process, whose start is in its long-run state), or fixed ones, of
    which each device begins at a uniform instant of its cycle. In the long run on / (on + off) are available.
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
        dice = generator(seed, "selection", AVAILABLE, device.ordinal)
        at_s = float(dice.random()) * (self.on + self.off)
        if self.law == "fixed":
            for count in itertools.count():
                off_s = self.on - at_s + count * (self.on + self.off)
                if off_s + self.off > 0:
                    yield Absence(max(0.0, off_s), off_s + self.off)
            return
        now_s = 0.0 if at_s >= self.on else self.on * float(dice.standard_exponential())
        while True:
            end_s = now_s + self.off * float(dice.standard_exponential())
            yield Absence(now_s, end_s)
            now_s = end_s + self.on * float(dice.standard_exponential())

    def describe(self) -> str:
        """See `Availability`."""
        on, off = render(self.on, "time"), render(self.off, "time")
        return f"available for {on}, away for {off}, {self.law}"


@dataclass(frozen=True)
class Recorded:
    """Periods of availability from a CSV of `device,active_s,inactive_s` lines, in FedScale's meaning.

    Device k follows the k-th of the file's devices (in order of appearance, from the start again where they are too
    few); the recording repeats after `period` (default: its last instant). FedScale (arXiv:2105.11367) holds the same
    as lists `active`, `inactive` and a `finish_time` per client; its pickles are to be converted once. `path` is
    looked up as for device speeds.
    """

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
                f"period must be at least {last_s:g} s, which {self.path} covers, got {period_s:g} s"
            )
        mine, left_s = rows[device.ordinal % len(rows)], 0.0
        again = itertools.pairwise([*mine, (period_s + mine[0][0], math.inf)])
        if mine[0][0] == 0 and all(one[1] == other[0] for one, other in again):
            return  # always there
        for count in itertools.count():
            for active_s, inactive_s in mine:
                if count * period_s + active_s > left_s:
                    yield Absence(left_s, count * period_s + active_s)
                left_s = count * period_s + inactive_s

    def describe(self) -> str:
        """See `Availability`."""
        again = "" if self.period is None else f", every {render(self.period, 'duration')}"
        return f"available as in {self.path}{again}"


AVAILABILITIES: dict[str, type[Availability]] = {"on_off": OnOff, "recorded": Recorded}
