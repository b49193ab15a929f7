"""What an SNR is worth: bits per second and hertz, by Shannon's bound or by what real links reach."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from netsim.network.message_loss import Direction
from netsim.units import GainDb, check_quantities

Array = NDArray[np.float64]


class RateMap(Protocol):
    """Spectral efficiency by SNR; never decreasing."""

    def efficiency(self, snr: Array, direction: Direction) -> Array:
        """bit/s/Hz at linear SNRs >= 0, same shape; 0 where no modulation works."""
        ...

    def knots(self, direction: Direction) -> tuple[float, ...]:
        """Linear SNRs > 0 at which the map jumps or bends, ascending: averages over fading split there."""
        ...

    def describe(self) -> str:
        """A few words for `netsim check`."""
        ...


@dataclass(frozen=True)
class Shannon:
    """log2(1 + SNR): the bound for long codes, reached by no real link; the theory papers' map."""

    def efficiency(self, snr: Array, direction: Direction) -> Array:
        """log2(1 + SNR)."""
        return np.asarray(np.log1p(snr) / math.log(2.0))

    def knots(self, direction: Direction) -> tuple[float, ...]:
        """None: it is smooth."""
        return ()

    def describe(self) -> str:
        """See `RateMap`."""
        return "Shannon"


@dataclass(frozen=True)
class TruncatedShannon:
    """min(cap, attenuation x log2(1 + SNR)), and nothing below the floor: link adaptation with losses.

    Source: 3GPP TR 36.942 Annex A.2: downlink 0.6 and 4.4 bit/s/Hz; uplink 0.4 and 2.0 bit/s/Hz (the uplink
    numbers are from the literature, not read in the standard itself); both from -10 dB.
    """

    uplink_attenuation: float = 0.4
    downlink_attenuation: float = 0.6
    uplink_cap: float = 2.0
    downlink_cap: float = 4.4
    floor: GainDb = -10.0

    def __post_init__(self) -> None:
        check_quantities(self)
        for name in ("uplink_attenuation", "downlink_attenuation"):
            if not 0 < getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in (0, 1], got {getattr(self, name)}; 1 is Shannon's bound")
        for name in ("uplink_cap", "downlink_cap"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be finite and > 0 bit/s/Hz, got {getattr(self, name)}")

    def efficiency(self, snr: Array, direction: Direction) -> Array:
        """See `RateMap`."""
        share, cap = self._numbers(direction)
        bounded = np.minimum(cap, share * np.log1p(snr) / math.log(2.0))
        return np.where(snr >= self._floor, bounded, 0.0)

    def knots(self, direction: Direction) -> tuple[float, ...]:
        """The floor, and where the cap begins."""
        share, cap = self._numbers(direction)
        capped = math.expm1(min(700.0, cap / share * math.log(2.0)))
        return tuple(sorted({self._floor, capped}))

    def _numbers(self, direction: Direction) -> tuple[float, float]:
        if direction == "up":
            return self.uplink_attenuation, self.uplink_cap
        return self.downlink_attenuation, self.downlink_cap

    @property
    def _floor(self) -> float:
        return float(10.0 ** (self.floor / 10.0))

    def describe(self) -> str:
        """See `RateMap`."""
        return "truncated Shannon"


@dataclass(frozen=True)
class CqiTable:
    """The best of 15 modulations and codes, each from its own SNR on: 3GPP TS 38.214 Table 5.2.2.1-2 (64QAM).

    The SNRs are those commonly used for a block error rate of 10 % on an AWGN channel (link-level
    simulations; not part of the standard). `margin` asks for more. The 10 % themselves are `loss`'s.
    """

    margin: GainDb = 0.0

    def __post_init__(self) -> None:
        check_quantities(self)

    def efficiency(self, snr: Array, direction: Direction) -> Array:
        """See `RateMap`; the same in both directions."""
        best = np.searchsorted(self._thresholds, snr, side="right")
        return np.asarray(_EFFICIENCIES[best])

    def knots(self, direction: Direction) -> tuple[float, ...]:
        """The SNR of each step."""
        return tuple(self._thresholds.tolist())

    @property
    def _thresholds(self) -> Array:
        return np.asarray(10.0 ** ((_CQI_SNR_DB + self.margin) / 10.0))

    def describe(self) -> str:
        """See `RateMap`."""
        return "CQI table"


_CQI_SNR_DB = np.array(
    [-6.7, -4.7, -2.3, 0.2, 2.4, 4.3, 5.9, 8.1, 10.3, 11.7, 14.1, 16.3, 18.7, 21.0, 22.7], dtype=np.float64
)
# modulation order x code rate / 1024, CQI 0 (out of range) first
_EFFICIENCIES = (
    np.array([0] + [2] * 6 + [4] * 3 + [6] * 6, dtype=np.float64)
    * np.array(
        [0, 78, 120, 193, 308, 449, 602, 378, 490, 616, 466, 567, 666, 772, 873, 948], dtype=np.float64
    )
    / 1024.0
)

RATE_MAPS: dict[str, type[RateMap]] = {
    "shannon": Shannon,
    "truncated_shannon": TruncatedShannon,
    "cqi_table": CqiTable,
}
