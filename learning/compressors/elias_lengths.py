"""Exact lengths of Elias-coded levels without coding them: counts of levels and gaps, by compiled bit arithmetic.

The omega code of n has as many bits for all n of one bit length, so a sum of code lengths needs only how many
numbers reach 2, 4, 8 ... (our derivation; `learning.compressors.elias` codes, and tests hold the two together).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from learning.rng.philox_numba import compiled, inlined

if TYPE_CHECKING:
    from numpy.typing import NDArray

LANES = 256  # counters side by side, of 16 bits each: cleared before they can overflow
MOST = 65535
WORD = 64
NEAR = 6  # gaps of 2, 4 ... 2**NEAR are counted within a word and the one before it
MORE = (2, 3, 1, 4, 1, 1)  # bits that the omega code of 2, 4 ... 2**NEAR has more than that of half of it


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

    See `learning.compressors.elias.level_bits` for the two codes; lanes [2 LANES] is scratch.
    """
    sparse = nonzero = dense = 0
    reach, shorter = 2, 1
    while reach <= levels + 1:
        below, above = _at_least(codes, reach - 1, lanes)
        more = omega_length(reach) - shorter
        sparse, dense = sparse + more * above, dense + more * below
        nonzero = below if reach == 2 else nonzero
        reach, shorter = 2 * reach, shorter + more
    sparse, dense = sparse + 3 * nonzero, dense + len(codes) + nonzero  # signs, and the codes' least lengths
    words = np.empty(-(-len(codes) // WORD) + 1, np.uint64)
    _mark(codes, words)
    sparse += _near_gaps(words) + _far_gaps(words) + omega_length(nonzero + 1)
    return min(sparse, dense)


@compiled
def _at_least(codes: NDArray[np.uint16], least: int, lanes: NDArray[np.uint16]) -> tuple[int, int]:
    """Return how many codes are >= least, and how many are above it; lanes [2 LANES] is scratch."""
    low, at_least, above, whole = np.uint16(least), 0, 0, len(codes) // LANES
    for first in range(0, whole, MOST):
        lanes[:] = 0
        for block in range(first, min(whole, first + MOST)):
            part = codes[block * LANES : (block + 1) * LANES]
            for i in range(LANES):
                lanes[i] += np.uint16(part[i] >= low)
                lanes[LANES + i] += np.uint16(part[i] > low)
        for i in range(LANES):
            at_least += int(lanes[i])
            above += int(lanes[LANES + i])
    for i in range(whole * LANES, len(codes)):
        at_least += int(codes[i] >= low)
        above += int(codes[i] > low)
    return at_least, above


@compiled
def _mark(codes: NDArray[np.uint16], words: NDArray[np.uint64]) -> None:
    """Write bit i of word 1 + w for each code 64 w + i that is not 0; word 0 stands for a start just before them."""
    words[0] = np.uint64(1) << np.uint64(WORD - 1)
    whole = len(codes) // WORD
    for w in range(whole):
        part, word = codes[w * WORD : (w + 1) * WORD], np.uint64(0)
        for i in range(WORD):
            word |= np.uint64(part[i] != 0) << np.uint64(i)
        words[w + 1] = word
    if whole * WORD < len(codes):
        word = np.uint64(0)
        for i in range(whole * WORD, len(codes)):
            word |= np.uint64(codes[i] != 0) << np.uint64(i - whole * WORD)
        words[whole + 1] = word


@inlined
def _ones(word: np.uint64) -> np.uint64:
    """Return the number of bits set (Hacker's Delight, 5-1), which LLVM turns into one instruction."""
    word -= (word >> np.uint64(1)) & np.uint64(0x5555555555555555)
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (word * np.uint64(0x0101010101010101)) >> np.uint64(56)


@inlined
def _moved(high: np.uint64, low: np.uint64, by: np.uint64) -> np.uint64:
    """Return the upper half of a pair of words shifted up."""
    return (high << by) | (low >> (np.uint64(WORD) - by))


@compiled
def _near_gaps(words: NDArray[np.uint64]) -> int:
    """Return the bits that gaps of 2, 4 ... 2**NEAR and more add to the least length of their codes.

    A gap is >= 2**k where the 2**k - 1 coordinates before it are zero: `less` looks back over so many of them,
    `all` over one more, and both windows grow by doubling.
    """
    after, before, total = words[1:], words[: len(words) - 1], np.uint64(0)
    for w in range(len(after)):
        word = high_all = after[w]
        low_all = before[w]
        high_less = low_less = np.uint64(0)
        for k in range(NEAR):
            by = np.uint64(1 << k)
            high_less, low_less = high_all | _moved(high_less, low_less, by), low_all | (low_less << by)
            high_all, low_all = high_all | _moved(high_all, low_all, by), low_all | (low_all << by)
            total += np.uint64(MORE[k]) * _ones(word & ~_moved(high_less, low_less, np.uint64(1)))
    return int(total)


@compiled
def _far_gaps(words: NDArray[np.uint64]) -> int:
    """Return the bits that gaps of 2**(NEAR + 1) and more add to those of 2**NEAR: word by word, for there are few."""
    last, total = -1, 0
    for w in range(len(words) - 1):
        word = words[w + 1]
        if word:
            gap = w * WORD + int(_ones((word & (~word + np.uint64(1))) - np.uint64(1))) - last
            if gap >= 2 << NEAR:
                total += omega_length(gap) - omega_length(1 << NEAR)
            for k in range(NEAR):
                word |= word >> np.uint64(1 << k)
            last = w * WORD + int(_ones(word)) - 1
    return total
