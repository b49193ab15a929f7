"""Compression of models instead of updates: uplink, downlink, and cases in which both are equal."""

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
def test_the_cloud_averages_decoded_models(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_lossless_compressor_gives_equal_results_for_models_and_updates() -> None:
    """top_k of all coordinates is exact, so models and updates carry the same information."""
    lossless = "{top_k: 1.0}"
    models, updates = (final(star(up, precision="float64")) for up in (f"{{of_model: {lossless}}}", lossless))
    assert np.allclose(models, updates, rtol=0, atol=1e-13)


def test_devices_start_from_the_decoded_broadcast_model() -> None:
    """With tau 1 and a rate too small to change a bf16 number, the mean of the devices' models is bf16(w)."""
    task = "{dataset: digits, partition: iid, model: logistic}"
    tiny = (
        "{leaf: {learning_rate: 1e-30, batch_size: 8}, layers: [{tau: 1, up: none, rule: mean, down: DOWN}]}"
    )
    run = execute(scenario([2], tiny.replace("DOWN", BF16), task=task, rounds=2), device="cpu")
    start = torch.from_numpy(run.task.initial(5)).float()
    assert np.array_equal(weights(run), start.to(torch.bfloat16).double().numpy())


def test_unbiased_compression_of_models_has_a_larger_error_than_of_updates() -> None:
    """The error is proportional to the norm of the compressed vector, and models are larger than updates."""
    exact = final(star("none", rounds=4))
    update, model = (
        np.linalg.norm(final(star(up, rounds=4)) - exact)
        for up in ("{qsgd: {levels: 64, bucket: 64}}", "{of_model: {qsgd: {levels: 64, bucket: 64}}}")
    )
    assert model > 2 * update > 0


def test_level_schedules_apply_to_compressed_models() -> None:
    compressor = OfModel(Adaptive(Qsgd(4), DoublingLevels(4, 1)))
    assert at_round(compressor, 1) == OfModel(Qsgd(8))


def test_error_feedback_of_compressed_models_is_refused() -> None:
    algorithm = Algorithm(Leaf(0.1, 8), (Layer(1, Plain(), Mean(), OfModel(TopK(0.5)), "own"),))
    with pytest.raises(ValueError, match="error feedback on the downlink"):
        algorithm.check_dimension(100)


def test_the_bounds_do_not_cover_compressed_models() -> None:
    with pytest.raises(PlanError, match="layer 1: up: the bounds need unbiased compressors"):
        plan(star("{of_model: {qsgd: 8}}"), Limits(deadline_s=100.0))
