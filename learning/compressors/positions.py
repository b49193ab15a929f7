"""Codes of k positions among d: indices or a bitmap of known size, or Golomb-coded gaps."""

from __future__ import annotations

from math import floor, log, log2, sqrt
from typing import TYPE_CHECKING

import numpy as np

from learning.compressors.packing import BitReader, field_bits

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

GOLDEN = (sqrt(5) + 1) / 2


def fixed_bits(dim: int, count: int) -> int:
    """Return the bits of `count` positions of dim as indices or as a bitmap, whichever is shorter."""
    return min(count * index_width(dim), dim)


def encode_fixed(positions: NDArray[np.int64], dim: int) -> NDArray[np.uint8]:
    """Return the bits of rising positions as `fixed_bits` counts them."""
    if len(positions) * index_width(dim) <= dim:
        return field_bits(positions, index_width(dim))
    bitmap = np.zeros(dim, dtype=np.uint8)
    bitmap[positions] = 1
    return bitmap


def decode_fixed(reader: BitReader, dim: int, count: int) -> NDArray[np.int64]:
    """Return the positions that `encode_fixed` coded."""
    if count * index_width(dim) <= dim:
        return reader.fields(count, index_width(dim))
    return np.flatnonzero(reader.take(dim))


def golomb_bits(mask: Tensor, count: int) -> Tensor:
    """Return int64 [K]: the lengths of the Golomb codes of the true coordinates of mask [K, d], `count` in each row."""
    positions = mask.nonzero()[:, 1].view(len(mask), count)
    gaps = positions.diff(dim=1, prepend=positions.new_full((len(positions), 1), -1)) - 1
    low = golomb_width(mask.shape[1], count)
    return (gaps >> low).sum(1) + count * (1 + low)


def encode_golomb(positions: NDArray[np.int64], dim: int) -> NDArray[np.uint8]:
    """Return for each gap its quotient by 2^b in unary (ones, then a zero) and its b low bits."""
    low = golomb_width(dim, len(positions))
    gaps = np.diff(positions, prepend=-1) - 1
    ends = np.cumsum((gaps >> low) + 1 + low)
    bits = np.ones(ends[-1], dtype=np.uint8)
    places = (ends - low)[:, None] + np.arange(low)
    bits[ends - low - 1] = 0
    bits[places.ravel()] = field_bits(gaps & ((1 << low) - 1), low)
    return bits


def decode_golomb(reader: BitReader, dim: int, count: int) -> NDArray[np.int64]:
    """Return the positions that `encode_golomb` coded. Raises ValueError if the message is truncated."""
    low, position, positions = golomb_width(dim, count), -1, np.empty(count, dtype=np.int64)
    zeros = np.flatnonzero(reader.bits == 0)
    for i in range(count):
        index = np.searchsorted(zeros, reader.position)
        quotient = int(zeros[index]) - reader.position if index < len(zeros) else len(reader.bits)
        reader.take(quotient + 1)
        position += 1 + (quotient << low) + int(reader.fields(1, low)[0])
        positions[i] = position
    return positions


def golomb_width(dim: int, count: int) -> int:
    """Return the number of low bits of a gap that is best if coordinates are sent with probability count / dim.

    Source: Sattler et al., arXiv:1903.02891 (its b* is this, at least 0).
    """
    if count == dim:
        return 0
    return max(0, 1 + floor(log2(log(GOLDEN - 1) / log(1 - count / dim))))


def index_width(dim: int) -> int:
    """Return ceil(log2 dim), the bits of one index."""
    return (dim - 1).bit_length()
