"""Compiled kernels of the float32 CPU path; each equals its torch oracle bit for bit (no fastmath)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from learning.philox_numba import TILE, compiled, fill, fill_tile

if TYPE_CHECKING:
    from numpy.typing import NDArray


@compiled
def quantise_rows(
    rows: NDArray[np.float32], keys: NDArray[np.uint64], levels: int, bucket: int, norms: NDArray[np.float32]
) -> None:
    """Replace rows [K, d] by their QSGD values in place and write the norms [K, ceil(d / bucket)]."""
    dim = rows.shape[1]
    scratch = np.empty(min(bucket, dim), np.float64)
    lanes = np.empty(4 * TILE, np.uint32)
    quarter = (dim + 3) // 4
    for k in range(len(rows)):
        for b in range(norms.shape[1]):
            norms[k, b] = _norm(rows[k, b * bucket : min(dim, (b + 1) * bucket)], scratch)
        for start in range(0, quarter, TILE):
            fill_tile(keys[k], np.uint32(0), start, lanes)
            for lane in range(4):
                first = lane * quarter + start
                last = min(first + min(TILE, quarter - start), dim)
                _quantise_span(rows[k], first, last, lanes[lane * TILE :], levels, bucket, norms[k])


@compiled
def _norm(part: NDArray[np.float32], scratch: NDArray[np.float64]) -> np.float32:
    """Square in float64, add by a halving tree over the next power of two, take the root."""
    size = len(part)
    half = 1
    while 2 * half < size:
        half *= 2
    if size == 1:
        return abs(part[0])
    upper = part[half:]  # slices, because an index known to be non-negative lets the loop be vectorised
    for i in range(len(upper)):
        scratch[i] = np.float64(part[i]) ** 2 + np.float64(upper[i]) ** 2
    for i in range(len(upper), half):
        scratch[i] = np.float64(part[i]) ** 2
    while half > 1:
        half //= 2
        other = scratch[half : 2 * half]
        for i in range(half):
            scratch[i] += other[i]
    return np.float32(np.sqrt(scratch[0]))


@compiled
def _quantise_span(
    row: NDArray[np.float32], first: int, last: int, words: NDArray[np.uint32],
    levels: int, bucket: int, norms: NDArray[np.float32],
) -> None:  # fmt: skip
    at = first
    while at < last:
        b = at // bucket
        end = min(last, (b + 1) * bucket)
        unit = norms[b] / np.float32(levels)
        if not np.isfinite(norms[b]):
            row[at:end] = np.nan
        elif unit == 0:
            row[at:end] = 0
        else:
            _quantise_run(row[at:end], words[at - first : end - first], np.float32(levels), unit)
        at = end


@compiled
def _quantise_run(
    x: NDArray[np.float32], words: NDArray[np.uint32], top: np.float32, unit: np.float32
) -> None:
    """Round |x| / unit up with the probability of its fraction; it and 1 - u are exact in float32."""
    one = np.float32(1)
    for i in range(len(x)):
        ratio = min(abs(x[i]) / unit, top)
        whole = np.float32(np.int32(ratio))
        gate = one - np.float32(np.int32(words[i] >> np.uint32(8))) * np.float32(2.0**-24)
        value = (whole + (one if ratio - whole >= gate else np.float32(0))) * unit
        x[i] = (value if x[i] >= 0 else -value) + np.float32(0)  # + 0 turns -0 into +0


@compiled
def sign_rows(rows: NDArray[np.float32], keys: NDArray[np.uint64]) -> None:
    """Replace rows [K, d] by their signs in place, zeros by the coins' signs; nan stays nan."""
    dim = rows.shape[1]
    count = (dim + 31) // 32
    words = np.empty((1, count), np.uint32)
    for k in range(len(rows)):
        fill(keys[k : k + 1], np.uint32(0), words)
        for bit in range(32):
            first = bit * count
            if first < dim:
                _sign_run(rows[k, first : min(dim, first + count)], words[0], np.uint32(bit))


@compiled
def _sign_run(x: NDArray[np.float32], words: NDArray[np.uint32], bit: np.uint32) -> None:
    one = np.float32(1)
    for i in range(len(x)):
        coin = one if (words[i] >> bit) & np.uint32(1) else -one
        here = x[i]
        sign = one if here > 0 else -one
        x[i] = here if np.isnan(here) else (coin if here == 0 else sign)


@compiled
def omega_length(number: int) -> int:
    """Return the length in bits of the Elias omega code of number >= 1."""
    length = 1
    while number > 1:
        width = 0
        while number >> width:
            width += 1
        length += width
        number = width - 1
    return length


@compiled
def coded_bits(
    rows: NDArray[np.float32], norms: NDArray[np.float32], levels: int, bucket: int, out: NDArray[np.int64]
) -> None:
    """Write to out [K] the bits of the levels of quantised rows in the shorter of the two codes."""
    lengths = np.empty(levels + 2, np.int64)
    for n in range(1, levels + 2):
        lengths[n] = omega_length(n)
    dim = rows.shape[1]
    for k in range(len(rows)):
        nonzero, sparse, dense, last = 0, 0, dim, -1
        for b in range(norms.shape[1]):
            unit = norms[k, b] / np.float32(levels)
            if unit == 0 or not np.isfinite(norms[k, b]):
                continue
            for i in range(b * bucket, min(dim, (b + 1) * bucket)):
                if rows[k, i] != 0:
                    level = int(abs(rows[k, i]) / unit + np.float32(0.5))
                    nonzero += 1
                    sparse += omega_length(i - last) + 1 + lengths[level]
                    dense += lengths[level + 1]
                    last = i
        out[k] = min(sparse + omega_length(nonzero + 1), dense)
