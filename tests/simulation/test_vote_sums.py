"""Sums of votes are transmitted as integers, independent of the step size and of float32 rounding."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from learning.aggregation.rules import Mean, Vote
from learning.algorithms.algorithm import Algorithm
from learning.algorithms.layer import Layer, Leaf
from learning.compressors import Integer, Plain, Qsgd, Sign
from learning.engine.lazy_vectors import LazyVector
from netsim.simulation.run import execute

from .runs import scenario, weights

TINY = "hier_sign_sgd: {{learning_rate: {}, batch_size: 4, tau: [1, {}], ties: {}}}"


@pytest.mark.parametrize("ties", ["random", "zero"])
@pytest.mark.parametrize("engine", ["batched", "eager"])
def test_small_steps_are_counted_exactly_in_float32(ties: str, engine: str) -> None:
    algorithm = TINY.format("1e-8", 40, ties)
    run = execute(scenario([2, 3], algorithm, rounds=1, model="logistic"), device="cpu", engine=engine)
    assert run.stopped_by == "rounds"


def test_the_model_changes_by_integer_multiples_of_the_step() -> None:
    scene = scenario([1, 3], TINY.format(0.5, 4, "zero"), rounds=1, precision="float64")
    run = execute(scene, device="cpu")
    steps = (weights(run) - run.task.initial(scene.seed)) / 0.5
    assert np.abs(steps).max() > 1
    assert np.abs(steps - np.round(steps)).max() < 1e-12


def test_memory_within_a_round_does_not_grow_with_its_iterations(monkeypatch: pytest.MonkeyPatch) -> None:
    largest: dict[int, int] = {}
    set_value = LazyVector.set_value
    for tau in (4, 40):
        count = 0

        def spy(self: LazyVector, value) -> None:  # type: ignore[no-untyped-def]
            nonlocal count
            set_value(self, value)
            alive = sum(vector.value is not None for vector in gc.get_objects() if type(vector) is LazyVector)
            count = max(count, alive)

        with monkeypatch.context() as patch:
            patch.setattr(LazyVector, "set_value", spy)
            execute(
                scenario(
                    [2, 3], f"hier_favg: {{learning_rate: 0.1, batch_size: 4, tau: [1, {tau}]}}", rounds=1
                ),
                device="cpu",
            )
        largest[tau] = count
    assert largest[40] <= largest[4]


def test_a_lossy_broadcast_below_vote_sums_is_refused() -> None:
    vote, votes = Vote(0.1), Integer(0.1, 4)
    above = Layer(4, votes, Mean())
    with pytest.raises(ValueError, match="layer 1: a lossy `down`"):
        Algorithm(Leaf(0.1, 8), (Layer(1, Sign(), vote, Qsgd(4)), above))
    Algorithm(Leaf(0.1, 8), (Layer(1, Sign(), vote, Plain()), above))
