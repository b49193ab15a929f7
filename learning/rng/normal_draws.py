"""Draws for generated data and splits: keyed generators, normal numbers, rows with exact means and norms."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from learning.rng.keyed import row_key, uniforms

Floats = NDArray[np.float64]

DIGITS_SPLIT, TRAIN_SUBSET, TEST_SUBSET, PARTITION, OBJECTIVE, SHIFT = range(1, 7)
"""Purposes of data-level draws: the first number of their path in the stream "data"."""


def keyed_generator(seed: int, *path: int) -> np.random.Generator:
    """Return the generator of the data-level draw identified by `path` (stream "data")."""
    return np.random.Generator(np.random.Philox(key=row_key(seed, "data", *path)))


def normals(keys: NDArray[np.uint64], count: int) -> Floats:
    """Return standard normal numbers [K, count]: the Box-Muller transform of the keys' uniforms."""
    half = -(-count // 2)
    uniform = uniforms(keys, 2 * half)
    radius, angle = np.sqrt(-2.0 * np.log(uniform[:, :half])), 2.0 * np.pi * uniform[:, half:]
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)], axis=1)[:, :count]


def mix_keys(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return keys mixed by the finaliser of SplitMix64 (Steele et al., OOPSLA 2014), a bijection.

    It decorrelates neighbouring keys.
    """
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def subtract_group_means(rows: Floats, groups: NDArray[np.intp]) -> Floats:
    """Return rows [K, d] minus the mean of their group; groups [K] are ordinals from 0."""
    sums = np.zeros((int(groups.max()) + 1, rows.shape[1]))
    np.add.at(sums, groups, rows)
    return rows - (sums / np.bincount(groups)[:, None])[groups]


def scale_to_rms(rows: Floats, size: float) -> Floats:
    """Return rows scaled to a root mean square norm of `size`; rows of zeros only for size 0."""
    return rows * (size / root_mean_square(rows)) if size > 0 else np.zeros_like(rows)


def root_mean_square(rows: Floats) -> float:
    """Return the square root of the mean squared norm of rows [K, d]."""
    return float(np.sqrt((rows**2).sum(axis=1).mean()))


def normalize_rows(rows: Floats) -> Floats:
    """Return rows scaled to norm 1."""
    directions: Floats = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return directions
