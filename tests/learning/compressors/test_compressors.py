"""Every registered compressor has the size and the accuracy that it states."""

from __future__ import annotations

import math
import struct
import subprocess
import sys

import numpy as np
import pytest
import torch

from learning.compressors import COMPRESSORS, Integer, Plain, Qsgd, RandK, Sign, TopK
from learning.rng import philox
from learning.rng.keyed import KeyedRandom, row_key
from tests.learning.compressors.examples import CONTRACTING, EVERY, EXAMPLES, UNBIASED

DRAWS, FEW = 4000, 1600
DIMS = [1, 7, 8, 60, 1001]
every = pytest.mark.parametrize("codec", EVERY, ids=repr)
every_unbiased = pytest.mark.parametrize("codec", UNBIASED, ids=repr)
every_contraction = pytest.mark.parametrize("codec", CONTRACTING, ids=repr)


def lattice(codec, count, dim, rng):
    stride = 1 if codec.zeros else 2
    whole = rng.choice(np.arange(-codec.span, codec.span + 1, stride), (count, dim))
    return torch.tensor(codec.step * whole, dtype=torch.float32)


def inputs(codec, count, dim, seed=0):
    """Rows [count, dim] that the codec may be given: gaussian, heavy-tailed, half zero; or its own lattice."""
    rng = np.random.default_rng(seed)
    if isinstance(codec, Integer):
        return lattice(codec, count, dim, rng)
    rows = rng.standard_normal((count, dim))
    rows[1::3] **= 7
    rows[2::3] *= rng.random(rows[2::3].shape) < 0.5
    return torch.tensor(rows, dtype=torch.float32)


def keys(count, seed=0):
    return np.array([row_key(seed, "compressor", row) for row in range(count)], np.uint64)


def encode(codec, rows, which=None):
    return codec.encode(rows.clone(), KeyedRandom(keys(len(rows)) if which is None else which))


def draws(codec, row, count=DRAWS):
    return encode(codec, row.expand(count, -1)).values.double()


def errors(codec, row, count=DRAWS):
    """Return `count` relative squared errors ||Q(x) - x||^2 / ||x||^2."""
    return (draws(codec, row, count) - row.double()).square().sum(1) / row.double().square().sum()


def same_bits(a, b):
    return a.dtype == b.dtype and torch.equal(
        a.contiguous().view(torch.uint8), b.contiguous().view(torch.uint8)
    )


def test_every_registered_compressor_has_examples():
    assert {name: {type(codec) for codec in some} for name, some in EXAMPLES.items()} == {
        name: {part} for name, part in COMPRESSORS.items()
    }


def visible(row):
    """Return the row with its small coordinates raised to 3 % of the norm, so that DRAWS draws see each of them."""
    return torch.where(row == 0, row, torch.copysign(row.abs().clamp(min=0.03 * row.norm().item()), row))


@every_unbiased
def test_unbiased_compressors_have_the_vector_as_their_mean(codec):
    for row in inputs(codec, 3, 60):
        row = visible(row) if codec.omega(60) else row
        answers = draws(codec, row)
        bias, error = answers.mean(0) - row.double(), answers.std(0) / math.sqrt(DRAWS)
        rounding = 1e-6 * row.abs()
        assert (bias.abs() <= 5 * error + rounding).all()
        z = (bias / error)[error > rounding]
        assert len(z) < 20 or 0.4 < z.square().mean() < 1.8


@every_unbiased
def test_the_variance_is_at_most_omega(codec):
    for row in inputs(codec, 3, 60):
        assert errors(codec, row, FEW).mean() <= codec.omega(60) * (1 + 4 / math.sqrt(FEW)) + 1e-12


@every_contraction
def test_the_error_is_at_most_one_minus_delta(codec):
    delta = codec.delta(60)
    assert 0 < delta <= 1
    for row in inputs(codec, 3, 60):
        assert errors(codec, row, FEW).mean() <= (1 - delta) * (1 + 4 / math.sqrt(FEW)) + 1e-12


@every
@pytest.mark.parametrize("dim", DIMS)
def test_the_stated_bits_are_those_of_the_bytes(codec, dim):
    for row, key in zip(inputs(codec, 3, dim), keys(3), strict=True):
        known, counted = codec.bits(dim), encode(codec, row[None], key[None]).bits
        assert (known is None) != (counted is None)
        bits = known if counted is None else counted.item()
        assert len(codec.pack(row, int(key))) == -(-bits // 8)


@every
@pytest.mark.parametrize("dim", DIMS)
def test_the_bytes_decode_to_the_values_bit_for_bit(codec, dim):
    rows = inputs(codec, 3, dim)
    sent = encode(codec, rows).values
    for row, key, value in zip(rows, keys(3), sent, strict=True):
        assert same_bits(codec.unpack(codec.pack(row, int(key)), dim), value)


@every
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_row_does_not_depend_on_number_order_or_values_of_other_rows(codec, dtype):
    rows, which = inputs(codec, 7, 1001).to(dtype), keys(7)
    whole, order = encode(codec, rows, which).values, [4, 0, 6]
    assert whole.dtype == dtype
    assert same_bits(encode(codec, rows[order], which[order]).values, whole[order])
    assert all(
        same_bits(encode(codec, rows[i : i + 1], which[i : i + 1]).values, whole[i : i + 1]) for i in range(7)
    )


@every
def test_numba_and_torch_give_the_same_bits(codec, monkeypatch):
    rows = inputs(codec, 3, 5003)
    assert philox.has_numba()
    fast = encode(codec, rows)
    monkeypatch.setattr(philox, "has_numba", lambda: False)
    slow = encode(codec, rows)
    assert same_bits(fast.values, slow.values)
    assert fast.bits is slow.bits is None or torch.equal(fast.bits, slow.bits)


@pytest.mark.gpu
@every
def test_a_gpu_gives_the_same_bits(codec):
    rows = inputs(codec, 3, 5003)
    here, there = encode(codec, rows), encode(codec, rows.cuda())
    assert same_bits(here.values, there.values.cpu())
    assert here.bits is there.bits is None or torch.equal(here.bits, there.bits.cpu())


@pytest.mark.parametrize(
    ("dust", "shape"), [(0.08873602747917175, "3.04..0......00."), (0.09173943102359772, "0.3..4.0....00..")]
)
def test_norms_are_added_by_a_halving_tree_in_every_implementation(dust, shape, monkeypatch):
    """3-4-5 midway between two floats, plus dust that in-order and pairwise sums lose: they round down to ...504."""
    row = torch.tensor([{"3": 12582903.0, "4": 16777204.0, "0": 0.0, ".": dust}[place] for place in shape])
    fast = Qsgd(4).pack(row, 0)[:4]
    monkeypatch.setattr(philox, "has_numba", lambda: False)
    assert fast == Qsgd(4).pack(row, 0)[:4] == struct.pack(">f", 20971506.0)


@every
def test_rows_need_not_be_contiguous(codec):
    rows = inputs(codec, 6, 100)
    wide = torch.cat([rows, rows], dim=1)[:, :100]
    assert same_bits(codec.encode(wide, KeyedRandom(keys(6))).values, encode(codec, rows).values)


def test_sizes_and_accuracies_need_neither_torch_nor_numba():
    code = "import sys, learning.compressors as c, learning.aggregation.rules; c.Qsgd(4).bits(9); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "learning.aggregation.rules" in loaded.split()
    assert not {"torch", "numba", "scipy"} & set(loaded.split())


@every
def test_only_plain_float32_is_lossless(codec):
    if codec.lossless:
        rows = inputs(codec, 3, 60)
        assert same_bits(encode(codec, rows).values, rows)
        assert codec.omega(60) == 0
    else:
        assert codec != Plain()


# --- QSGD ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dim", "levels", "golden"), [(16, 4, 0.25), (256, 4, 3.0), (1024, 16, 1.0)])
def test_omega_of_qsgd_is_sharp(dim, levels, golden):
    assert Qsgd(levels, None).omega(dim) == golden
    assert Qsgd(levels, dim).omega(10 * dim + 1) == golden


def test_fixed_bits_of_qsgd_are_a_norm_per_bucket_and_a_code_per_coordinate():
    assert Qsgd(4, None).bits(65_536) == 262_176
    assert Qsgd(15, 512).bits(1025) == 3 * 32 + 1025 * 5


@pytest.mark.parametrize(("dim", "levels"), [(16, 4), (256, 4), (1024, 16)])
def test_some_vector_attains_omega(dim, levels):
    halves = torch.tensor([0.5] * 10 + [1.5] * 6)  # whose squares add up to levels^2
    row = halves if dim == 16 else torch.ones(dim)
    assert errors(Qsgd(levels, None), row).mean() == pytest.approx(Qsgd(levels, None).omega(dim), rel=0.03)


def test_qsgd_in_double_precision_equals_the_formula_of_the_paper():
    x = inputs(Qsgd(5), 3, 200).double()
    u = (philox.numpy_words(keys(3), 200, 0) >> 8) * 2.0**-24
    norm = np.linalg.norm(x.numpy(), axis=1, keepdims=True)
    expected = np.sign(x.numpy()) * np.floor(np.abs(x.numpy()) / norm * 5 + u) * norm / 5
    assert np.allclose(encode(Qsgd(5, None), x).values, expected, rtol=1e-12, atol=0)


def test_coordinates_on_a_level_are_unchanged_and_zeros_have_no_sign():
    row = torch.tensor([3.0, -3.0, 3.0, -3.0, 0.0, -0.0])  # norm 6: levels 2, 2, 2, 2, 0, 0 of 4
    assert all(same_bits(answer, (row + 0.0).double()) for answer in draws(Qsgd(4), row)[:200])


def test_a_bucket_of_zeros_or_of_the_smallest_numbers_gives_finite_values():
    rows = torch.tensor([[0.0, -0.0, 0.0], [1e-45, 0.0, -1e-45]])
    assert same_bits(encode(Qsgd(300), rows).values, torch.zeros(2, 3))
    assert torch.equal(encode(Qsgd(300, code="elias"), rows).bits, torch.tensor([34, 34]))


def test_a_nan_affects_its_bucket_alone():
    rows = inputs(Qsgd(4), 2, 30)
    rows[0, 14], rows[1, 25] = torch.nan, -torch.inf
    expected = [[0, j] for j in range(10, 20)] + [[1, j] for j in range(20, 30)]
    for dtype in (torch.float32, torch.float64):
        assert encode(Qsgd(4, 10), rows.to(dtype)).values.isnan().nonzero().tolist() == expected


# --- the others ------------------------------------------------------------------------------------------------


def test_a_sign_is_the_sign_and_nan_stays_nan():
    row = torch.tensor([[2.0, -1e-45, torch.inf, -torch.inf, torch.nan]])
    for dtype in (torch.float32, torch.float64):
        assert encode(Sign(), row.to(dtype)).values.nan_to_num(9).tolist() == [[1, -1, 1, -1, 9]]


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_the_sign_of_zero_is_a_fair_coin(zero):
    answers = draws(Sign(), torch.full((60,), zero))
    assert set(answers.unique().tolist()) == {-1.0, 1.0}
    assert answers.mean(0).abs().max() < 5 / math.sqrt(DRAWS)
    assert abs(answers.mean().item()) < 4 / math.sqrt(60 * DRAWS)


def test_top_k_keeps_the_largest_and_the_first_of_equals():
    rows = torch.tensor(
        [[1.0, -3.0, 2.0, -2.0, 2.0], [0.0, 0.0, 0.0, 0.0, 0.0], [1.0, 1.0, 1.0, torch.nan, 5.0]]
    )
    kept = encode(TopK(k=2), rows).values
    assert kept[:2].tolist() == [[0, -3, 2, 0, 0], [0, 0, 0, 0, 0]]
    assert kept[2].nan_to_num(9).tolist() == [0, 0, 0, 9, 5]


def test_rand_k_draws_each_coordinate_equally_often_and_k_at_a_time():
    chosen = draws(RandK(k=3), torch.ones(20)) != 0
    assert (chosen.sum(1) == 3).all()
    assert (chosen.sum(0) - DRAWS * 3 / 20).abs().max() < 4.5 * math.sqrt(DRAWS * 0.15 * 0.85)


@pytest.mark.parametrize("codec", [RandK(k=3), RandK(k=3, unbiased=False)], ids=repr)
def test_rand_k_has_exactly_the_stated_error(codec):
    expected = codec.omega(20) if codec.unbiased else 1 - codec.delta(20)
    assert errors(codec, inputs(codec, 1, 20)[0]).mean() == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize(
    ("part", "arguments", "value"),
    [
        (Plain, {"format": "fp8"}, "fp8"), (Qsgd, {"levels": 0}, "0"), (Qsgd, {"levels": 10**6}, "1000000"),
        (Qsgd, {"levels": 1, "bucket": 0}, "0"), (Qsgd, {"levels": 1, "code": "gamma"}, "gamma"),
        (TopK, {}, "None"), (TopK, {"fraction": 0.1, "k": 1}, "0.1"), (TopK, {"fraction": 1.5}, "1.5"),
        (RandK, {"k": 0}, "0"), (RandK, {"k": 1, "indices": "bitmap"}, "bitmap"),
        (Integer, {"step": 0.0, "span": 1}, "0.0"), (Integer, {"step": 0.1, "span": 0}, "0"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_rejected_with_its_value(part, arguments, value):
    with pytest.raises(ValueError, match=f"got .*{value}.*; "):
        part(**arguments)


def test_k_above_the_dimension_is_rejected():
    with pytest.raises(ValueError, match="k must be <= the model's 5 parameters, got 6; "):
        TopK(k=6).bits(5)
