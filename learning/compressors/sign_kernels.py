"""Compiled signs of float32 rows; equal to the torch oracle bit for bit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from learning.rng.philox_numba import compiled, fill, inlined

if TYPE_CHECKING:
    from numpy.typing import NDArray


@compiled
def sign_rows(rows: NDArray[np.float32], dim: int, keys: NDArray[np.uint64]) -> None:
    """Replace the first `dim` columns of rows by their signs, zeros by the coins' signs; nan stays nan."""
    count = (dim + 31) // 32
    words = np.empty((1, count), np.uint32)
    rng = words[0].view(np.int32)
    for k in range(len(rows)):
        fill(keys[k : k + 1], np.uint32(0), words)
        for bit in range(31, -1, -1):  # the topmost bit is a number's sign, which costs no mask to see
            strip = rows[k, min(dim, bit * count) : min(dim, (bit + 1) * count)]
            _sign_run(strip, rng)
            for i in range(len(strip), count):
                rng[i] = rng[i] << 1


@inlined
def _sign_run(x: NDArray[np.float32], rng: NDArray[np.int32]) -> None:
    """Use up the topmost bits of the coins and shift the next ones up."""
    one = np.float32(1)
    for i in range(len(x)):
        here, word = x[i], rng[i]
        rng[i] = word << 1
        coin = one if word < 0 else -one
        sign = one if here > 0 else -one
        x[i] = here if np.isnan(here) else (coin if here == 0 else sign)
