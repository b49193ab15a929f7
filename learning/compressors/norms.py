"""Euclidean norms by a tree whose shape depends on the length alone: the same bits on every device."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from learning.rng.philox_numba import compiled, inlined

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDTH = 512  # sums that are added at once: 4 KiB, which stay in the first-level cache
STRIDE = WIDTH + 24  # between rows of sums, which would otherwise share cache sets
MAX_DEPTH = 24  # partial sums of the tree: enough for 2**33 coordinates


@compiled
def norm(part: NDArray[np.float32], scratch: NDArray[np.float64]) -> np.float32:
    """Return the norm of a row: squares in float64, added by a halving tree over the next power of two.

    `scratch` holds MAX_DEPTH * STRIDE numbers and is overwritten.
    """
    size = len(part)
    if size == 1:
        return abs(part[0])
    half = 1
    while 2 * half < size:
        half *= 2
    if half <= WIDTH:
        _pairs(part, part[half:], scratch, half)
    else:
        _walk(part, half, scratch)
        half = WIDTH
    while half > 1:
        half //= 2
        _add(scratch, scratch[half : 2 * half], half)
    return np.float32(np.sqrt(scratch[0]))


@inlined
def _pairs(
    lower: NDArray[np.float32], upper: NDArray[np.float32], out: NDArray[np.float64], count: int
) -> None:
    """Write the first `count` sums of two squares; a shorter `upper` is extended by zeros."""
    both = min(count, len(upper))
    for i in range(both):
        out[i] = np.float64(lower[i]) ** 2 + np.float64(upper[i]) ** 2
    rest, unpaired = out[both:count], lower[both:count]  # slices: loops from 0 are vectorised
    for i in range(len(rest)):
        rest[i] = np.float64(unpaired[i]) ** 2


@inlined
def _add(into: NDArray[np.float64], other: NDArray[np.float64], count: int) -> None:
    for i in range(count):
        into[i] += other[i]


@compiled
def _walk(part: NDArray[np.float32], half: int, stack: NDArray[np.float64]) -> None:
    """Reduce to WIDTH sums in stack[:WIDTH], visiting blocks in bit-reversed order.

    Then blocks that the halving tree adds to each other are consecutive, and the partial sums fit the cache.
    """
    top = 0
    for index in range(half // WIDTH):
        low, bit, rest = 0, half // 2, index
        while rest:
            low += bit * (rest & 1)
            bit //= 2
            rest >>= 1
        _pairs(part[low:], part[low + half :], stack[top * STRIDE :], WIDTH)
        rest = index
        while rest & 1:
            top -= 1
            _add(stack[top * STRIDE :], stack[(top + 1) * STRIDE :], WIDTH)
            rest >>= 1
        top += 1
