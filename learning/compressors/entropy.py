"""An entropy code of quantisation levels: asymmetric numeral systems, with a size that follows from a histogram.

The whole message is one long integer x, coded by Duda's range variant (arXiv:1311.2540) without renormalisation.
A symbol of frequency f of TOTAL turns x into x' with x' + TOTAL <= (x + TOTAL) TOTAL / f, and a raw field of w bits
multiplies x + TOTAL by at most 2^w. Starting from 0, x ends below TOTAL * product(TOTAL / f) * 2^(raw bits) (our
derivation), so its field is as wide as the histogram says, and no coding is needed to know a message's size.
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

MOST = 65535
"""The highest level there is."""
DIRECT = 16
"""Levels below have a symbol of their own; those above share one by their leading three bits."""
SCALE = 14
TOTAL = 1 << SCALE
"""Sum of a message's frequencies."""
FINE = 16
"""Fractional bits of the cost of a symbol, which is rounded up."""


def level_classes(levels: int) -> Counts:
    """Return [levels + 1]: the symbol of each level 0 ... levels."""
    level = np.arange(levels + 1)
    spare = _spare_bits(level)
    shared = DIRECT + 4 * (spare - 2) + ((level >> spare) & 3)
    return np.where(level < DIRECT, level, shared)


def coded_bits(counts: Counts) -> Counts:
    """Return int64 [K], the lengths of messages whose symbols occur counts [K, symbols] times."""
    return np.array([_table(c)[1] + _state_bits(c, frequencies(c)) for c in counts], dtype=np.int64)


def frequencies(counts: Counts) -> Counts:
    """Return whole frequencies that sum to TOTAL, at least 1 for every symbol that occurs; the most frequent pays."""
    share = counts * TOTAL // max(1, int(counts.sum()))
    out: Counts = np.where(counts > 0, np.maximum(share, 1), 0)
    out[counts.argmax()] += TOTAL - out.sum()
    return out


def level_bits(signed: Counts, levels: int) -> NDArray[np.uint8]:
    """Return the bits of signed levels [d], at most `levels` in magnitude: the table, then x from its lowest bit."""
    size = np.abs(signed)
    symbols = level_classes(levels)[size]
    counts = np.bincount(symbols)
    frequency = frequencies(counts)
    starts = np.cumsum(frequency) - frequency
    extra = _spare_bits(size) + (size > 0)
    raw = ((size & ((1 << _spare_bits(size)) - 1)) << 1) | (signed < 0)
    x = 0
    for f, start, width, field in zip(
        *(v[::-1].tolist() for v in (frequency[symbols], starts[symbols], extra, raw)), strict=True
    ):
        x = (x << width) | (field if width else 0)
        x = (x // f << SCALE) + start + x % f
    return np.concatenate([_table(counts)[0], _from_integer(x, _state_bits(counts, frequency))])


def read_levels(reader: BitReader, dim: int, levels: int) -> Counts:
    """Return the signed levels [dim] that `level_bits` coded, from the reader on to its end.

    Raises ValueError if the message is cut short.
    """
    frequency = _read_table(reader)
    owner = np.repeat(np.arange(len(frequency)), frequency)
    starts = np.cumsum(frequency) - frequency
    first = _first_levels(levels)[owner].tolist()
    spare = _spare_bits(np.array(first)).tolist()
    size, start = frequency[owner].tolist(), starts[owner].tolist()
    x, out = _to_integer(reader.bits[reader.at :]), np.zeros(dim, dtype=np.int64)
    for i in range(dim):
        slot = x & (TOTAL - 1)
        x = size[slot] * (x >> SCALE) + slot - start[slot]
        if first[slot]:
            field = x & ((2 << spare[slot]) - 1)
            x >>= spare[slot] + 1
            out[i] = (first[slot] + (field >> 1)) * (-1 if field & 1 else 1)
    found = np.bincount(level_classes(MOST)[np.abs(out)], minlength=len(frequency))
    if x or not np.array_equal(frequencies(found), frequency):
        raise ValueError(f"message of {dim} levels must be whole, got {len(reader.bits)} bits; send it all")
    return out


def _spare_bits(level: Counts) -> Counts:
    """Return how many low bits of each level its symbol does not tell."""
    width = np.frexp(level.astype(np.float64))[1].astype(np.int64)
    return np.where(level < DIRECT, 0, width - 3)


@cache
def _first_levels(levels: int) -> Counts:
    """Return the lowest level of each symbol."""
    return np.unique(level_classes(levels), return_index=True)[1]


def _state_bits(counts: Counts, frequency: Counts) -> int:
    """Return the width of x: SCALE + sum of costs + raw bits."""
    there = counts > 0
    cost = np.ceil(np.log2(TOTAL / frequency[there]) * (1 << FINE)).astype(np.int64)
    symbol = np.flatnonzero(there)
    spare = np.where(symbol < DIRECT, 0, (symbol - DIRECT) // 4 + 2) + (symbol > 0)
    whole = int((counts[there] * cost).sum()) + (1 << FINE) - 1
    return SCALE + (whole >> FINE) + int((counts[there] * spare).sum())


def _table(counts: Counts) -> tuple[NDArray[np.uint8], int]:
    """Return (bits, length): the omega code of the last symbol + 1, then f + 1 of all but it (TOTAL tells its own)."""
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
        reader.at -= 1
        number = int(reader.fields(1, number + 1)[0])
    return number


def _from_integer(x: int, width: int) -> NDArray[np.uint8]:
    data = x.to_bytes(-(-width // 8), "little")
    return np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")[:width]


def _to_integer(bits: NDArray[np.uint8]) -> int:
    return int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little")
