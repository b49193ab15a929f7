"""Draws that make data: keyed generators, normal numbers, rows centred and scaled exactly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learning.rng.keyed import row_key, uniforms

Floats = NDArray[np.float64]

# What a data-level draw is for: the first number of its path under the stream "data".
DIGITS_SPLIT, TRAIN_SUBSET, TEST_SUBSET, PARTITION, OBJECTIVE, SHIFT = range(1, 7)


def keyed_generator(seed: int, *path: int) -> np.random.Generator:
    """Generator of the data-level draw named by `path` (stream "data")."""
    return np.random.Generator(np.random.Philox(key=row_key(seed, "data", *path)))


def normals(keys: NDArray[np.uint64], count: int) -> Floats:
    """Standard normal [K, count]: the Box-Muller transform of the keys' uniforms."""
    half = -(-count // 2)
    unit = uniforms(keys, 2 * half)
    radius, angle = np.sqrt(-2.0 * np.log(unit[:, :half])), 2.0 * np.pi * unit[:, half:]
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1)[:, :count]


def mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele et al., OOPSLA 2014): a bijection that sets neighbouring keys far apart."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def centred(rows: Floats, groups: NDArray[np.intp]) -> Floats:
    """Rows [K, d] minus the mean of their group; groups [K] are ordinals from 0."""
    sums = np.zeros((int(groups.max()) + 1, rows.shape[1]))
    np.add.at(sums, groups, rows)
    return rows - (sums / np.bincount(groups)[:, None])[groups]


def scaled(rows: Floats, size: float) -> Floats:
    """Rows scaled so that their root mean square norm is `size`; rows of zeros only for size 0."""
    return rows * (size / root_mean_square(rows)) if size > 0 else np.zeros_like(rows)


def root_mean_square(rows: Floats) -> float:
    """Square root of the mean squared norm of rows [K, d]."""
    return float(np.sqrt((rows**2).sum(axis=1).mean()))


def unit(rows: Floats) -> Floats:
    """Rows of norm 1."""
    directions: Floats = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return directions
