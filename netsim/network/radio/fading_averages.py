"""Averages over a fading law, by one quadrature for every law and every rate map."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from netsim.network.radio.fading_laws import Law

Array = NDArray[np.float64]

PANELS, NODES = 40, 8
LEAST = 1e-13
"""Share of the deepest fades left out: what grows with the gain loses no more than this share of its mean."""
BEYOND = 0.4
"""In ln h, above the largest quantile a float64 can ask for."""
_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(NODES)
_ROWS = 256


def average(
    law: Law, worth: Callable[[Array], Array], snr: Array, knots: Sequence[float], outage: Array | float = 0.0
) -> Array:
    """E[worth(snr x h) | h above its `outage` quantile], for every mean SNR; shape [K].

    Gauss-Legendre on panels in ln h between the extreme quantiles, with a panel border at every knot: smooth
    between knots, so the relative error is about 1e-12 (against closed forms). K rows are done at once.

    Args:
        worth: a function of linear SNR, elementwise; smooth between knots. With `outage` 0 it must not
            diverge at 0 (1 / rate does).
        snr: mean SNRs, linear, > 0, [K].
        knots: SNRs at which `worth` jumps or bends.
        outage: share of the worst fades that are excluded, [K] or one for all, in [0, 1).
    """
    lost = np.broadcast_to(np.asarray(outage, dtype=np.float64), snr.shape)
    least = np.log(law.quantile(np.maximum(lost, LEAST)))
    most = float(np.log(law.quantile(np.asarray(1.0 - 2.0**-53)))) + BEYOND
    found = np.empty_like(snr)
    for first in range(0, len(snr), _ROWS):
        rows = slice(first, first + _ROWS)
        found[rows] = _rows(law, worth, snr[rows], knots, least[rows], most)
    return np.asarray(found / (1.0 - lost))


def _rows(
    law: Law, worth: Callable[[Array], Array], snr: Array, knots: Sequence[float], least: Array, most: float
) -> Array:
    even = least[:, None] + np.linspace(0.0, 1.0, PANELS + 1) * (most - least)[:, None]
    bends = np.log(np.asarray(knots, dtype=np.float64))[None, :] - np.log(snr)[:, None]
    edges = np.sort(np.concatenate([even, np.clip(bends, least[:, None], most)], axis=1), axis=1)
    middle, half = (edges[:, 1:] + edges[:, :-1]) / 2, (edges[:, 1:] - edges[:, :-1]) / 2
    gain = np.exp(middle[:, :, None] + half[:, :, None] * _POINTS)
    density = worth(snr[:, None, None] * gain) * law.pdf(gain) * gain
    return np.asarray(np.einsum("kpn,n,kp->k", density, _WEIGHTS, half))
