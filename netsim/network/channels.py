"""The physics of one link: how many seconds of sole use a message takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

NOISE_DBM_PER_HZ = -174.0
"""Thermal noise density by convention (k T at 290 K is -173.975 dBm/Hz); 3GPP TR 36.814."""


class Channel(Protocol):
    """A link's rate, possibly changing with time."""

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

    def airtime_s(self, wire_bits: float, at_s: float) -> float:
        """See `Channel`; the instant does not matter."""
        return wire_bits / self.rate_bps


@dataclass(frozen=True)
class Shannon:
    """airtime = bits / (B log2(1 + SNR)): an upper bound on what a code of long messages achieves."""

    bandwidth_hz: float
    snr: float
    """Linear, not dB."""

    def __post_init__(self) -> None:
        if not 0 < self.bandwidth_hz < math.inf:
            raise ValueError(f"bandwidth_hz must be finite and > 0, got {self.bandwidth_hz}")
        if not (0 < self.snr < math.inf and self.rate_bps > 0):
            raise ValueError(
                f"snr must be finite and > 0 (linear, not dB), got {self.snr}; check the link budget"
            )

    @property
    def rate_bps(self) -> float:
        """B log2(1 + SNR)."""
        return self.bandwidth_hz * math.log1p(self.snr) / math.log(2.0)

    def airtime_s(self, wire_bits: float, at_s: float) -> float:
        """See `Channel`; the instant does not matter."""
        return wire_bits / self.rate_bps


def noise_dbm(bandwidth_hz: float) -> float:
    """Thermal noise power in a band: -174 dBm/Hz + 10 log10 B."""
    return NOISE_DBM_PER_HZ + 10.0 * math.log10(bandwidth_hz)


def snr_linear(
    power_dbm: float,
    gains_db: float,
    loss_db: float,
    noise_figure_db: float,
    bandwidth_hz: float,
    interference_margin_db: float = 0.0,
) -> float:
    """Signal to noise ratio of a link budget, linear.

    Args:
        power_dbm: transmit power, all of it in the band.
        gains_db: sum of both antennas' gains.
        loss_db: path loss.
        noise_figure_db: of the receiver.
        bandwidth_hz: over which noise is collected.
        interference_margin_db: rise over thermal noise set aside for interference.
    """
    received_dbm = power_dbm + gains_db - loss_db
    floor_dbm = noise_dbm(bandwidth_hz) + noise_figure_db + interference_margin_db
    return float(10.0 ** ((received_dbm - floor_dbm) / 10.0))
