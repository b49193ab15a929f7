"""Compiled reductions over buckets; each equals the torch implementation in `buckets` bit for bit (no fastmath)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from learning.rng.philox_numba import compiled, inlined

if TYPE_CHECKING:
    from numpy.typing import NDArray


MAGNITUDE = 0x7FFFFFFF
"""All bits of binary32 but the sign: as integers, magnitudes are ordered, with inf and nan on top."""


@compiled
def largest(bits: NDArray[np.uint32], size: int, out: NDArray[np.uint32]) -> None:
    """Write to out [K, buckets] the largest magnitudes in buckets of `size` of rows [K, d], all as bits of binary32."""
    dim = bits.shape[1]
    for k in range(len(bits)):
        for b in range(out.shape[1]):
            part, largest_bits = bits[k, b * size : min(dim, (b + 1) * size)], np.uint32(0)
            for i in range(len(part)):
                largest_bits = max(largest_bits, part[i] & np.uint32(MAGNITUDE))
            out[k, b] = largest_bits


@compiled
def tree_sums(rows: NDArray[np.float32], size: int, squared: bool, out: NDArray[np.float64]) -> None:
    """Write to out [K, buckets] the sums of |x|, or of x^2, over buckets of `size` of rows [K, d]."""
    dim = rows.shape[1]
    scratch = np.empty(size, np.float64)
    for k in range(len(rows)):
        for b in range(out.shape[1]):
            out[k, b] = _tree_sum(rows[k, b * size : min(dim, (b + 1) * size)], squared, scratch)


@inlined
def _leaf(x: np.float32, squared: bool) -> np.float64:
    return np.float64(x) * np.float64(x) if squared else np.float64(abs(x))


@compiled
def _tree_sum(part: NDArray[np.float32], squared: bool, scratch: NDArray[np.float64]) -> np.float64:
    """Add leaf i to leaf i + half, halving; a bucket needs no padding, since added zeros change no bit."""
    count = len(part)
    half = 1
    while 2 * half < count:
        half *= 2
    if count == 1:
        return _leaf(part[0], squared)
    upper = part[half:]
    for i in range(len(upper)):
        scratch[i] = _leaf(part[i], squared) + _leaf(upper[i], squared)
    for i in range(len(upper), half):
        scratch[i] = _leaf(part[i], squared)
    while half > 1:
        half //= 2
        other = scratch[half : 2 * half]
        for i in range(half):
            scratch[i] += other[i]
    return np.float64(scratch[0])
