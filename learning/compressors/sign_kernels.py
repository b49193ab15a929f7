"""Compiled signs of float32 rows; equal to the torch implementation bit for bit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from learning.rng.philox_numba import compiled, fill, inlined

if TYPE_CHECKING:
    from numpy.typing import NDArray


@compiled
def sign_rows(rows: NDArray[np.float32], dim: int, keys: NDArray[np.uint64]) -> None:
    """Replace the first `dim` columns of rows by their signs, zeros by the signs of the rng; nan stays nan."""
    count = (dim + 31) // 32
    words = np.empty((1, count), np.uint32)
    random_words = words[0].view(np.int32)
    for k in range(len(rows)):
        fill(keys[k : k + 1], np.uint32(0), words)
        for bit in range(31, -1, -1):  # the topmost bit is the sign of an int32, which needs no mask
            strip = rows[k, min(dim, bit * count) : min(dim, (bit + 1) * count)]
            _sign_run(strip, random_words)
            for i in range(len(strip), count):
                random_words[i] = random_words[i] << 1


@inlined
def _sign_run(x: NDArray[np.float32], random_words: NDArray[np.int32]) -> None:
    """Use the topmost bits of the random words and shift the next ones up."""
    one = np.float32(1)
    for i in range(len(x)):
        value, word = x[i], random_words[i]
        random_words[i] = word << 1
        random_sign = one if word < 0 else -one
        sign = one if value > 0 else -one
        x[i] = value if np.isnan(value) else (random_sign if value == 0 else sign)
