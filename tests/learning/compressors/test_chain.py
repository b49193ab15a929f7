"""Chains: the error is the sum of both parts' errors, and positions are coded in the stated number of bits."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.compressors import Chain, Plain, Qsgd, RandK, ScaledSign, TopK
from learning.compressors.packing import BitReader, to_bytes
from learning.compressors.positions import (
    decode_fixed,
    decode_golomb,
    encode_fixed,
    encode_golomb,
    fixed_bits,
    golomb_bits,
    golomb_width,
)
from learning.rng.keyed import KeyedRandom, row_key

KEYS = np.array([row_key(4, "compressor", row) for row in range(4000)], np.uint64)
ROW = torch.randn(60, generator=torch.Generator().manual_seed(1))


def sent(codec, row, count=4000):
    return codec.encode(row.expand(count, -1).clone(), KeyedRandom(KEYS[:count])).values.double()


def test_the_error_is_that_of_selection_plus_that_of_the_second_part():
    chain, top = Chain(TopK(0.25), ScaledSign()), sent(TopK(0.25), ROW, 1)[0]
    kept = ROW[top != 0]
    expected = (top - ROW).square().sum() + (sent(ScaledSign(), kept, 1)[0] - kept).square().sum()
    assert (sent(chain, ROW, 1)[0] - ROW).square().sum().item() == pytest.approx(expected.item(), rel=1e-6)


def test_omega_of_two_unbiased_parts_is_the_product_formula():
    levels, equal = 3, torch.ones(60)  # which attain the omega of qsgd; every vector has that of rand_k
    chain = Chain(RandK(k=36), Qsgd(levels, None))
    assert chain.omega(60) == pytest.approx(60 / 36 * (1 + Qsgd(levels, None).omega(36)) - 1)
    error = (sent(chain, equal) - equal).square().sum(1).mean().item() / 60
    assert error == pytest.approx(chain.omega(60), rel=0.03)


def test_delta_is_the_product_and_attained_for_equal_coordinates():
    chain = Chain(TopK(k=36), RandK(k=9, unbiased=False))
    assert chain.delta(60) == pytest.approx(36 / 60 * 9 / 36)
    assert Chain(TopK(k=36), Qsgd(4, None)).delta(60) == pytest.approx(
        36 / 60 * (1 - Qsgd(4, None).omega(36))
    )
    error = (sent(chain, torch.ones(60)) - 1).square().sum(1).mean().item() / 60
    assert error == pytest.approx(1 - chain.delta(60), rel=1e-6)


def test_a_lossless_second_part_gives_the_selection_of_the_first():
    for first in (TopK(0.3), RandK(0.3), RandK(0.3, unbiased=False, indices="list")):
        assert torch.equal(sent(Chain(first, Plain()), ROW, 50), sent(first, ROW, 50))


@pytest.mark.parametrize(
    ("codec", "dim", "bits"),
    [
        (Chain(TopK(k=10), Plain("fp16")), 1000, 104 + 160),  # 100 bits of indices in 13 bytes
        (Chain(TopK(k=500), Plain()), 1000, 1000 + 16_000),  # a bitmap
        (Chain(RandK(k=10), Qsgd(4)), 1000, 64 + 32 + 40),  # a seed
    ],
    ids=repr,
)
def test_bits_equal_the_closed_form(codec, dim, bits):
    assert codec.bits(dim) == bits


@given(st.data(), st.integers(1, 3000))
@settings(max_examples=150, deadline=None)
def test_positions_are_recovered_from_both_codes(data, dim):
    at = np.array(sorted(data.draw(st.sets(st.integers(0, dim - 1), min_size=1, max_size=60))))
    chosen = torch.zeros(1, dim, dtype=torch.bool)
    chosen[0, at] = True
    for code, read, bits in (
        (encode_fixed, decode_fixed, fixed_bits(dim, len(at))),
        (encode_golomb, decode_golomb, int(golomb_bits(chosen, len(at))[0])),
    ):
        coded = code(at, dim)
        assert len(coded) == bits
        assert read(BitReader.of(to_bytes(coded)), dim, len(at)).tolist() == at.tolist()


def mean_gap_bits(share, low):
    """Mean length of a geometric gap's Golomb code: low + 1 / (1 - (1 - p)^(2^low))."""
    return low + 1 / (1 - (1 - share) ** (1 << low))


@pytest.mark.parametrize("count", [1, 3, 10, 37, 100, 382, 620, 999])
def test_the_golomb_parameter_is_optimal(count):
    best = min(range(15), key=lambda low: mean_gap_bits(count / 1000, low))
    assert golomb_width(1000, count) == best


def test_golomb_codes_of_random_positions_have_the_expected_mean_length():
    chosen = torch.rand(200, 20_000, generator=torch.Generator().manual_seed(2)).argsort(1) < 200
    measured = golomb_bits(chosen, 200).double() / 200
    expected = mean_gap_bits(0.01, golomb_width(20_000, 200))
    assert measured.mean().item() == pytest.approx(
        expected, abs=0.02
    )  # 200 gaps of 20,000, the last one unused
    assert expected < 8.2 < math.log2(20_000)


def test_a_truncated_golomb_message_is_rejected():
    data = Chain(TopK(0.1), Plain(), "golomb").pack(ROW.repeat(20), int(KEYS[0]))
    for length in (3, len(data) // 2):
        with pytest.raises(ValueError, match=r"message .*got .*; send it"):
            Chain(TopK(0.1), Plain(), "golomb").unpack(data[:length], 1200)


def test_sparser_chains_are_shorter():
    sizes = [
        int(Chain(TopK(share), Qsgd(4), "golomb").encode(ROW.repeat(10)[None], KeyedRandom(KEYS[:1])).bits[0])
        for share in (0.5, 0.2, 0.1, 0.01)
    ]
    assert all(b < a for a, b in pairwise(sizes))
