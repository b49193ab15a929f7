"""Channels whose gain changes: block by block in time, or message by message."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsim.network.message_loss import Direction
from netsim.network.radio.fading_laws import Law
from netsim.network.radio.rate_maps import RateMap
from netsim.rng import generator

CHUNK = 256
"""Blocks drawn at once, under one key."""


@dataclass(frozen=True, slots=True)
class FadingProcess:
    """A link's gains and what they are worth."""

    law: Law
    rates: RateMap
    direction: Direction
    bandwidth_hz: float
    snr: float
    """Mean, linear."""
    seed: int
    key: tuple[int, ...]
    """Child's level, child's ordinal, 0 (up) or 1 (down)."""

    def dice(self, number: int) -> np.random.Generator:
        """The generator of chunk or message `number`."""
        return generator(self.seed, "channel", *self.key, number)

    def rate_bps(self, gain: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rates at gains, same shape."""
        return self.bandwidth_hz * self.rates.efficiency(self.snr * gain, self.direction)


@dataclass(frozen=True, slots=True)
class Blocks:
    """Block fading: bits accumulate over blocks of one gain each; exact, vectorised, no event per block.

    Block b spans [b, b + 1) x `block_s` of simulated time; its gain is a function of key and b alone.
    """

    fader: FadingProcess
    block_s: float
    mean_rate_bps: float
    """Over all fades: the ergodic rate."""

    def airtime_s(self, wire_bits: float, at_s: float) -> float:
        """See `Channel`: the time at which the rate's integral from `at_s` on reaches the bits."""
        block = math.floor(at_s / self.block_s)
        gone_s = min(max(0.0, at_s - block * self.block_s), self.block_s)
        chunk, first = divmod(block, CHUNK)
        left_bits, took_s = wire_bits, -gone_s
        while left_bits > 0:
            rates_bps = self._rates_bps(chunk)[first:]
            bits = rates_bps * self.block_s
            bits[0] -= rates_bps[0] * gone_s
            total = np.cumsum(bits)
            if total[-1] >= left_bits:
                last = int(np.searchsorted(total, left_bits))
                lacking_bits = float(total[last]) - left_bits
                return took_s + (last + 1) * self.block_s - lacking_bits / float(rates_bps[last])
            left_bits -= float(total[-1])
            took_s += len(bits) * self.block_s
            chunk, first, gone_s = chunk + 1, 0, 0.0
        return 0.0

    def _rates_bps(self, chunk: int) -> NDArray[np.float64]:
        return self.fader.rate_bps(self.fader.law.sample(self.fader.dice(chunk), CHUNK))


@dataclass(slots=True)
class QuasiStaticFade:
    """Quasi-static fading: one gain for a whole message, above the outage quantile.

    A new instant begins a new message; calls at the same instant are about the same message.
    """

    fader: FadingProcess
    outage: float
    """Share of the worst fades, never used."""
    mean_rate_bps: float
    """1 / E[1 / rate]: bits over expected seconds."""
    least_rate_bps: float
    """In the worst fade that is used: the outage rate."""
    _messages: int = 0
    _at_s: float = math.nan
    _rate_bps: float = math.nan

    def airtime_s(self, wire_bits: float, at_s: float) -> float:
        """See `Channel`."""
        if at_s != self._at_s:
            self._at_s, self._rate_bps = at_s, self._next_bps()
        return wire_bits / self._rate_bps

    def _next_bps(self) -> float:
        drawn = self.fader.dice(self._messages).random()
        self._messages += 1
        quantile = self.fader.law.quantile(np.asarray(self.outage + (1.0 - self.outage) * drawn))
        return max(self.least_rate_bps, float(self.fader.rate_bps(quantile)))
