"""Rate maps: spectral efficiency as a function of the SNR."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from netsim.network.message_loss import Direction
from netsim.units import GainDb, check_quantities

Array = NDArray[np.float64]


class RateMap(Protocol):
    """Spectral efficiency as a non-decreasing function of the SNR."""

    def efficiency(self, snr: Array, direction: Direction) -> Array:
        """Spectral efficiency, bit/s/Hz, at linear SNRs >= 0, same shape; 0 below the lowest modulation."""
        ...

    def breakpoints(self, direction: Direction) -> tuple[float, ...]:
        """Linear SNRs > 0 at which the map or its slope jumps, ascending; the averages over fading use them."""
        ...

    def describe(self) -> str:
        """A few words for `netsim check`."""
        ...


@dataclass(frozen=True)
class Shannon:
    """log2(1 + SNR): Shannon's bound, not reached by real links; the usual map of theory papers."""

    def efficiency(self, snr: Array, direction: Direction) -> Array:
        """log2(1 + SNR)."""
        return np.asarray(np.log1p(snr) / math.log(2.0))

    def breakpoints(self, direction: Direction) -> tuple[float, ...]:
        """None: it is smooth."""
        return ()

    def describe(self) -> str:
        """See `RateMap`."""
        return "Shannon"


@dataclass(frozen=True)
class TruncatedShannon:
    """min(cap, attenuation x log2(1 + SNR)), and 0 below the floor: a model of link adaptation.

    Source: 3GPP TR 36.942 Annex A.2: downlink 0.6 and 4.4 bit/s/Hz; uplink 0.4 and 2.0 bit/s/Hz (the uplink
    values are from the literature, not read in the standard itself); both from -10 dB.
    """

    citations: ClassVar[Mapping[str, str]] = {"3gpp36942": ""}

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
        attenuation, cap = self._attenuation_and_cap(direction)
        bounded = np.minimum(cap, attenuation * np.log1p(snr) / math.log(2.0))
        return np.where(snr >= self._floor, bounded, 0.0)

    def breakpoints(self, direction: Direction) -> tuple[float, ...]:
        """The floor, and the SNR at which the cap is reached."""
        attenuation, cap = self._attenuation_and_cap(direction)
        capped = math.expm1(min(700.0, cap / attenuation * math.log(2.0)))
        return tuple(sorted({self._floor, capped}))

    def _attenuation_and_cap(self, direction: Direction) -> tuple[float, float]:
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
    """The best of 15 modulation and coding schemes, each from its own SNR on: 3GPP TS 38.214 Table 5.2.2.1-2 (64QAM).

    The SNRs are those commonly used for a block error rate of 10 % on an AWGN channel (link-level
    simulations; not part of the standard). `margin` is added to them. The 10 % themselves are modelled by `loss`.
    """

    citations: ClassVar[Mapping[str, str]] = {"3gpp38214": ""}

    margin: GainDb = 0.0

    def __post_init__(self) -> None:
        check_quantities(self)

    def efficiency(self, snr: Array, direction: Direction) -> Array:
        """See `RateMap`; the same in both directions."""
        best = np.searchsorted(self._thresholds, snr, side="right")
        return np.asarray(_EFFICIENCIES[best])

    def breakpoints(self, direction: Direction) -> tuple[float, ...]:
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
