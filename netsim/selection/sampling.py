"""Draws without replacement: who is in a sample, from one uniform per candidate, with known probabilities."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def size(fraction: float | None, count: int | None, among: int) -> int:
    """How many of `among` are meant: `count`, or ceil(fraction x among); at most all."""
    wanted = count if fraction is None else math.ceil(fraction * among - 1e-9)
    return min(wanted or 0, among)


def inclusion(masses: Floats, mean_size: float) -> Floats:
    """Probabilities proportional to masses > 0 that add up to `mean_size` <= K, none above 1.

    Whoever would exceed 1 is certain, and the others share what is left (Tille, Sampling Algorithms, 2006, ch. 2.10).
    """
    found = np.ones(len(masses))
    open_ = np.ones(len(masses), dtype=bool)
    while open_.any():
        left = mean_size - (len(masses) - int(open_.sum()))
        scaled = left * masses / masses[open_].sum()
        above = open_ & (scaled >= 1.0)
        if not above.any():
            found[open_] = scaled[open_]
            break
        open_ &= ~above
    return found


def independent(probabilities: Floats, drawn: Floats) -> NDArray[np.bool_]:
    """Poisson (Bernoulli) sampling: everybody by themselves; `drawn` [K] in [0, 1)."""
    return np.asarray(drawn < probabilities)


def smallest(count: int, drawn: Floats) -> NDArray[np.bool_]:
    """The `count` with the smallest uniforms [K]: a simple random sample without replacement."""
    chosen = np.zeros(len(drawn), dtype=bool)
    chosen[np.argsort(drawn, kind="stable")[:count]] = True
    return chosen


def systematic(probabilities: Floats, drawn: Floats, start: float) -> NDArray[np.bool_]:
    """A sample of fixed size with exactly these inclusion probabilities [K], whose sum is a whole number.

    In the order of `drawn` [K], whoever holds one of the points start, start + 1, ... of the running sum
    (`start` in [0, 1)). Source: Madow, Ann. Math. Stat. 20 (1949) 333-354, in random order.
    """
    order = np.argsort(drawn, kind="stable")
    ends = np.cumsum(probabilities[order])
    ends[-1] = round(float(ends[-1]))
    points = np.ceil(ends - start)
    chosen = np.zeros(len(drawn), dtype=bool)
    chosen[order] = np.diff(points, prepend=np.ceil(-start)) > 0
    return chosen
