"""From mean SNRs to channels: no fading, ergodic, block fading, or one fade per message with an outage."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from netsim.network.channel import Channel, FixedRate
from netsim.network.message_loss import Direction
from netsim.network.radio.block_fading import Blocks, FadingProcess, QuasiStaticFade
from netsim.network.radio.fading_averages import average
from netsim.network.radio.fading_laws import Law, Rayleigh
from netsim.network.radio.rate_maps import RateMap, Shannon
from netsim.units import DurationS, GainDb, SpeedMps, check_quantities, render

Array = NDArray[np.float64]

SERVED = 1e-3
"""Least share of time in which a fading link must have a rate at all; below it a device counts as unserved."""
SPEED_OF_LIGHT_MPS = 3.0e8


@dataclass(frozen=True)
class ChannelContext:
    """One direction of a cell's radio, and whose draws its links use."""

    bandwidth_hz: float
    carrier_hz: float
    direction: Direction
    seed: int
    level: int
    ordinals: Sequence[int]

    def fader(self, row: int, snr: float, law: Law, rates: RateMap) -> FadingProcess:
        """The gains of one link, keyed by its child's level and ordinal and the direction."""
        way = 0 if self.direction == "up" else 1
        key = (self.level, self.ordinals[row], way)
        return FadingProcess(law, rates, self.direction, self.bandwidth_hz, snr, self.seed, key)


class Fading(Protocol):
    """How the SNR of a link moves about its mean."""

    def channels(self, snr: Array, rates: RateMap, air: ChannelContext) -> list[Channel | None]:
        """A channel for every link, by its mean SNR (linear, > 0, [K]); None where it would have no rate."""
        ...

    def describe(self) -> str:
        """A few words for `netsim check`."""
        ...


@dataclass(frozen=True)
class NoFading:
    """The SNR is its mean: B x efficiency(mean SNR), optimistic by Jensen's inequality."""

    def channels(self, snr: Array, rates: RateMap, air: ChannelContext) -> list[Channel | None]:
        """See `Fading`."""
        return _steady(rates.efficiency(snr, air.direction), air)

    def describe(self) -> str:
        """See `Fading`."""
        return "no fading"


@dataclass(frozen=True)
class Ergodic:
    """A message outlasts many fades, so its rate is the mean over them: B x E[efficiency(SNR x h)].

    Right for uploads of seconds over coherence times of milliseconds (the spread of the transfer time falls
    as one over the square root of the number of blocks; `block` has it). Rayleigh under Shannon is the
    closed form exp(1/snr) E1(1/snr) / ln 2, everything else a quadrature.
    """

    law: Law = field(default_factory=Rayleigh)

    def channels(self, snr: Array, rates: RateMap, air: ChannelContext) -> list[Channel | None]:
        """See `Fading`; unserved is who has a rate in less than `SERVED` of the time."""
        return _steady(mean_efficiency(self.law, snr, rates, air.direction), air)

    def describe(self) -> str:
        """See `Fading`."""
        return f"ergodic {self.law.describe()}"


@dataclass(frozen=True)
class Block:
    """The gain is constant for a coherence time, then independent: exact accumulation over the blocks.

    The coherence time is given, or follows from a speed: 0.423 / f_D with f_D = v f / c (Rappaport). Gains
    are keyed by the block's number since the run began, so a link's fading is one fixed process in time.
    What a message takes is computed as if it had the medium to itself from its start on: sharing stretches
    it over later blocks, whose gains it does not see.

    Raises:
        ValueError: neither or both of coherence_time and speed.
    """

    law: Law = field(default_factory=Rayleigh)
    coherence_time: DurationS | None = None
    speed: SpeedMps | None = None

    def __post_init__(self) -> None:
        check_quantities(self)
        if (self.coherence_time is None) == (self.speed is None):
            got = "neither" if self.speed is None else "both"
            raise ValueError(f"block fading needs coherence_time or speed, got {got}; e.g. speed: 3 km/h")

    def coherence_s(self, carrier_hz: float) -> float:
        """How long a gain lasts."""
        if self.coherence_time is not None:
            return self.coherence_time
        assert self.speed is not None
        return 0.423 * SPEED_OF_LIGHT_MPS / (self.speed * carrier_hz)

    def channels(self, snr: Array, rates: RateMap, air: ChannelContext) -> list[Channel | None]:
        """See `Fading`; unserved is who has a rate in less than `SERVED` of the time."""
        block_s = self.coherence_s(air.carrier_hz)
        mean = mean_efficiency(self.law, snr, rates, air.direction).tolist()
        return [
            Blocks(air.fader(k, one, self.law, rates), block_s, air.bandwidth_hz * mean[k])
            if mean[k]
            else None
            for k, one in enumerate(snr.tolist())
        ]

    def describe(self) -> str:
        """See `Fading`."""
        if self.coherence_time is not None:
            return f"block {self.law.describe()}, {render(self.coherence_time, 'time')} coherence"
        return f"block {self.law.describe()} at {3.6 * (self.speed or 0.0):g} km/h"


@dataclass(frozen=True)
class QuasiStatic:
    """One gain for a whole message, drawn anew for the next: sent only in fades that are no outage.

    The worst `outage_rate` of all fades, or those with an SNR below `min_snr`, are not used: the message
    goes in the next good one (the wait is not modelled), so gains follow the law above that quantile.

    Raises:
        ValueError: no outage rule. Without one E[1/R] is infinite (near h = 0 the rate is proportional to
            h, and the integral of 1/h diverges): a mean transfer time would depend on seeds alone.
    """

    law: Law = field(default_factory=Rayleigh)
    outage_rate: float | None = None
    min_snr: GainDb | None = None

    def __post_init__(self) -> None:
        check_quantities(self)
        if self.outage_rate is None and self.min_snr is None:
            raise ValueError(
                "quasi_static needs outage_rate or min_snr, got neither: one fade per message without an "
                "outage rule has E[1/R] = infinity, so no mean transfer time exists; e.g. outage_rate: 0.01, "
                "or use ergodic or block fading"
            )
        if self.outage_rate is not None and self.min_snr is not None:
            raise ValueError("quasi_static takes outage_rate or min_snr, got both; remove one")
        if self.outage_rate is not None and not 1e-9 <= self.outage_rate <= 0.999:
            raise ValueError(f"outage_rate must be 1e-9 to 0.999, got {self.outage_rate}; 1 % is 0.01")

    def channels(self, snr: Array, rates: RateMap, air: ChannelContext) -> list[Channel | None]:
        """See `Fading`; unserved is who is in outage nearly always, or without a rate just above it."""
        worst = self._outage(snr)
        least = rates.efficiency(snr * self.law.quantile(np.minimum(worst, 1 - SERVED)), air.direction)
        if self.min_snr is not None:
            floor = rates.efficiency(np.full_like(snr, 10.0 ** (self.min_snr / 10.0)), air.direction)
            least = np.maximum(least, floor)
        served = (worst <= 1 - SERVED) & (least > 0)
        mean = np.zeros_like(snr)

        def slowness(at: Array) -> Array:
            return 1.0 / np.maximum(rates.efficiency(at, air.direction), 1e-300)

        if served.any():
            slow = average(self.law, slowness, snr[served], rates.knots(air.direction), worst[served])
            mean[served] = air.bandwidth_hz / slow
        return [
            QuasiStaticFade(
                air.fader(k, float(snr[k]), self.law, rates),
                float(worst[k]),
                float(mean[k]),
                air.bandwidth_hz * float(least[k]),
            )
            if served[k]
            else None
            for k in range(len(snr))
        ]

    def _outage(self, snr: Array) -> Array:
        if self.min_snr is None:
            return np.full_like(snr, self.outage_rate)
        return self.law.cdf(10.0 ** (self.min_snr / 10.0) / snr)

    def describe(self) -> str:
        """See `Fading`."""
        rule = f"{self.min_snr:g} dB" if self.outage_rate is None else f"{self.outage_rate:g} outage"
        return f"quasi-static {self.law.describe()}, {rule}"


def mean_efficiency(law: Law, snr: Array, rates: RateMap, direction: Direction) -> Array:
    """E[efficiency(SNR x h)] in bit/s/Hz, [K]; 0 where there is a rate in less than `SERVED` of the time."""
    if isinstance(law, Rayleigh) and isinstance(rates, Shannon):
        return _rayleigh_shannon(snr)

    def worth(at: Array) -> Array:
        return rates.efficiency(at, direction)

    knots = rates.knots(direction)
    mean = average(law, worth, snr, knots)
    if not knots or worth(np.asarray(knots[0] / 2)) > 0:
        return mean
    least = knots[int(np.argmax(worth(np.asarray(knots)) > 0))]
    return np.where(1.0 - law.cdf(least / snr) >= SERVED, mean, 0.0)


def _rayleigh_shannon(snr: Array) -> Array:
    from scipy.special import exp1, hyperu

    inverse = 1.0 / snr
    scaled = np.where(inverse < 500.0, np.exp(np.minimum(inverse, 500.0)) * exp1(inverse), 0.0)
    far = inverse >= 500.0  # there exp overflows; hyperu(1, 1, x) = exp(x) E1(x)
    scaled[far] = hyperu(1.0, 1.0, inverse[far])
    return np.asarray(scaled / math.log(2.0))


def _steady(efficiency: Array, air: ChannelContext) -> list[Channel | None]:
    rates_bps = (air.bandwidth_hz * efficiency).tolist()
    return [FixedRate(rate_bps) if rate_bps > 0 else None for rate_bps in rates_bps]


FADING: dict[str, type[Fading]] = {
    "none": NoFading,
    "ergodic": Ergodic,
    "block": Block,
    "quasi_static": QuasiStatic,
}
