"""Messages of models themselves: what they mean up and down, and where they equal messages of updates."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from learning.aggregation.rules import Mean
from learning.algorithms.algorithm import Algorithm
from learning.algorithms.layer import Layer, Leaf
from learning.compressors import Adaptive, Encoded, OfModel, Plain, Qsgd, TopK, at_round
from learning.compressors.level_schedules import DoublingLevels
from learning.rng.keyed import KeyedRandom
from netsim.bounds.from_scenario import PlanError
from netsim.planner.planner import Limits, plan
from netsim.scenario import Scenario
from netsim.simulation.run import execute

from .runs import algorithm_yaml, final, scenario, weights

BF16 = "{of_model: {none: bf16}}"


def star(up: str, down: str = "none", tau: int = 2, **more: object) -> Scenario:
    return scenario([4], algorithm_yaml(f"tau: {tau}, up: {up}, down: {down}"), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("engine", ["batched", "eager"])
def test_the_cloud_averages_what_it_decodes_of_models(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    encode, models = OfModel.encode, []

    def spy(self: OfModel, rows: torch.Tensor, rng: KeyedRandom) -> Encoded:
        models.extend(rows.clone())
        return encode(self, rows, rng)

    monkeypatch.setattr(OfModel, "encode", spy)
    run = execute(star(BF16, rounds=1, precision="float64"), device="cpu", engine=engine)
    plain = weights(execute(star("none", rounds=1, precision="float64"), device="cpu", engine=engine))
    assert np.allclose(torch.stack(models).mean(0), plain, rtol=0, atol=1e-14)
    expected = torch.stack(models).to(torch.bfloat16).double().mean(0)
    assert np.allclose(weights(run), expected, rtol=0, atol=1e-14)


def test_what_keeps_every_coordinate_loses_nothing_either_way() -> None:
    """top_k of all coordinates is exact, so models and updates say the same."""
    everything = "{top_k: 1.0}"
    models, updates = (
        final(star(how, precision="float64")) for how in (f"{{of_model: {everything}}}", everything)
    )
    assert np.allclose(models, updates, rtol=0, atol=1e-13)


def test_a_broadcast_of_models_is_the_receivers_copy_to_the_bit() -> None:
    """tau 1 and a rate too small to move a bf16 number: devices start from bf16(w), so the mean is near that."""
    task = "{dataset: digits, partition: iid, model: logistic}"
    tiny = (
        "{leaf: {learning_rate: 1e-30, batch_size: 8}, layers: [{tau: 1, up: none, rule: mean, down: DOWN}]}"
    )
    run = execute(scenario([2], tiny.replace("DOWN", BF16), task=task, rounds=2), device="cpu")
    start = torch.from_numpy(run.task.initial(5)).float()
    assert np.array_equal(weights(run), start.to(torch.bfloat16).double().numpy())


def test_an_unbiased_model_is_worse_than_an_unbiased_update() -> None:
    """The error is a share of the model: on equal levels updates end much nearer the uncompressed run."""
    exact = final(star("none", rounds=4))
    update, model = (
        np.linalg.norm(final(star(how, rounds=4)) - exact)
        for how in ("{qsgd: {levels: 64, bucket: 64}}", "{of_model: {qsgd: {levels: 64, bucket: 64}}}")
    )
    assert model > 2 * update > 0


def test_models_adapt_with_the_round() -> None:
    grown = OfModel(Adaptive(Qsgd(4), DoublingLevels(4, 1)))
    assert at_round(grown, 1) == OfModel(Qsgd(8))


def test_there_is_nothing_to_feed_back_of_a_model() -> None:
    algorithm = Algorithm(Leaf(0.1, 8), (Layer(1, Plain(), Mean(), OfModel(TopK(0.5)), "own"),))
    with pytest.raises(ValueError, match="error feedback on the downlink"):
        algorithm.check_dimension(100)


def test_the_bounds_do_not_cover_models() -> None:
    with pytest.raises(PlanError, match="layer 1: up: the bounds need unbiased compressors"):
        plan(star("{of_model: {qsgd: 8}}"), Limits(deadline_s=100.0))
