"""The byte codecs: fields, Elias omega codes and QSGD's two messages, against the published codes and sizes."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.compressors import Integer, Plain, Qsgd, RandK, Sign, SparseSign, TopK
from learning.compressors.elias import decode_levels, encode_levels, omega_code, torch_coded_bits
from learning.compressors.packing import BitReader, code_bits, field_bits, to_bytes
from learning.compressors.subset_code import decode_subset, encode_subset, subset_bits
from learning.rng.keyed import KeyedRandom, row_key

OMEGA = {  # Elias, IEEE Trans. Inf. Theory 21 (1975): the published codes
    1: "0", 2: "100", 3: "110", 4: "101000", 7: "101110", 8: "1110000", 15: "1111110",
    16: "10100100000", 32: "101011000000", 100: "1011011001000", 1000: "11100111111010000",
}  # fmt: skip
KEY = row_key(5, "compressor", 1)


def gaussian(dim, seed=0):
    return torch.randn(dim, generator=torch.Generator().manual_seed(seed))


def coded(codec, row, key=KEY):
    return codec.encode(row[None].clone(), KeyedRandom(np.array([key], np.uint64)))


@pytest.mark.parametrize("number", OMEGA)
def test_omega_codes_equal_the_published_ones(number):
    assert "".join(map(str, code_bits(*omega_code(np.array([number]))))) == OMEGA[number]


@given(st.integers(1, 40), st.lists(st.integers(0, 2**40 - 1), max_size=30))
def test_fields_are_recovered_from_bytes(width, numbers):
    values = np.array([n % 2**width for n in numbers], dtype=np.int64)
    data = to_bytes(field_bits(values, width))
    assert len(data) == -(-width * len(values) // 8)
    assert BitReader.of(data).fields(len(values), width).tolist() == values.tolist()


@given(st.lists(st.integers(-70_000, 70_000) | st.just(0), min_size=1, max_size=60))
@settings(max_examples=200)
def test_levels_are_recovered_from_both_codes(levels):
    signed = np.array(levels)
    dense, bits = encode_levels(signed)
    assert decode_levels(bits, len(signed), dense).tolist() == levels
    assert torch_coded_bits(torch.from_numpy(abs(signed))[None]).tolist() == [len(bits)]


@pytest.mark.parametrize(
    ("levels", "golden", "spread"), [(4, 11_600, 370), (64, 85_000, 380), (256, 181_000, 240)]
)
def test_elias_message_of_65536_gaussians_has_the_measured_size(levels, golden, spread):
    """The golden figures of the reference are single messages; gamma codes would be 4500 bits short at 64 levels."""
    sizes = [
        coded(Qsgd(levels, None, "elias"), gaussian(65_536, seed), seed).bits.item() for seed in range(8)
    ]
    assert abs(np.mean(sizes) - golden) < 3 * spread


@pytest.mark.parametrize(("levels", "dense"), [(1, False), (4000, True)])
def test_the_shorter_of_sparse_and_dense_is_sent(levels, dense):
    row = gaussian(1000)
    assert Qsgd(levels, None, "elias").pack(row, KEY)[0] >> 7 == dense


@pytest.mark.parametrize("bucket", [None, 100])
@pytest.mark.parametrize("levels", [1, 4, 300])
def test_elias_sizes_of_numba_torch_and_bytes_agree(levels, bucket):
    codec, row = Qsgd(levels, bucket, "elias"), gaussian(1001)
    row[200:300] = 0
    size = coded(codec, row).bits.item()
    assert size == coded(codec, row.double()).bits.item()
    assert len(codec.pack(row, KEY)) == -(-size // 8)


@pytest.mark.parametrize("code", ["fixed", "elias"])
def test_a_bucket_with_nan_is_transmitted_as_nan(code):
    codec, row = Qsgd(4, 10, code), gaussian(35)
    row[[3, 12]] = torch.tensor([torch.inf, torch.nan])
    received = codec.unpack(codec.pack(row, KEY), 35)
    assert received.isnan().tolist() == [True] * 20 + [False] * 15
    assert torch.equal(received.nan_to_num(), coded(codec, row).values[0].nan_to_num())


@pytest.mark.parametrize(
    "codec", [Qsgd(16), Qsgd(4, None, "elias"), Qsgd(300, 64, "elias"), Sign()], ids=repr
)
def test_a_large_message_is_recovered(codec):
    row = gaussian(100_003)
    assert torch.equal(codec.unpack(codec.pack(row, KEY), 100_003), coded(codec, row).values[0])


def test_the_shared_seed_is_part_of_the_message():
    data = RandK(k=5).pack(gaussian(50), KEY)
    assert int.from_bytes(data[:8], "big") == KEY
    assert RandK(k=5).unpack(data, 50).count_nonzero() == 5


@pytest.mark.parametrize("codec", [Sign(), SparseSign(k=2)], ids=repr)
def test_a_sign_of_nan_cannot_be_packed(codec):
    row = gaussian(9)
    row[4] = torch.nan
    with pytest.raises(ValueError, match="nan at coordinate 4"):
        codec.pack(row, KEY)


@pytest.mark.parametrize("zeros", [0.0, 1.0])
def test_sparse_sign_sends_the_signs_of_top_k(zeros):
    row = gaussian(200) * zeros
    row[::3] = 0.0
    signs = coded(Sign(), row).values
    assert torch.equal(coded(SparseSign(1.0), row).values, signs)
    kept = coded(TopK(k=9), torch.where(row == 0, 1e-9, row)).values != 0
    assert torch.equal(coded(SparseSign(k=9), row).values, signs * kept)


@pytest.mark.parametrize(("dim", "count"), [(6, 3), (7, 1), (5, 5), (1, 1), (9, 8)])
def test_subsets_are_numbered_without_gaps_and_recovered(dim, count):
    codes = set()
    for chosen in itertools.combinations(range(dim), count):
        bits = encode_subset(np.array(chosen), dim)
        codes.add(tuple(bits.tolist()))
        assert decode_subset(BitReader(bits), dim, count).tolist() == list(chosen)
    assert len(codes) == math.comb(dim, count)


@pytest.mark.parametrize("dim", [1, 2, 8, 33, 1000, 20_011])
def test_a_subset_has_the_minimal_number_of_bits(dim):
    for count in {1, 2, -(-dim // 100), dim // 2 or 1, dim}:
        if count <= dim:
            assert subset_bits(dim, count) == (math.comb(dim, count) - 1).bit_length()


@pytest.mark.parametrize(
    ("codec", "dim", "bits"),
    [
        (Plain("bf16"), 10, 160), (TopK(0.01), 1000, 10 * 42), (TopK(k=2), 1024, 84), (RandK(k=10), 1000, 384),
        (RandK(k=10, indices="list"), 1025, 430), (Sign(), 1000, 1000), (Integer(0.1, 1), 100, 100),
        (SparseSign(k=2), 7, 5 + 2), (SparseSign(1.0), 1000, 1000), (SparseSign(k=4), 4, 4), (SparseSign(k=1), 8, 4),
        (Integer(0.1, 3), 100, 200), (Integer(0.1, 4), 100, 300), (Integer(0.1, 3, zeros=True), 100, 300),
    ],
    ids=repr,
)  # fmt: skip
def test_sizes_equal_the_closed_forms(codec, dim, bits):
    assert codec.bits(dim) == bits


@pytest.mark.parametrize(("number", "zeros"), [(0.6, True), (4.0, True), (2.0, False), (math.nan, True)])
def test_an_integer_code_rejects_values_that_it_cannot_represent(number, zeros):
    rows = torch.full((2, 4), 0.1)
    rows[1, 2] = 0.1 * number
    with pytest.raises(ValueError, match=r"row 1, coordinate 2\); use"):
        Integer(0.1, 3, zeros).encode(rows, KeyedRandom(np.array([KEY, KEY], np.uint64)))


def test_an_integer_code_removes_float32_rounding_errors():
    row, codec = torch.tensor([0.1000013, -0.2999991, -1e-9]), Integer(0.1, 3, zeros=True)
    expected = torch.tensor([1.0, -3.0, 0.0]) * 0.1
    for answer in (coded(codec, row).values[0], codec.unpack(codec.pack(row, KEY), 3)):
        assert torch.equal(answer.view(torch.int32), expected.view(torch.int32))


def test_half_width_floats_saturate_but_keep_inf_and_nan():
    row = torch.tensor([[1e6, -1e6, torch.inf, torch.nan]])
    assert coded(Plain("fp16"), row[0]).values.nan_to_num(9, posinf=8).tolist() == [[65504, -65504, 8, 9]]


@pytest.mark.parametrize(
    "codec", [Plain(), Qsgd(4), Qsgd(4, 64, "elias"), Sign(), TopK(0.1), RandK(0.1)], ids=repr
)
def test_a_truncated_message_is_rejected(codec):
    data = codec.pack(gaussian(500), KEY)
    with pytest.raises(ValueError, match=r"message .*got .*; send it"):
        codec.unpack(data[: len(data) // 2], 500)
