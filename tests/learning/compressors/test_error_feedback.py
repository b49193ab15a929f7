"""Compressors with memory: closed forms of error feedback and EF21."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from learning.aggregation.rules import Mean
from learning.algorithms.algorithm import Algorithm
from learning.algorithms.layer import Layer, Leaf
from learning.compressors import Ef21, ErrorFeedback, Integer, Plain, Qsgd, RandK, TopK
from learning.rng.keyed import KeyedRandom, row_key

INNER = [TopK(0.1), TopK(k=1), Qsgd(16, 9), Qsgd(16, 9, "elias"), RandK(0.2, unbiased=False)]
inner = pytest.mark.parametrize("codec", INNER, ids=repr)


def rows(count, dim=60, seed=0):
    return torch.randn(count, dim, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def rng(count, step):
    return KeyedRandom(np.array([row_key(3, "compressor", row, step) for row in range(count)], np.uint64))


@inner
def test_the_sum_of_decoded_messages_is_the_sum_of_inputs_minus_the_memory(codec):
    memory = heard = message = torch.zeros(4, 60, dtype=torch.float64)
    for step in range(20):
        x = rows(4, seed=step)
        sent, memory = ErrorFeedback(codec).remember(x.clone(), memory, rng(4, step))
        heard, message = heard + sent.values, message + x
    assert torch.allclose(heard, message - memory, rtol=0, atol=1e-12)


@inner
def test_ef21_approaches_a_constant_at_the_rate_of_the_contraction(codec):
    if isinstance(codec, Qsgd):
        pytest.skip("a random rounding keeps its rate in the mean only")
    x, known, steps = rows(3), torch.zeros(3, 60, dtype=torch.float64), 30
    for step in range(steps):
        sent, known = Ef21(codec).remember(x.clone(), known, rng(3, step))
        assert sent.values is known
    left = (known - x).square().sum(1) / x.square().sum(1)
    rate = (1 - codec.delta(60)) ** steps
    assert (left <= (rate if isinstance(codec, TopK) else 30 * rate)).all()


def test_the_given_memory_is_not_overwritten():
    for codec in (ErrorFeedback(TopK(0.1)), Ef21(TopK(0.1))):
        memory = rows(2, seed=9)
        kept = memory.clone()
        codec.remember(rows(2), memory, rng(2, 0))
        assert torch.equal(memory, kept)


@inner
def test_a_row_does_not_depend_on_other_rows(codec):
    x, memory, keyed = rows(5), rows(5, seed=1), rng(5, 0)
    together, after = ErrorFeedback(codec).remember(x.clone(), memory, keyed)
    for i in range(5):
        alone, left = ErrorFeedback(codec).remember(
            x[i : i + 1].clone(), memory[i : i + 1], KeyedRandom(keyed.keys[i : i + 1])
        )
        assert torch.equal(alone.values[0], together.values[i])
        assert torch.equal(left[0], after[i])


@pytest.mark.parametrize("wrapper", [ErrorFeedback, Ef21])
@pytest.mark.parametrize("codec", [Plain(), Integer(0.1, 3), ErrorFeedback(TopK(0.1))], ids=repr)
def test_a_lossless_or_stateful_inner_compressor_is_rejected(wrapper, codec):
    with pytest.raises(ValueError, match="needs a lossy compressor inside|has a memory of its own"):
        wrapper(codec)


@pytest.mark.parametrize("direction", ["up", "down"])
def test_an_inner_compressor_without_contraction_is_rejected_where_d_is_known(direction):
    codec = ErrorFeedback(Qsgd(1, None))
    layer = Layer(2, **{"up": Plain(), "rule": Mean(), direction: codec})
    algorithm = Algorithm(Leaf(0.1, 8), (layer,))
    with pytest.raises(ValueError, match=f"layer 1: .* on `{direction}` needs a compressor inside"):
        algorithm.check_dimension(10_000)


def test_two_memories_for_one_broadcast_are_rejected():
    layer = Layer(2, Plain(), Mean(), ErrorFeedback(TopK(0.1)), "own")
    with pytest.raises(ValueError, match="onto: own already keeps"):
        Algorithm(Leaf(0.1, 8), (layer,))
