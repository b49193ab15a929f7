"""Fading channels: block fading in time, and quasi-static fading per message."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsim.network.message_loss import Direction
from netsim.network.radio.fading_distributions import FadingDistribution
from netsim.network.radio.rate_maps import RateMap
from netsim.rng import generator

CHUNK = 256
"""Blocks drawn at once, with one key."""


@dataclass(frozen=True, slots=True)
class FadingProcess:
    """The fading of one link: its gain distribution, rate map, mean SNR and random-stream key."""

    distribution: FadingDistribution
    rate_map: RateMap
    direction: Direction
    bandwidth_hz: float
    snr: float
    """Mean SNR, linear."""
    seed: int
    key: tuple[int, ...]
    """Level and ordinal of the child, and the direction: 0 (up) or 1 (down)."""

    def generator(self, number: int) -> np.random.Generator:
        """The random generator of chunk or message `number`."""
        return generator(self.seed, "channel", *self.key, number)

    def rate_bps(self, gain: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rates at given gains, same shape."""
        return self.bandwidth_hz * self.rate_map.efficiency(self.snr * gain, self.direction)


@dataclass(frozen=True, slots=True)
class BlockFadingChannel:
    """Block fading: the rate is constant within each block, and the bits accumulate over the blocks; exact.

    Block b spans [b, b + 1) x `block_s` of simulated time; its gain depends on the key and b only. Vectorised: no
    simulation event per block.
    """

    fading: FadingProcess
    block_s: float
    mean_rate_bps: float
    """Ergodic rate: the mean over the fading."""

    def airtime_s(self, wire_bits: float, at_s: float) -> float:
        """See `Channel`: the time until the integral of the rate from `at_s` reaches the bits."""
        block = math.floor(at_s / self.block_s)
        elapsed_s = min(max(0.0, at_s - block * self.block_s), self.block_s)
        chunk, first = divmod(block, CHUNK)
        remaining_bits, time_s = wire_bits, -elapsed_s
        while remaining_bits > 0:
            rates_bps = self._rates_bps(chunk)[first:]
            bits = rates_bps * self.block_s
            bits[0] -= rates_bps[0] * elapsed_s
            total = np.cumsum(bits)
            if total[-1] >= remaining_bits:
                last = int(np.searchsorted(total, remaining_bits))
                excess_bits = float(total[last]) - remaining_bits
                return time_s + (last + 1) * self.block_s - excess_bits / float(rates_bps[last])
            remaining_bits -= float(total[-1])
            time_s += len(bits) * self.block_s
            chunk, first, elapsed_s = chunk + 1, 0, 0.0
        return 0.0

    def _rates_bps(self, chunk: int) -> NDArray[np.float64]:
        return self.fading.rate_bps(self.fading.distribution.sample(self.fading.generator(chunk), CHUNK))


@dataclass(slots=True)
class QuasiStaticChannel:
    """Quasi-static fading: one gain for a whole message, above the outage quantile.

    A new start time means a new message; calls with the same start time are about the same message.
    """

    fading: FadingProcess
    outage: float
    """Probability of the worst gains, which are never used."""
    mean_rate_bps: float
    """1 / E[1 / rate]: bits over expected time."""
    min_rate_bps: float
    """Outage rate: the rate at the smallest gain that is used."""
    _messages: int = 0
    _at_s: float = math.nan
    _rate_bps: float = math.nan

    def airtime_s(self, wire_bits: float, at_s: float) -> float:
        """See `Channel`."""
        if at_s != self._at_s:
            self._at_s, self._rate_bps = at_s, self._next_bps()
        return wire_bits / self._rate_bps

    def _next_bps(self) -> float:
        uniform = self.fading.generator(self._messages).random()
        self._messages += 1
        gain = self.fading.distribution.quantile(np.asarray(self.outage + (1.0 - self.outage) * uniform))
        return max(self.min_rate_bps, float(self.fading.rate_bps(gain)))
