"""The shortest code of fixed length for a subset of k of d coordinates: its rank among all such subsets."""

from __future__ import annotations

from functools import cache
from math import ceil, comb, lgamma, log
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from learning.compressors.packing import BitReader

ERROR = 1e-12
"""Bound of the relative error of the logarithms below."""


@cache
def subset_bits(dim: int, count: int) -> int:
    """Return ceil(log2 C(dim, count)), exactly; logarithms are inconclusive in one case of 10^5."""
    parts = lgamma(dim + 1), lgamma(count + 1), lgamma(dim - count + 1)
    bits, margin = (parts[0] - parts[1] - parts[2]) / log(2), ERROR * (1 + sum(parts))
    certain = ceil(bits - margin) == ceil(bits + margin)
    return ceil(bits) if certain else (comb(dim, count) - 1).bit_length()


def encode_subset(positions: NDArray[np.int64], dim: int) -> NDArray[np.uint8]:
    """Return the bits of rising positions: sum of C(p_i, i), i = 1 ... k, the combinatorial number system.

    Takes time quadratic in k (0.3 s for 2000 of 20,000); simulations count bits and code nothing.
    """
    rank = sum(comb(position, i) for i, position in enumerate(positions.tolist(), start=1))
    width = subset_bits(dim, len(positions))
    bits = np.frombuffer(rank.to_bytes(-(-width // 8), "big"), dtype=np.uint8)
    return np.unpackbits(bits)[8 * len(bits) - width :]


def decode_subset(reader: BitReader, dim: int, count: int) -> NDArray[np.int64]:
    """Return the positions that `encode_subset` coded, in rising order."""
    bits = reader.take(subset_bits(dim, count))
    rank = int.from_bytes(np.packbits(bits).tobytes(), "big") >> -len(bits) % 8
    positions, position, remaining = [], dim - 1, count
    binomial = comb(position, remaining)
    while remaining:
        if binomial <= rank:
            positions.append(position)
            rank -= binomial
            binomial = binomial * remaining // position if position else 1  # C(p - 1, i - 1)
            remaining -= 1
        else:
            binomial = binomial * (position - remaining) // position  # C(p - 1, i)
        position -= 1
    return np.array(positions[::-1], dtype=np.int64)
