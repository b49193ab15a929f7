"""Expectations over a fading distribution, by one quadrature for all distributions and rate maps."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from netsim.network.radio.fading_distributions import FadingDistribution

Array = NDArray[np.float64]

PANELS, NODES = 40, 8
MIN_OUTAGE = 1e-13
"""Probability of the smallest gains left out; the relative error of a non-decreasing function is at most this."""
LOG_GAIN_MARGIN = 0.4
"""Added in ln h to the largest quantile that a float64 probability can express."""
_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(NODES)
_ROWS = 256


def average(
    distribution: FadingDistribution,
    function: Callable[[Array], Array],
    snr: Array,
    breakpoints: Sequence[float],
    outage: Array | float = 0.0,
) -> Array:
    """E[function(snr x h) | h above its `outage` quantile], for every mean SNR; shape [K].

    Gauss-Legendre on panels in ln h between the extreme quantiles, with a panel border at every breakpoint: smooth
    between breakpoints, so the relative error is about 1e-12 (against closed forms). Vectorised over K.

    Args:
        distribution: of the gain h.
        function: a function of linear SNR, elementwise; smooth between breakpoints. With `outage` 0 it must not
            diverge at 0 (1 / rate does).
        snr: mean SNRs, linear, > 0, [K].
        breakpoints: SNRs at which `function` or its slope jumps.
        outage: probability of the smallest gains, which are excluded, [K] or one for all, in [0, 1).
    """
    excluded = np.broadcast_to(np.asarray(outage, dtype=np.float64), snr.shape)
    low = np.log(distribution.quantile(np.maximum(excluded, MIN_OUTAGE)))
    high = float(np.log(distribution.quantile(np.asarray(1.0 - 2.0**-53)))) + LOG_GAIN_MARGIN
    mean = np.empty_like(snr)
    for first in range(0, len(snr), _ROWS):
        rows = slice(first, first + _ROWS)
        mean[rows] = _integrate(distribution, function, snr[rows], breakpoints, low[rows], high)
    return np.asarray(mean / (1.0 - excluded))


def _integrate(
    distribution: FadingDistribution,
    function: Callable[[Array], Array],
    snr: Array,
    breakpoints: Sequence[float],
    low: Array,
    high: float,
) -> Array:
    """The integral of function(snr x h) times the density of h, for ln h from `low` [K] to `high`."""
    even = low[:, None] + np.linspace(0.0, 1.0, PANELS + 1) * (high - low)[:, None]
    inner = np.log(np.asarray(breakpoints, dtype=np.float64))[None, :] - np.log(snr)[:, None]
    edges = np.sort(np.concatenate([even, np.clip(inner, low[:, None], high)], axis=1), axis=1)
    middle, half = (edges[:, 1:] + edges[:, :-1]) / 2, (edges[:, 1:] - edges[:, :-1]) / 2
    gain = np.exp(middle[:, :, None] + half[:, :, None] * _POINTS)
    density = function(snr[:, None, None] * gain) * distribution.pdf(gain) * gain
    return np.asarray(np.einsum("kpn,n,kp->k", density, _WEIGHTS, half))
