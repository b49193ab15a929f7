"""The entropy code: messages are recovered, and their size follows from a histogram and is close to the entropy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.compressors import Dither, Qsgd, TernGrad
from learning.compressors.elias import omega_code
from learning.compressors.entropy import (
    DIRECT,
    SCALE,
    TOTAL,
    coded_bits,
    decode_levels,
    encode_levels,
    frequencies,
    level_symbols,
)
from learning.compressors.packing import BitReader, code_bits, to_bytes
from learning.rng.keyed import KeyedRandom, row_key

KEY = row_key(5, "compressor", 1)
ODD = st.lists(st.integers(-65_535, 65_535) | st.integers(-20, 20) | st.just(0), min_size=1, max_size=80)


def histogram(signed):
    return np.bincount(level_symbols(65_535)[np.abs(signed)])[None]


def gaussian(dim):
    return torch.randn(dim, generator=torch.Generator().manual_seed(0))


@given(ODD)
@settings(max_examples=300)
def test_levels_are_recovered_and_the_size_follows_from_the_histogram(levels):
    signed = np.array(levels)
    bits = encode_levels(signed, 65_535)
    assert [len(bits)] == coded_bits(histogram(signed)).tolist()
    assert decode_levels(BitReader.of(to_bytes(bits)), len(signed), 65_535).tolist() == levels


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5])
def test_the_size_is_the_empirical_entropy_plus_signs_table_and_a_few_bits(share):
    drawn = np.random.default_rng(3)
    signed = np.where(drawn.random(20_000) < share, drawn.choice([-3, -2, -1, 1, 2, 3], 20_000), 0)
    counts = histogram(signed)[0]
    p = counts[counts > 0] / len(signed)
    entropy = -len(signed) * (p * np.log2(p)).sum() + (signed != 0).sum()
    assert (
        entropy <= len(encode_levels(signed, 3)) <= 1.002 * entropy + SCALE + 25 * len(p) + 20_000 * 2.0**-16
    )


def test_the_state_is_wide_enough_for_every_message():
    """2^bits is at least TOTAL * product of TOTAL / f, checked in exact integers."""
    for zeros in range(20_000, 60_000, 3000):
        counts = np.array([[zeros, 30_000, 5000, 71]])
        frequency = frequencies(counts[0])
        table = sum(len(code_bits(*omega_code(np.array([n])))) for n in (4, *(frequency[:3] + 1)))
        bits = int(coded_bits(counts)[0]) - table - (30_000 + 5000 + 71)
        kept = math.prod(int(f) ** int(n) for f, n in zip(frequency, counts[0], strict=True))
        assert 2**bits * kept >= TOTAL ** (1 + int(counts.sum())) > 2 ** (bits - 3) * kept


@pytest.mark.parametrize("levels", [1, 15, 16, 300, 65_535])
def test_symbols_of_large_levels_are_their_leading_three_bits(levels):
    symbols = level_symbols(levels)
    assert symbols[: min(levels + 1, DIRECT)].tolist() == list(range(min(levels + 1, DIRECT)))
    assert (np.diff(symbols) >= 0).all()
    assert len(set(symbols.tolist())) == symbols[-1] + 1 <= 64
    if levels > 320:
        assert symbols[256] == symbols[300] == symbols[320] - 1 == symbols[255] + 1


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=64).filter(any))
def test_frequencies_sum_to_the_total_and_are_positive_for_every_symbol(counts):
    found = frequencies(np.array(counts))
    assert found.sum() == TOTAL
    assert ((found > 0) == (np.array(counts) > 0)).all()


@pytest.mark.parametrize(
    "codec", [Qsgd(4, 512, "entropy"), Dither(4, 512, "entropy"), TernGrad(code="entropy")], ids=repr
)
def test_sizes_of_numba_torch_and_bytes_agree(codec):
    row = gaussian(5001)
    row[600:1100] = 0
    sizes = [
        codec.encode(x.clone()[None], KeyedRandom(np.array([KEY], np.uint64))).bits.item()
        for x in (row, row.double())
    ]
    assert sizes[0] == sizes[1]
    assert len(codec.pack(row, KEY)) == -(-sizes[0] // 8)


@pytest.mark.parametrize("levels", [1, 4, 64, 256])
def test_the_entropy_code_is_shorter_than_elias_and_fixed_codes(levels):
    size = {
        code: len(Qsgd(levels, 512, code).pack(gaussian(20_000), KEY))
        for code in ("fixed", "elias", "entropy")
    }
    assert size["entropy"] < 0.97 * size["elias"]
    assert size["entropy"] < 0.8 * size["fixed"]


@pytest.mark.parametrize("codec", [Qsgd(4, 64, "entropy"), Dither(40, 64, "entropy")], ids=repr)
def test_a_truncated_message_is_rejected(codec):
    data = codec.pack(gaussian(500), KEY)
    for length in (len(data) // 2, len(data) - 3):
        with pytest.raises(ValueError, match=r"message .*got .*; send it"):
            codec.unpack(data[:length], 500)
