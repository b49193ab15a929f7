"""Compiled kernels of QSGD on float32; each equals the torch implementation bit for bit (no fastmath)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from learning.compressors.elias_lengths import LANES, elias_bits
from learning.compressors.norms import MAX_DEPTH, STRIDE, norm
from learning.rng.philox_numba import TILE, compiled, fill_tile

if TYPE_CHECKING:
    from numpy.typing import NDArray


@compiled
def quantise_rows(
    rows: NDArray[np.float32], dim: int, keys: NDArray[np.uint64], levels: int, bucket: int,
    norms: NDArray[np.float32], bits: NDArray[np.int64],
) -> None:  # fmt: skip
    """Replace the first `dim` columns of rows by their QSGD values and write the norms [K, ceil(dim / bucket)].

    `bits` [K] receives the bits of the levels in the shorter Elias code; it is empty where they are not needed.
    """
    scratch, counters = np.empty(MAX_DEPTH * STRIDE, np.float64), np.empty(2 * LANES, np.uint16)
    lanes, codes = np.empty(4 * TILE, np.uint32), np.empty(dim, np.uint16)
    quarter = (dim + 3) // 4
    for k in range(len(rows)):
        for b in range(norms.shape[1]):
            norms[k, b] = norm(rows[k, b * bucket : min(dim, (b + 1) * bucket)], scratch)
        for start in range(0, quarter, TILE):
            fill_tile(keys[k], np.uint32(0), start, quarter - start, lanes)
            for lane in range(4):
                first = lane * quarter + start
                last = min(first + min(TILE, quarter - start), dim)
                _quantise_span(rows[k], first, last, lanes[lane * TILE :], levels, bucket, norms[k], codes)
        if len(bits):
            bits[k] = elias_bits(codes, levels, counters)


@compiled
def _quantise_span(
    row: NDArray[np.float32], first: int, last: int, words: NDArray[np.uint32],
    levels: int, bucket: int, norms: NDArray[np.float32], codes: NDArray[np.uint16],
) -> None:  # fmt: skip
    at = first
    while at < last:
        b = at // bucket
        end = min(last, (b + 1) * bucket)
        unit = norms[b] / np.float32(levels)
        if not np.isfinite(norms[b]):
            row[at:end] = np.nan
            codes[at:end] = 0
        elif unit == 0:
            row[at:end] = 0
            codes[at:end] = 0
        else:
            _quantise_run(
                row[at:end], words[at - first : end - first], np.float32(levels), unit, codes[at:end]
            )
        at = end


@compiled
def _quantise_run(
    x: NDArray[np.float32], words: NDArray[np.uint32], top: np.float32, unit: np.float32,
    codes: NDArray[np.uint16],
) -> None:  # fmt: skip
    """Round |x| / unit up with the probability of its fraction (exact in float32, as 1 - u is). Store levels."""
    one = np.float32(1)
    for i in range(len(x)):
        ratio = min(abs(x[i]) / unit, top)
        floor = np.float32(np.int32(ratio))
        threshold = one - np.float32(np.int32(words[i] >> np.uint32(8))) * np.float32(2.0**-24)
        level = floor + (one if ratio - floor >= threshold else np.float32(0))
        codes[i] = np.uint16(np.int32(level))
        value = level * unit
        x[i] = (value if x[i] >= 0 else -value) + np.float32(0)  # + 0 turns -0 into +0
