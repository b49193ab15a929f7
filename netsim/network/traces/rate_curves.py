"""Rate curves: time-varying rates as cumulative bits, and the channel that follows such a curve."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class RateCurve:
    """Cumulative bits A(t) of one period, repeated indefinitely.

    Linear between the points (a piecewise constant rate), or all bits of a point at its time (delivery opportunities,
    which are lost if there is nothing to send).

    Args:
        times_s: [n], ascending (strictly, if linear) from 0 to the period.
        bits: [n], cumulative, ascending from 0 (linear) or from the bits at time 0.
        steps: whether the bits are delivered at single times.

    Raises:
        ValueError: a period of 0 s, or no bits.
    """

    times_s: NDArray[np.float64]
    bits: NDArray[np.float64]
    steps: bool

    def __post_init__(self) -> None:
        if len(self.times_s) == 0 or not self.period_s > 0:
            raise ValueError("a trace needs a length > 0 s")
        if not self.total_bits > 0:
            raise ValueError("a trace must deliver something, but all its rates are 0")

    @cached_property
    def period_s(self) -> float:
        """Length of one period, s."""
        return float(self.times_s[-1])

    @cached_property
    def total_bits(self) -> float:
        """Bits of one period."""
        return float(self.bits[-1])

    @property
    def mean_rate_bps(self) -> float:
        """Bits of a period / period."""
        return self.total_bits / self.period_s

    def finish_s(self, bits: float, at_s: float) -> float:
        """Time until `bits` > 0 are sent when sending starts at `at_s` >= 0, s: A^-1(A(t) + S) - t.

        Exact, O(log n). An opportunity exactly at `at_s` is not used, whichever way the time was rounded.
        """
        rounding_s = ROUNDING * max(at_s, self.period_s)
        phase_s = math.fmod(at_s, self.period_s)
        if self.period_s - phase_s <= rounding_s:  # a multiple of the period, up to rounding
            phase_s = 0.0
        end = self._bits_at(phase_s + rounding_s if self.steps else phase_s) + bits
        periods = max(0, math.ceil(end / self.total_bits) - 1)
        rest = min(end - periods * self.total_bits, self.total_bits)
        return max(0.0, periods * self.period_s + self._first_s(rest) - phase_s)

    def _bits_at(self, phase_s: float) -> float:
        if not self.steps:
            return float(np.interp(phase_s, self.times_s, self.bits))
        after = int(np.searchsorted(self.times_s, phase_s, side="right"))
        return float(self.bits[after - 1]) if after else 0.0

    def _first_s(self, bits: float) -> float:
        """First time of a period at which its cumulative bits reach `bits` in (0, total], s."""
        after = int(np.searchsorted(self.bits, bits, side="left"))
        if self.steps or after == 0:
            return float(self.times_s[after])
        t0, t1 = self.times_s[after - 1 : after + 1].tolist()
        b0, b1 = self.bits[after - 1 : after + 1].tolist()
        return float(t0 + (bits - b0) * (t1 - t0) / (b1 - b0))


ROUNDING = 1e-12
"""Relative error of a time: times that differ by less are equal."""


def piecewise_constant(durations_s: NDArray[np.float64], rates_bps: NDArray[np.float64]) -> RateCurve:
    """The curve of rates that each last for a duration > 0."""
    times_s = np.concatenate([[0.0], np.cumsum(durations_s)])
    return RateCurve(times_s, np.concatenate([[0.0], np.cumsum(durations_s * rates_bps)]), steps=False)
