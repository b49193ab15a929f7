"""An entropy code of quantisation levels: asymmetric numeral systems, with a size that follows from a histogram.

The whole message is one long integer x, coded by Duda's range variant (arXiv:1311.2540) without renormalisation. A
symbol of frequency f of TOTAL turns x into x' with x' + TOTAL <= (x + TOTAL) TOTAL / f, and a raw field of w bits
multiplies x + TOTAL by at most 2^w. Starting from 0, x ends below TOTAL * product(TOTAL / f) * 2^(raw bits) (own
derivation). Its field therefore has a width that follows from the histogram, and the size of a message is known without
coding it.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from learning.compressors.elias import omega_code
from learning.compressors.packing import BitReader, code_bits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Counts = NDArray[np.int64]

MAX_LEVEL = 65535
"""The highest level that can be coded."""
DIRECT = 16
"""Levels below have a symbol of their own; those above share a symbol by their leading three bits."""
SCALE = 14
TOTAL = 1 << SCALE
"""Sum of a message's frequencies."""
FINE = 16
"""Fractional bits of the cost of a symbol, which is rounded up."""


def level_symbols(levels: int) -> Counts:
    """Return [levels + 1]: the symbol of each level 0 ... levels."""
    level = np.arange(levels + 1)
    raw_width = _raw_bits(level)
    shared = DIRECT + 4 * (raw_width - 2) + ((level >> raw_width) & 3)
    return np.where(level < DIRECT, level, shared)


def coded_bits(counts: Counts) -> Counts:
    """Return int64 [K]: the lengths of messages whose symbols occur counts [K, symbols] times."""
    return np.array([_table(c)[1] + _state_bits(c, frequencies(c)) for c in counts], dtype=np.int64)


def frequencies(counts: Counts) -> Counts:
    """Return integer frequencies that sum to TOTAL, at least 1 for every symbol that occurs.

    The most frequent symbol absorbs the rounding.
    """
    share = counts * TOTAL // max(1, int(counts.sum()))
    out: Counts = np.where(counts > 0, np.maximum(share, 1), 0)
    out[counts.argmax()] += TOTAL - out.sum()
    return out


def encode_levels(signed: Counts, levels: int) -> NDArray[np.uint8]:
    """Return the bits of signed levels [d], at most `levels` in magnitude: the table, then x from its lowest bit."""
    size = np.abs(signed)
    symbols = level_symbols(levels)[size]
    counts = np.bincount(symbols)
    frequency = frequencies(counts)
    starts = np.cumsum(frequency) - frequency
    extra = _raw_bits(size) + (size > 0)
    raw = ((size & ((1 << _raw_bits(size)) - 1)) << 1) | (signed < 0)
    x = 0
    for f, start, width, field in zip(
        *(v[::-1].tolist() for v in (frequency[symbols], starts[symbols], extra, raw)), strict=True
    ):
        x = (x << width) | (field if width else 0)
        x = (x // f << SCALE) + start + x % f
    return np.concatenate([_table(counts)[0], _from_integer(x, _state_bits(counts, frequency))])


def decode_levels(reader: BitReader, dim: int, levels: int) -> Counts:
    """Return the signed levels [dim] that `encode_levels` coded, from the reader's position to its end.

    Raises ValueError if the message is truncated.
    """
    frequency = _read_table(reader)
    owner = np.repeat(np.arange(len(frequency)), frequency)
    starts = np.cumsum(frequency) - frequency
    first = _first_levels(levels)[owner].tolist()
    raw_width = _raw_bits(np.array(first)).tolist()
    size, start = frequency[owner].tolist(), starts[owner].tolist()
    x, out = _to_integer(reader.bits[reader.position :]), np.zeros(dim, dtype=np.int64)
    for i in range(dim):
        slot = x & (TOTAL - 1)
        x = size[slot] * (x >> SCALE) + slot - start[slot]
        if first[slot]:
            field = x & ((2 << raw_width[slot]) - 1)
            x >>= raw_width[slot] + 1
            out[i] = (first[slot] + (field >> 1)) * (-1 if field & 1 else 1)
    counts = np.bincount(level_symbols(MAX_LEVEL)[np.abs(out)], minlength=len(frequency))
    if x or not np.array_equal(frequencies(counts), frequency):
        raise ValueError(f"message of {dim} levels must be whole, got {len(reader.bits)} bits; send it all")
    return out


def _raw_bits(level: Counts) -> Counts:
    """Return the number of low bits of each level that are coded outside its symbol."""
    width = np.frexp(level.astype(np.float64))[1].astype(np.int64)
    return np.where(level < DIRECT, 0, width - 3)


@cache
def _first_levels(levels: int) -> Counts:
    """Return the lowest level of each symbol."""
    return np.unique(level_symbols(levels), return_index=True)[1]


def _state_bits(counts: Counts, frequency: Counts) -> int:
    """Return the width of x: SCALE + sum of costs + raw bits."""
    occurring = counts > 0
    cost = np.ceil(np.log2(TOTAL / frequency[occurring]) * (1 << FINE)).astype(np.int64)
    symbol = np.flatnonzero(occurring)
    raw_width = np.where(symbol < DIRECT, 0, (symbol - DIRECT) // 4 + 2) + (symbol > 0)
    whole = int((counts[occurring] * cost).sum()) + (1 << FINE) - 1
    return SCALE + (whole >> FINE) + int((counts[occurring] * raw_width).sum())


def _table(counts: Counts) -> tuple[NDArray[np.uint8], int]:
    """Return (bits, length): the omega code of the last symbol + 1, then of f + 1 of all symbols but the last."""
    frequency = frequencies(counts)
    last = int(np.flatnonzero(counts)[-1])
    value, width = omega_code(np.concatenate([[last], frequency[:last]]) + 1)
    return code_bits(value, width), int(width.sum())


def _read_table(reader: BitReader) -> Counts:
    last = _read_omega(reader) - 1
    frequency = [_read_omega(reader) - 1 for _ in range(last)]
    if sum(frequency) >= TOTAL:
        raise ValueError(f"message must have frequencies below {TOTAL}, got {sum(frequency)}; send it whole")
    return np.array([*frequency, TOTAL - sum(frequency)], dtype=np.int64)


def _read_omega(reader: BitReader) -> int:
    number = 1
    while reader.take(1)[0]:
        reader.position -= 1
        number = int(reader.fields(1, number + 1)[0])
    return number


def _from_integer(x: int, width: int) -> NDArray[np.uint8]:
    data = x.to_bytes(-(-width // 8), "little")
    return np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")[:width]


def _to_integer(bits: NDArray[np.uint8]) -> int:
    return int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little")
