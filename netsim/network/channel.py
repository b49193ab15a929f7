"""Channels: the transmission time of a message on one link that it has to itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol


class Channel(Protocol):
    """The rate of a link, possibly varying with time."""

    @property
    def mean_rate_bps(self) -> float:
        """Long-run mean rate without contention, bit/s, > 0; infinite if the airtime does not depend on the size."""
        ...

    def airtime_s(self, wire_bits: float, at_s: float) -> float:
        """Airtime: transmission time at the full rate of a message whose service starts at `at_s`, s; finite, >= 0."""
        ...


@dataclass(frozen=True)
class FixedRate:
    """A constant rate: airtime = bits / rate."""

    rate_bps: float

    def __post_init__(self) -> None:
        if not 0 < self.rate_bps < math.inf:
            raise ValueError(f"rate_bps must be finite and > 0, got {self.rate_bps}")

    @property
    def mean_rate_bps(self) -> float:
        """The constant rate."""
        return self.rate_bps

    def airtime_s(self, wire_bits: float, at_s: float) -> float:
        """See `Channel`; the same at every time."""
        return wire_bits / self.rate_bps
