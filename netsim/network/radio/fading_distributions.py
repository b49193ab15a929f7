"""Distributions of the fading power gain, each with mean 1: Rayleigh, Rician, Nakagami-m."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from netsim.units import GainDb, check_quantities

Array = NDArray[np.float64]


class FadingDistribution(Protocol):
    """The distribution of a power gain h >= 0 with E[h] = 1; all functions act on arrays of any shape."""

    def sample(self, generator: np.random.Generator, count: int) -> Array:
        """`count` independent gains, shape [count]."""
        ...

    def pdf(self, gain: Array) -> Array:
        """Probability density at gains > 0."""
        ...

    def cdf(self, gain: Array) -> Array:
        """P(h <= gain): the outage probability where `gain` is the threshold over the mean SNR."""
        ...

    def quantile(self, probability: Array) -> Array:
        """The gain that is exceeded with probability 1 - `probability`, for `probability` in [0, 1)."""
        ...

    def describe(self) -> str:
        """A few words for `netsim check`."""
        ...


@dataclass(frozen=True)
class Rayleigh:
    """Fading without line of sight: h ~ Exp(1). Outage 1 - exp(-threshold / mean SNR)."""

    def sample(self, generator: np.random.Generator, count: int) -> Array:
        """See `FadingDistribution`."""
        return generator.standard_exponential(count)

    def pdf(self, gain: Array) -> Array:
        """exp(-h)."""
        return np.exp(-gain)

    def cdf(self, gain: Array) -> Array:
        """1 - exp(-h)."""
        return -np.expm1(-gain)

    def quantile(self, probability: Array) -> Array:
        """-ln(1 - p)."""
        return -np.log1p(-probability)

    def describe(self) -> str:
        """See `FadingDistribution`."""
        return "Rayleigh"


@dataclass(frozen=True)
class Rician:
    """Fading with a line of sight K times as strong as all other paths: noncentral chi-squared, 2 degrees of freedom.

    Outage 1 - Q1(sqrt(2K), sqrt(2 (1+K) threshold / mean SNR)), Marcum's Q. TR 38.901 Table 7.5-6 has a mean
    K of 9 dB for LOS in UMa and UMi, 7 dB in RMa.
    """

    citations: ClassVar[Mapping[str, str]] = {"3gpp38901": ""}

    k: GainDb = 9.0

    def __post_init__(self) -> None:
        check_quantities(self)
        if not -40.0 <= self.k <= 40.0:
            raise ValueError(
                f"k must be -40 dB to 40 dB, got {self.k:g} dB; below it is rayleigh, above it is no fading"
            )

    @property
    def _k(self) -> float:
        return float(10.0 ** (self.k / 10.0))

    def sample(self, generator: np.random.Generator, count: int) -> Array:
        """See `FadingDistribution`."""
        los, scatter = math.sqrt(self._k / (1 + self._k)), math.sqrt(0.5 / (1 + self._k))
        parts = generator.standard_normal((2, count)) * scatter
        return np.asarray((los + parts[0]) ** 2 + parts[1] ** 2)

    def pdf(self, gain: Array) -> Array:
        """(1+K) exp(-K - (1+K) h) I0(2 sqrt(K (1+K) h))."""
        from scipy.special import i0e

        k, scaled = self._k, (1 + self._k) * gain
        difference = np.sqrt(scaled) - math.sqrt(k)  # i0e includes the large exponent
        return np.asarray((1 + k) * np.exp(-(difference**2)) * i0e(2 * np.sqrt(k * scaled)))

    def cdf(self, gain: Array) -> Array:
        """1 - Q1(sqrt(2K), sqrt(2 (1+K) h))."""
        from scipy.special import chndtr

        return np.asarray(chndtr(2 * (1 + self._k) * np.asarray(gain), 2.0, 2 * self._k))

    def quantile(self, probability: Array) -> Array:
        """See `FadingDistribution`; by root finding."""
        from scipy.special import chndtrix

        return np.asarray(chndtrix(probability, 2.0, 2 * self._k) / (2 * (1 + self._k)))

    def describe(self) -> str:
        """See `FadingDistribution`."""
        return f"Rician, K {self.k:g} dB"


@dataclass(frozen=True)
class Nakagami:
    """h ~ Gamma(m, 1/m): m = 1 is Rayleigh, a larger m fades less, 0.5 most. Outage P(m, m threshold / SNR).

    Default m 1.5, as in ns-3's model for distances below 80 m.
    """

    m: float = 1.5

    def __post_init__(self) -> None:
        if not 0.5 <= self.m <= 1e4:
            raise ValueError(
                f"m must be 0.5 to 10000, got {self.m}; m = 1 is rayleigh, above it is no fading"
            )

    def sample(self, generator: np.random.Generator, count: int) -> Array:
        """See `FadingDistribution`."""
        return generator.standard_gamma(self.m, count) / self.m

    def pdf(self, gain: Array) -> Array:
        """m^m h^(m-1) exp(-m h) / Gamma(m)."""
        log = self.m * math.log(self.m) + (self.m - 1) * np.log(gain) - self.m * gain - math.lgamma(self.m)
        return np.exp(log)

    def cdf(self, gain: Array) -> Array:
        """The regularised lower incomplete gamma function P(m, m h)."""
        from scipy.special import gammainc

        return np.asarray(gammainc(self.m, self.m * np.asarray(gain)))

    def quantile(self, probability: Array) -> Array:
        """See `FadingDistribution`."""
        from scipy.special import gammaincinv

        return np.asarray(gammaincinv(self.m, probability) / self.m)

    def describe(self) -> str:
        """See `FadingDistribution`."""
        return f"Nakagami, m {self.m:g}"


FADING_DISTRIBUTIONS: dict[str, type[FadingDistribution]] = {
    "rayleigh": Rayleigh,
    "rician": Rician,
    "nakagami": Nakagami,
}
