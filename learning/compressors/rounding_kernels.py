"""Compiled random rounding of float32 rows; each kernel equals the torch implementation bit for bit (no fastmath)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from learning.rng.philox_numba import TILE, compiled, fill_tile

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAGNITUDE, MANTISSA, INFINITE, HIGHEST = 0x7FFFFFFF, 0x007FFFFF, 0x7F800000, 0x7F000000
"""Of binary32: all bits but the sign; the mantissa; infinity; 2**127."""


@compiled
def round_rows(
    rows: NDArray[np.float32], keys: NDArray[np.uint64], scales: NDArray[np.float32], levels: int, size: int
) -> None:
    """Replace rows [K, d] in place by random levels of their buckets' scales [K, buckets].

    With `levels` 0, replace them by the scale itself with a random sign.
    """
    dim = rows.shape[1]
    lanes = np.empty(4 * TILE, np.uint32)
    quarter = (dim + 3) // 4
    for k in range(len(rows)):
        for start in range(0, quarter, TILE):
            fill_tile(keys[k], np.uint32(0), start, quarter - start, lanes)
            for lane in range(4):
                first = lane * quarter + start
                last = min(first + min(TILE, quarter - start), dim)
                _round_span(rows[k], first, last, lanes[lane * TILE :], scales[k], levels, size)


@compiled
def _round_span(
    row: NDArray[np.float32], first: int, last: int, words: NDArray[np.uint32],
    scales: NDArray[np.float32], levels: int, size: int,
) -> None:  # fmt: skip
    at = first
    while at < last:
        b = at // size
        end = min(last, (b + 1) * size)
        if not np.isfinite(scales[b]):
            row[at:end] = np.nan
        elif levels > 0:
            _level_run(row[at:end], words[at - first : end - first], scales[b] / np.float32(levels), levels)
        else:
            _sign_run(row[at:end], words[at - first : end - first], scales[b])
        at = end


@compiled
def _level_run(x: NDArray[np.float32], words: NDArray[np.uint32], unit: np.float32, levels: int) -> None:
    """Round |x| / unit up with the probability of its fraction; fraction and 1 - u are exact in float32."""
    top, one = np.float32(levels), np.float32(1)
    if unit == 0:
        x[:] = 0
        return
    for i in range(len(x)):
        ratio = min(abs(x[i]) / unit, top)
        floor = np.float32(np.int32(ratio))
        threshold = one - np.float32(np.int32(words[i] >> np.uint32(8))) * np.float32(2.0**-24)
        value = (floor + (one if ratio - floor >= threshold else np.float32(0))) * unit
        x[i] = (value if x[i] >= 0 else -value) + np.float32(0)  # + 0 turns -0 into +0


@compiled
def _sign_run(x: NDArray[np.float32], words: NDArray[np.uint32], scale: np.float32) -> None:
    """Give +scale with probability (1 + x / scale) / 2; 2 u - 1 is exact in float32."""
    if scale == 0:
        x[:] = 0
        return
    for i in range(len(x)):
        threshold = np.float32(np.int32(words[i] >> np.uint32(8))) * np.float32(2.0**-23) - np.float32(1)
        x[i] = scale if x[i] / scale > threshold else -scale


@compiled
def natural_rows(bits: NDArray[np.uint32], keys: NDArray[np.uint64]) -> None:
    """Replace rows [K, d], given as the bits of binary32, by random neighbouring powers of two, in place."""
    dim = bits.shape[1]
    lanes = np.empty(4 * TILE, np.uint32)
    quarter = (dim + 3) // 4
    for k in range(len(bits)):
        for start in range(0, quarter, TILE):
            fill_tile(keys[k], np.uint32(0), start, quarter - start, lanes)
            for lane in range(4):
                first = lane * quarter + start
                last = min(first + min(TILE, quarter - start), dim)
                if first < last:
                    _natural_run(bits[k, first:last], lanes[lane * TILE : (lane + 1) * TILE])


@compiled
def _natural_run(bits: NDArray[np.uint32], words: NDArray[np.uint32]) -> None:
    """Add a random number of the mantissa's width: it carries into the exponent as often as required."""
    for i in range(len(bits)):
        size = bits[i] & np.uint32(MAGNITUDE)
        power = min((size + (words[i] >> np.uint32(9))) & np.uint32(INFINITE), np.uint32(HIGHEST))
        sign = (bits[i] ^ size) if power > 0 else np.uint32(0)
        bits[i] = (sign | power) if size < np.uint32(INFINITE) else np.uint32(0x7FC00000)


@compiled
def symbol_counts(
    rows: NDArray[np.float32], scales: NDArray[np.float32], levels: int, size: int,
    symbols: NDArray[np.int64], out: NDArray[np.int64],
) -> None:  # fmt: skip
    """Add to out [K, symbols] the number of coordinates of rounded rows whose level has each symbol."""
    dim = rows.shape[1]
    for k in range(len(rows)):
        for b in range(scales.shape[1]):
            first, last = b * size, min(dim, (b + 1) * size)
            unit = scales[k, b] / np.float32(levels)
            if unit == 0 or not np.isfinite(scales[k, b]):
                out[k, 0] += last - first
                continue
            for i in range(first, last):
                out[k, symbols[int(abs(rows[k, i]) / unit + np.float32(0.5))]] += 1
