"""The physics of one link: how many seconds of sole use a message takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol


class Channel(Protocol):
    """A link's rate, possibly changing with time."""

    @property
    def mean_rate_bps(self) -> float:
        """Long-run bits per second of sole use, for planning and shares; > 0, infinite where size is no matter."""
        ...

    def airtime_s(self, wire_bits: float, at_s: float) -> float:
        """Seconds of SOLE use of the medium a message takes when service begins at `at_s`; finite, >= 0."""
        ...


@dataclass(frozen=True)
class FixedRate:
    """airtime = bits / rate."""

    rate_bps: float

    def __post_init__(self) -> None:
        if not 0 < self.rate_bps < math.inf:
            raise ValueError(f"rate_bps must be finite and > 0, got {self.rate_bps}")

    @property
    def mean_rate_bps(self) -> float:
        """The rate itself."""
        return self.rate_bps

    def airtime_s(self, wire_bits: float, at_s: float) -> float:
        """See `Channel`; the instant does not matter."""
        return wire_bits / self.rate_bps
