"""dither, terngrad, natural, scaled_sign and stochastic_sign: formulas, sharp constants, special inputs."""

from __future__ import annotations

import math
from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from learning.compressors import (
    Adaptive,
    Chain,
    Dither,
    Ef21,
    ErrorFeedback,
    Integer,
    Natural,
    OfModel,
    Plain,
    Qsgd,
    RandK,
    ScaledSign,
    Sign,
    SparseSign,
    StochasticSign,
    TernGrad,
    TopK,
)
from learning.rng import philox
from learning.rng.keyed import KeyedRandom, row_key
from tests.learning.compressors.examples import EVERY

DRAWS = 6000
KEYS = np.array([row_key(9, "compressor", row) for row in range(DRAWS)], np.uint64)


def gaussian(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def draws(codec, row):
    return codec.encode(row.expand(DRAWS, -1).clone(), KeyedRandom(KEYS)).values.double()


def error(codec, row):
    """Mean of ||Q(x) - x||^2 / ||x||^2."""
    return ((draws(codec, row) - row.double()).square().sum(1) / row.double().square().sum()).mean().item()


def uniforms(dim, bits=24):
    return (philox.numpy_words(KEYS[:3], dim, 0) >> (32 - bits)) * 2.0**-bits


@pytest.mark.parametrize(("dim", "levels", "golden"), [(256, 1, 7.5), (256, 8, 0.6163)])
def test_omega_of_dithering_equals_the_reference_values(dim, levels, golden):
    assert Dither(levels, None).omega(dim) == pytest.approx(golden, abs=5e-5)
    assert Dither(levels, dim).omega(3 * dim) == Dither(levels, None).omega(dim)
    assert TernGrad(256).omega(10_000) == (math.sqrt(256) - 1) / 2


@pytest.mark.parametrize("levels", [1, 3, 8])
def test_some_vector_attains_the_omega_of_dithering(levels):
    rest = levels / (levels + math.sqrt(levels**2 + 255))  # of a unit
    row = torch.tensor([1.0] + [rest / levels] * 255)
    assert error(Dither(levels, None), row) == pytest.approx(Dither(levels, None).omega(256), rel=0.02)


def test_dithering_in_double_precision_equals_the_formula():
    x = gaussian(3, 200).double()
    unit = np.abs(x.numpy()).max(1, keepdims=True) / 5
    expected = np.sign(x.numpy()) * np.floor(np.abs(x.numpy()) / unit + uniforms(200)) * unit
    assert np.allclose(Dither(5, None).encode(x, KeyedRandom(KEYS[:3])).values, expected, rtol=1e-12, atol=0)


def test_terngrad_is_dithering_with_one_level():
    x = gaussian(5, 100)
    tern, one = (
        codec.encode(x.clone(), KeyedRandom(KEYS[:5])).values for codec in (TernGrad(9), Dither(1, 9))
    )
    assert torch.equal(tern, one)


def test_terngrad_clips_at_root_mean_squares_of_each_bucket():
    x = gaussian(1, 40)
    x[0, 3], x[0, 25] = 50.0, -50.0
    limits = 2.5 * x.view(2, 20).double().square().mean(1).sqrt()
    top = TernGrad(20, 2.5).encode(x.clone(), KeyedRandom(KEYS[:1])).values.view(2, 20).abs().amax(1)
    assert top.tolist() == pytest.approx(limits.tolist(), rel=1e-6)
    assert limits.max() < 50


@pytest.mark.parametrize(
    ("dim", "bits"), [(5, 8), (6, 8 + 2), (7, 8 + 4), (8, 8 + 5), (9, 8 + 7), (1000, 1600)]
)
def test_five_ternary_coordinates_take_one_byte(dim, bits):
    assert TernGrad(None, code="packed").bits(dim) == 32 + bits
    assert TernGrad(None).bits(dim) == 32 + 2 * dim


def test_natural_compression_rounds_the_mantissa_up_with_its_own_probability():
    x = gaussian(3, 200).double()
    fraction, exponent = np.frexp(np.abs(x.numpy()))
    power = 2.0 ** (exponent - 1)
    expected = np.sign(x.numpy()) * power * (1 + (2 * fraction - 1 + uniforms(200, 23) >= 1))
    assert np.array_equal(Natural().encode(x.clone(), KeyedRandom(KEYS[:3])).values, expected)
    assert np.array_equal(Natural().encode(x.float(), KeyedRandom(KEYS[:3])).values, expected)


def test_natural_compression_attains_its_omega_at_four_thirds():
    assert error(Natural(), torch.full((60,), 4 / 3) * 2.0 ** torch.arange(-30, 30)) == pytest.approx(
        0.125, rel=0.02
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_natural_compression_preserves_powers_of_two_and_saturates(dtype):
    exact = torch.tensor([[1.0, -0.5, 2.0**-126, 2.0**127, -0.0, 0.0]], dtype=dtype)
    assert torch.equal(Natural().encode(exact.clone(), KeyedRandom(KEYS[:1])).values, exact)
    high = torch.tensor([[1.9 * 2.0**127, -1.5 * 2.0**127]], dtype=dtype)
    assert Natural().encode(high, KeyedRandom(KEYS[:1])).values.tolist() == [[2.0**127, -(2.0**127)]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_natural_compression_is_unbiased_below_the_smallest_normal_number(dtype):
    answers = draws(Natural(), torch.full((50,), 0.3 * 2.0**-126, dtype=dtype)) / 2.0**-126
    assert set(answers.unique().tolist()) == {0.0, 1.0}
    assert abs(answers.mean().item() - 0.3) < 4 * math.sqrt(0.21 / answers.numel())


def test_the_error_of_the_scaled_sign_follows_from_the_norms():
    for row in (gaussian(60), gaussian(60) ** 5, torch.cat([gaussian(30), torch.zeros(30)])):
        x = row.double()
        expected = 1 - x.abs().sum() ** 2 / (60 * x.square().sum())
        assert error(ScaledSign(), row) == pytest.approx(expected.item(), rel=1e-5)


def test_a_single_coordinate_attains_the_delta_of_the_scaled_sign():
    alone = torch.zeros(50)
    alone[7] = 3.0
    assert error(ScaledSign(), alone) == pytest.approx(1 - ScaledSign().delta(50), rel=1e-5)
    assert error(ScaledSign(10), alone) == pytest.approx(1 - ScaledSign(10).delta(50), rel=1e-5)


def test_the_scale_of_a_short_last_bucket_is_its_own_mean():
    row = torch.tensor([[1.0, -1.0, 1.0, -1.0, 8.0, -4.0]])
    assert ScaledSign(4).encode(row, KeyedRandom(KEYS[:1])).values.tolist() == [[1, -1, 1, -1, 6, -6]]


def test_a_stochastic_sign_of_the_l2_norm_has_exactly_its_omega_for_every_vector():
    for row in (gaussian(20), gaussian(20) ** 5):
        squares = draws(StochasticSign("l2", None), row).square().sum(1) / row.double().square().sum()
        assert squares.unique() == pytest.approx(20, rel=1e-5)  # all of them d ||x||^2
        assert error(StochasticSign("l2", None), row) == pytest.approx(19, rel=0.02)


def test_the_error_of_a_stochastic_sign_of_the_maximum_is_its_closed_form_and_attains_omega():
    row, alone = gaussian(20), torch.eye(20)[3]
    expected = 20 * row.abs().max() ** 2 / row.square().sum() - 1
    assert error(StochasticSign("max", None), row) == pytest.approx(expected.item(), rel=0.03)
    assert error(StochasticSign("max", None), alone) == pytest.approx(
        StochasticSign("max", None).omega(20), rel=0.03
    )


def test_a_stochastic_sign_in_double_precision_equals_the_formula():
    x = gaussian(3, 200).double()
    scale = np.linalg.norm(x.numpy(), axis=1, keepdims=True)
    expected = np.where(uniforms(200) < (1 + x.numpy() / scale) / 2, scale, -scale)
    assert np.allclose(
        StochasticSign("l2", None).encode(x, KeyedRandom(KEYS[:3])).values, expected, rtol=1e-12
    )


# --- all of the table ------------------------------------------------------------------------------------------

OTHERS = (
    Sign | SparseSign | Adaptive | OfModel | Integer | RandK | TopK | Chain | Plain | ErrorFeedback | Ef21
)
SCALED = [codec for codec in EVERY if not isinstance(codec, OTHERS)]


@pytest.mark.parametrize("codec", SCALED, ids=repr)
@pytest.mark.parametrize("bad_value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_coordinate_that_is_not_finite_makes_its_bucket_nan(codec, bad_value, dtype):
    rows = gaussian(2, 100).to(dtype)
    rows[1, 40] = bad_value
    size = 1 if isinstance(codec, Natural) else codec.bucket or 100
    bad = codec.encode(rows, KeyedRandom(KEYS[:2])).values.isnan()
    assert bad.nonzero().tolist() == [[1, j] for j in range(100) if j // size == 40 // size]


@pytest.mark.parametrize("codec", SCALED, ids=repr)
def test_a_message_with_nan_is_decoded_as_it_was_encoded(codec):
    row = gaussian(100)
    row[40] = torch.nan
    sent = codec.encode(row[None].clone(), KeyedRandom(KEYS[:1]))
    data = codec.pack(row, int(KEYS[0]))
    assert torch.equal(codec.unpack(data, 100).nan_to_num(9e9), sent.values[0].nan_to_num(9e9))
    assert sent.bits is None or len(data) == -(-int(sent.bits[0]) // 8)


@pytest.mark.parametrize("codec", SCALED, ids=repr)
def test_zeros_remain_zeros_without_a_sign(codec):
    for dtype in (torch.float32, torch.float64):
        values = codec.encode(torch.tensor([[0.0, -0.0] * 20], dtype=dtype), KeyedRandom(KEYS[:1])).values
        assert torch.equal(values.view(torch.uint8), torch.zeros(1, 40, dtype=dtype).view(torch.uint8))


OTHER = {
    "format": "fp16", "levels": 5, "bucket": 7, "code": "entropy", "clip": 0.5, "norm": "l2", "fraction": 0.1,
    "k": 2, "unbiased": False, "indices": "list", "first": TopK(0.2), "then": Plain("bf16"), "positions": "golomb",
    "step": 0.2, "span": 6, "zeros": True, "inner": TopK(0.1),
}  # fmt: skip
STARTS = [
    Plain(), Qsgd(4), Dither(4), TernGrad(), ScaledSign(), StochasticSign(), TopK(0.3), TopK(k=1), RandK(0.3),
    RandK(k=1), Chain(TopK(0.3), Plain()), Integer(0.1, 4), SparseSign(0.3), SparseSign(k=1), ErrorFeedback(TopK(0.3)), Ef21(TopK(0.3)),
    OfModel(TopK(0.3)),
]  # fmt: skip
FIELDS = [
    (codec, field.name)
    for codec in STARTS
    for field in fields(codec)
    if getattr(codec, field.name) is not None
]


@pytest.mark.parametrize(("codec", "field"), FIELDS, ids=repr)
def test_every_field_of_every_compressor_changes_values_or_size(codec, field):
    def message(part):
        row = torch.tensor([0.4, -0.4, 0.0, 0.0] * 10) if isinstance(codec, Integer) else gaussian(40)
        return part.pack(row, int(KEYS[0])), part.bits(40)

    assert message(codec) != message(replace(codec, **{field: OTHER[field]}))


def test_every_field_of_every_compressor_has_a_case():
    assert {type(codec) for codec in STARTS} | {Sign, Natural, Adaptive} == {type(codec) for codec in EVERY}
    assert {name for _, name in FIELDS} | {"clip"} == set(OTHER)


@pytest.mark.parametrize(
    ("part", "arguments", "value"),
    [
        (Dither, {"levels": 0}, "0"), (Dither, {"levels": 70_000}, "70000"), (Dither, {"levels": 1, "bucket": 0}, "0"),
        (Dither, {"levels": 1, "code": "elias"}, "elias"), (TernGrad, {"clip": 0.0}, "0.0"),
        (TernGrad, {"code": "trits"}, "trits"), (TernGrad, {"bucket": -1}, "-1"), (ScaledSign, {"bucket": 0}, "0"),
        (StochasticSign, {"norm": "l1"}, "l1"), (StochasticSign, {"bucket": 0}, "0"),
        (Qsgd, {"levels": 4, "code": "huffman"}, "huffman"), (Chain, {"first": Qsgd(4), "then": Plain()}, "Qsgd"),
        (Chain, {"first": TopK(0.1), "then": Sign()}, "Sign"),
        (OfModel, {"inner": Plain()}, "Plain"), (OfModel, {"inner": Sign()}, "Sign"), (OfModel, {"inner": SparseSign(0.1)}, "Sparse"),
        (OfModel, {"inner": Integer(0.1, 3)}, "Integer"), (OfModel, {"inner": Ef21(TopK(0.1))}, "Ef21"),
        (OfModel, {"inner": OfModel(TopK(0.1))}, "OfModel"),
        (Chain, {"first": TopK(0.1), "then": SparseSign(0.5)}, "SparseSign"),
        (Chain, {"first": TopK(0.1), "then": Plain(), "positions": "rice"}, "rice"),
        (Chain, {"first": RandK(0.1), "then": Plain(), "positions": "golomb"}, "golomb"),
        (Chain, {"first": TopK(0.1), "then": Ef21(Qsgd(4))}, "Ef21"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_rejected_with_its_value(part, arguments, value):
    with pytest.raises(ValueError, match=f"got .*{value}.*; "):
        part(**arguments)
