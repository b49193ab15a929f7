"""Fading models: from mean SNRs to channels (no fading, ergodic, block, or quasi-static with an outage)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from netsim.network.channel import Channel, FixedRate
from netsim.network.message_loss import Direction
from netsim.network.radio.block_fading import BlockFadingChannel, FadingProcess, QuasiStaticChannel
from netsim.network.radio.fading_averages import average
from netsim.network.radio.fading_distributions import FadingDistribution, Rayleigh
from netsim.network.radio.rate_maps import RateMap, Shannon
from netsim.units import DurationS, GainDb, SpeedMps, check_quantities, render

Array = NDArray[np.float64]

MIN_SERVED_FRACTION = 1e-3
"""Smallest fraction of time in which a fading link must have a rate; with less, the device has no service."""
SPEED_OF_LIGHT_MPS = 3.0e8


@dataclass(frozen=True)
class ChannelContext:
    """One direction of a cell's radio, and the keys of the random draws of its links."""

    bandwidth_hz: float
    carrier_hz: float
    direction: Direction
    seed: int
    level: int
    ordinals: Sequence[int]

    def fading_process(
        self, index: int, snr: float, distribution: FadingDistribution, rate_map: RateMap
    ) -> FadingProcess:
        """The fading of link number `index`, keyed by level and ordinal of its child and by direction."""
        key = (self.level, self.ordinals[index], 0 if self.direction == "up" else 1)
        return FadingProcess(distribution, rate_map, self.direction, self.bandwidth_hz, snr, self.seed, key)


class Fading(Protocol):
    """A model of the variation of a link's SNR about its mean."""

    def channels(self, snr: Array, rate_map: RateMap, context: ChannelContext) -> list[Channel | None]:
        """One channel per link, from its mean SNR (linear, > 0, [K]); None for a link without a rate."""
        ...

    def describe(self) -> str:
        """A few words for `netsim check`."""
        ...


@dataclass(frozen=True)
class NoFading:
    """No fading: the rate is B x efficiency(mean SNR), optimistic by Jensen's inequality."""

    def channels(self, snr: Array, rate_map: RateMap, context: ChannelContext) -> list[Channel | None]:
        """See `Fading`."""
        return _fixed_rate_channels(rate_map.efficiency(snr, context.direction), context)

    def describe(self) -> str:
        """See `Fading`."""
        return "no fading"


@dataclass(frozen=True)
class Ergodic:
    """Ergodic rate: a message lasts for many fading blocks, so its rate is B x E[efficiency(SNR x h)].

    Valid for uploads of seconds with coherence times of milliseconds (the standard deviation of the transfer time falls
    as one over the square root of the number of blocks; the `block` model includes it). Rayleigh under Shannon is the
    closed form exp(1/snr) E1(1/snr) / ln 2, all others are computed by quadrature.
    """

    law: FadingDistribution = field(default_factory=Rayleigh)

    def channels(self, snr: Array, rate_map: RateMap, context: ChannelContext) -> list[Channel | None]:
        """See `Fading`; a device with a rate in less than `MIN_SERVED_FRACTION` of the time has none."""
        return _fixed_rate_channels(mean_efficiency(self.law, snr, rate_map, context.direction), context)

    def describe(self) -> str:
        """See `Fading`."""
        return f"ergodic {self.law.describe()}"


@dataclass(frozen=True)
class Block:
    """Block fading: the gain is constant for a coherence time, then independent; the bits are accumulated exactly.

    The coherence time is given, or follows from a speed: 0.423 / f_D with f_D = v f / c (Rappaport). Gains
    are keyed by the number of the block since the start of the run, so the fading of a link is one fixed process in
    time. The airtime of a message is computed from its start without contention: if sharing prolongs the transfer over
    later blocks, their gains have no effect.

    Raises:
        ValueError: neither or both of coherence_time and speed.
    """

    citations: ClassVar[Mapping[str, str]] = {"rappaport2002wireless": ""}

    law: FadingDistribution = field(default_factory=Rayleigh)
    coherence_time: DurationS | None = None
    speed: SpeedMps | None = None

    def __post_init__(self) -> None:
        check_quantities(self)
        if (self.coherence_time is None) == (self.speed is None):
            got = "neither" if self.speed is None else "both"
            raise ValueError(f"block fading needs coherence_time or speed, got {got}; e.g. speed: 3 km/h")

    def coherence_s(self, carrier_hz: float) -> float:
        """Coherence time, s."""
        if self.coherence_time is not None:
            return self.coherence_time
        assert self.speed is not None
        return 0.423 * SPEED_OF_LIGHT_MPS / (self.speed * carrier_hz)

    def channels(self, snr: Array, rate_map: RateMap, context: ChannelContext) -> list[Channel | None]:
        """See `Fading`; a device with a rate in less than `MIN_SERVED_FRACTION` of the time has none."""
        block_s = self.coherence_s(context.carrier_hz)
        mean = mean_efficiency(self.law, snr, rate_map, context.direction).tolist()
        return [
            BlockFadingChannel(
                context.fading_process(k, one, self.law, rate_map), block_s, context.bandwidth_hz * mean[k]
            )
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
    """Quasi-static fading: one gain per message, independent between messages, and never in outage.

    The worst gains, with probability `outage_rate`, or those with an SNR below `min_snr`, are not used: the message
    is sent at the next gain above (the waiting time is not modelled), so gains follow the distribution above that
    quantile.

    Raises:
        ValueError: no outage rule. Without one E[1/R] is infinite (near h = 0 the rate is proportional to
            h, and the integral of 1/h diverges): the mean transfer time would depend on the seed alone.
    """

    law: FadingDistribution = field(default_factory=Rayleigh)
    outage_rate: float | None = None
    min_snr: GainDb | None = None

    def __post_init__(self) -> None:
        check_quantities(self)
        if self.outage_rate is None and self.min_snr is None:
            raise ValueError(
                "quasi_static needs outage_rate or min_snr, got neither: one gain per message without an "
                "outage rule has E[1/R] = infinity, so no mean transfer time exists; e.g. outage_rate: 0.01, "
                "or use ergodic or block fading"
            )
        if self.outage_rate is not None and self.min_snr is not None:
            raise ValueError("quasi_static takes outage_rate or min_snr, got both; remove one")
        if self.outage_rate is not None and not 1e-9 <= self.outage_rate <= 0.999:
            raise ValueError(f"outage_rate must be 1e-9 to 0.999, got {self.outage_rate}; 1 % is 0.01")

    def channels(self, snr: Array, rate_map: RateMap, context: ChannelContext) -> list[Channel | None]:
        """See `Fading`; a device that is almost always in outage, or has no rate just above it, has none."""
        outage = self._outage(snr)
        quantile = self.law.quantile(np.minimum(outage, 1 - MIN_SERVED_FRACTION))
        least = rate_map.efficiency(snr * quantile, context.direction)
        if self.min_snr is not None:
            floor = rate_map.efficiency(np.full_like(snr, 10.0 ** (self.min_snr / 10.0)), context.direction)
            least = np.maximum(least, floor)
        served = (outage <= 1 - MIN_SERVED_FRACTION) & (least > 0)
        mean = np.zeros_like(snr)

        def inverse_efficiency(at: Array) -> Array:
            return 1.0 / np.maximum(rate_map.efficiency(at, context.direction), 1e-300)

        if served.any():
            breakpoints = rate_map.breakpoints(context.direction)
            inverse = average(self.law, inverse_efficiency, snr[served], breakpoints, outage[served])
            mean[served] = context.bandwidth_hz / inverse
        return [
            QuasiStaticChannel(
                context.fading_process(k, float(snr[k]), self.law, rate_map),
                float(outage[k]),
                float(mean[k]),
                context.bandwidth_hz * float(least[k]),
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


def mean_efficiency(
    distribution: FadingDistribution, snr: Array, rate_map: RateMap, direction: Direction
) -> Array:
    """E[efficiency(SNR x h)] in bit/s/Hz, [K]; 0 for a rate in less than `MIN_SERVED_FRACTION` of the time."""
    if isinstance(distribution, Rayleigh) and isinstance(rate_map, Shannon):
        return _rayleigh_shannon(snr)

    def efficiency(at: Array) -> Array:
        return rate_map.efficiency(at, direction)

    breakpoints = rate_map.breakpoints(direction)
    mean = average(distribution, efficiency, snr, breakpoints)
    if not breakpoints or efficiency(np.asarray(breakpoints[0] / 2)) > 0:
        return mean
    least = breakpoints[int(np.argmax(efficiency(np.asarray(breakpoints)) > 0))]
    return np.where(1.0 - distribution.cdf(least / snr) >= MIN_SERVED_FRACTION, mean, 0.0)


def _rayleigh_shannon(snr: Array) -> Array:
    from scipy.special import exp1, hyperu

    inverse = 1.0 / snr
    scaled = np.where(inverse < 500.0, np.exp(np.minimum(inverse, 500.0)) * exp1(inverse), 0.0)
    low = inverse >= 500.0  # there exp overflows; hyperu(1, 1, x) = exp(x) E1(x)
    scaled[low] = hyperu(1.0, 1.0, inverse[low])
    return np.asarray(scaled / math.log(2.0))


def _fixed_rate_channels(efficiency: Array, context: ChannelContext) -> list[Channel | None]:
    rates_bps = (context.bandwidth_hz * efficiency).tolist()
    return [FixedRate(rate_bps) if rate_bps > 0 else None for rate_bps in rates_bps]


FADING: dict[str, type[Fading]] = {
    "none": NoFading,
    "ergodic": Ergodic,
    "block": Block,
    "quasi_static": QuasiStatic,
}
