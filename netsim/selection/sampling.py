"""Sampling without replacement with known inclusion probabilities, from one uniform number per candidate."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def sample_size(fraction: float | None, count: int | None, population: int) -> int:
    """The sample size: `count`, or ceil(fraction x population); at most the population."""
    size = count if fraction is None else math.ceil(fraction * population - 1e-9)
    return min(size or 0, population)


def inclusion_probabilities(sizes: Floats, mean_size: float) -> Floats:
    """Inclusion probabilities proportional to sizes > 0 that add up to `mean_size` <= K, none above 1; [K].

    Candidates whose probability would exceed 1 are certain; the others share the rest (Tille, Sampling Algorithms,
    2006, ch. 2.10).
    """
    probabilities = np.ones(len(sizes))
    uncertain = np.ones(len(sizes), dtype=bool)
    while uncertain.any():
        rest = mean_size - (len(sizes) - int(uncertain.sum()))
        scaled = rest * sizes / sizes[uncertain].sum()
        above = uncertain & (scaled >= 1.0)
        if not above.any():
            probabilities[uncertain] = scaled[uncertain]
            break
        uncertain &= ~above
    return probabilities


def poisson_sample(probabilities: Floats, uniform: Floats) -> NDArray[np.bool_]:
    """Poisson (Bernoulli) sampling: independent members; `uniform` [K] in [0, 1)."""
    return np.asarray(uniform < probabilities)


def simple_random_sample(count: int, uniform: Floats) -> NDArray[np.bool_]:
    """A simple random sample without replacement: the `count` candidates with the smallest numbers of `uniform` [K]."""
    sample = np.zeros(len(uniform), dtype=bool)
    sample[np.argsort(uniform, kind="stable")[:count]] = True
    return sample


def systematic_sample(probabilities: Floats, uniform: Floats, start: float) -> NDArray[np.bool_]:
    """A sample of fixed size with exactly these inclusion probabilities [K], whose sum is a whole number.

    In the order of `uniform` [K], the candidates whose interval of the running sum of the probabilities contains one of
    the points start, start + 1, ... (`start` in [0, 1)). Source: Madow, Ann. Math. Stat. 20 (1949) 333-354, in random
    order.
    """
    order = np.argsort(uniform, kind="stable")
    ends = np.cumsum(probabilities[order])
    ends[-1] = round(float(ends[-1]))
    points = np.ceil(ends - start)
    sample = np.zeros(len(uniform), dtype=bool)
    sample[order] = np.diff(points, prepend=np.ceil(-start)) > 0
    return sample
