"""Compiled kernels of signs and votes on float32; each equals its torch oracle bit for bit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from learning.philox_numba import compiled, fill, inlined

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDE = 2048  # coordinates counted together: 8 KiB of counts, so that they stay in the first-level cache


@compiled
def sign_rows(rows: NDArray[np.float32], dim: int, keys: NDArray[np.uint64]) -> None:
    """Replace the first `dim` columns of rows by their signs, zeros by the coins' signs; nan stays nan."""
    count = (dim + 31) // 32
    words = np.empty((1, count), np.uint32)
    coins = words[0].view(np.int32)
    for k in range(len(rows)):
        fill(keys[k : k + 1], np.uint32(0), words)
        for bit in range(31, -1, -1):  # the topmost bit is a number's sign, which costs no mask to see
            strip = rows[k, min(dim, bit * count) : min(dim, (bit + 1) * count)]
            _sign_run(strip, coins)
            for i in range(len(strip), count):
                coins[i] = coins[i] << 1


@inlined
def _sign_run(x: NDArray[np.float32], coins: NDArray[np.int32]) -> None:
    """Use up the topmost bits of the coins and shift the next ones up."""
    one = np.float32(1)
    for i in range(len(x)):
        here, word = x[i], coins[i]
        coins[i] = word << 1
        coin = one if word < 0 else -one
        sign = one if here > 0 else -one
        x[i] = here if np.isnan(here) else (coin if here == 0 else sign)


@compiled
def add_rows(rows: NDArray[np.float32], counts: NDArray[np.float32]) -> None:
    """Add the first d columns of rows, whole numbers, to counts [d], four rows at a time: each is read once."""
    most = len(rows) // 4 * 4
    for first in range(0, len(counts), WIDE):
        end = min(first + WIDE, len(counts))
        here = counts[first:end]
        for k in range(0, most, 4):
            a, b = rows[k, first:end], rows[k + 1, first:end]
            c, d = rows[k + 2, first:end], rows[k + 3, first:end]
            for i in range(len(here)):
                here[i] += (a[i] + b[i]) + (c[i] + d[i])
        for k in range(most, len(rows)):
            row = rows[k, first:end]
            for i in range(len(here)):
                here[i] += row[i]
