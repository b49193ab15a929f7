"""Exact lengths of Elias-coded levels without coding them: counts of levels and gaps, by compiled bit arithmetic.

The omega code of n has equally many bits for all n of one bit length, so a sum of code lengths follows from the numbers
of values that reach 2, 4, 8 ... (own derivation). `learning.compressors.elias` codes; tests compare the two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from learning.rng.philox_numba import compiled, inlined

if TYPE_CHECKING:
    from numpy.typing import NDArray

LANES = 256  # parallel counters of 16 bits each, cleared before they can overflow
MAX_BLOCKS = 65535
WORD = 64
NEAR_EXPONENT = 6  # gaps up to 2**NEAR_EXPONENT are counted within a word and the previous one
EXTRA_BITS = (2, 3, 1, 4, 1, 1)
"""Bits by which the omega codes of 2, 4 ... 2**NEAR_EXPONENT exceed those of half these numbers."""


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
def elias_bits(codes: NDArray[np.uint16], levels: int, lanes: NDArray[np.uint16]) -> int:
    """Return the bits of levels [d] in 0 ... `levels` in the shorter code, without the flag.

    See `learning.compressors.elias.encode_levels` for the two codes; lanes [2 LANES] is scratch memory.
    """
    sparse = nonzero = dense = 0
    reach, shorter = 2, 1
    while reach <= levels + 1:
        count_below, above = _at_least(codes, reach - 1, lanes)
        extra = omega_length(reach) - shorter
        sparse, dense = sparse + extra * above, dense + extra * count_below
        nonzero = count_below if reach == 2 else nonzero
        reach, shorter = 2 * reach, shorter + extra
    sparse, dense = sparse + 3 * nonzero, dense + len(codes) + nonzero  # signs, and the codes' least lengths
    words = np.empty(-(-len(codes) // WORD) + 1, np.uint64)
    _mark_nonzero(codes, words)
    sparse += _near_gaps(words) + _far_gaps(words) + omega_length(nonzero + 1)
    return min(sparse, dense)


@compiled
def _at_least(codes: NDArray[np.uint16], least: int, lanes: NDArray[np.uint16]) -> tuple[int, int]:
    """Return the number of codes >= least, and the number above it; lanes [2 LANES] is scratch memory."""
    low, at_least, above, full = np.uint16(least), 0, 0, len(codes) // LANES
    for first in range(0, full, MAX_BLOCKS):
        lanes[:] = 0
        for block in range(first, min(full, first + MAX_BLOCKS)):
            part = codes[block * LANES : (block + 1) * LANES]
            for i in range(LANES):
                lanes[i] += np.uint16(part[i] >= low)
                lanes[LANES + i] += np.uint16(part[i] > low)
        for i in range(LANES):
            at_least += int(lanes[i])
            above += int(lanes[LANES + i])
    for i in range(full * LANES, len(codes)):
        at_least += int(codes[i] >= low)
        above += int(codes[i] > low)
    return at_least, above


@compiled
def _mark_nonzero(codes: NDArray[np.uint16], words: NDArray[np.uint64]) -> None:
    """Set bit i of word 1 + w for each code 64 w + i that is not 0; word 0 marks the position before the first code."""
    words[0] = np.uint64(1) << np.uint64(WORD - 1)
    full = len(codes) // WORD
    for w in range(full):
        part, word = codes[w * WORD : (w + 1) * WORD], np.uint64(0)
        for i in range(WORD):
            word |= np.uint64(part[i] != 0) << np.uint64(i)
        words[w + 1] = word
    if full * WORD < len(codes):
        word = np.uint64(0)
        for i in range(full * WORD, len(codes)):
            word |= np.uint64(codes[i] != 0) << np.uint64(i - full * WORD)
        words[full + 1] = word


@inlined
def _ones(word: np.uint64) -> np.uint64:
    """Return the number of bits set (Hacker's Delight, 5-1), which LLVM compiles to one instruction."""
    word -= (word >> np.uint64(1)) & np.uint64(0x5555555555555555)
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (word * np.uint64(0x0101010101010101)) >> np.uint64(56)


@inlined
def _shift_up(high: np.uint64, low: np.uint64, by: np.uint64) -> np.uint64:
    """Return the upper half of a pair of words shifted up."""
    return (high << by) | (low >> (np.uint64(WORD) - by))


@compiled
def _near_gaps(words: NDArray[np.uint64]) -> int:
    """Return the bits that gaps of 2, 4 ... 2**NEAR_EXPONENT and more add to the least length of their codes.

    A gap is >= 2**k if the 2**k - 1 coordinates before it are zero: `less` covers these coordinates, `all` one more,
    and both windows grow by doubling.
    """
    after, before, total = words[1:], words[: len(words) - 1], np.uint64(0)
    for w in range(len(after)):
        word = high_all = after[w]
        low_all = before[w]
        high_less = low_less = np.uint64(0)
        for k in range(NEAR_EXPONENT):
            by = np.uint64(1 << k)
            high_less, low_less = high_all | _shift_up(high_less, low_less, by), low_all | (low_less << by)
            high_all, low_all = high_all | _shift_up(high_all, low_all, by), low_all | (low_all << by)
            total += np.uint64(EXTRA_BITS[k]) * _ones(word & ~_shift_up(high_less, low_less, np.uint64(1)))
    return int(total)


@compiled
def _far_gaps(words: NDArray[np.uint64]) -> int:
    """Return the bits that gaps of 2**(NEAR_EXPONENT + 1) and more add; word by word, since such gaps are rare."""
    last, total = -1, 0
    for w in range(len(words) - 1):
        word = words[w + 1]
        if word:
            gap = w * WORD + int(_ones((word & (~word + np.uint64(1))) - np.uint64(1))) - last
            if gap >= 2 << NEAR_EXPONENT:
                total += omega_length(gap) - omega_length(1 << NEAR_EXPONENT)
            for k in range(NEAR_EXPONENT):
                word |= word >> np.uint64(1 << k)
            last = w * WORD + int(_ones(word)) - 1
    return total
