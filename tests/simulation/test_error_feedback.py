"""Error feedback on the downlink: errors of a lossy broadcast are corrected by later broadcasts."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from learning.engine import Engine, LazyVector, NodeIndex, Payload
from netsim.simulation.run import execute

from .runs import scenario, weights

VOTES = "hier_sign_sgd: {{learning_rate: 0.01, batch_size: 8, tau: [1, 4], down: {{top_k: {{fraction: 0.1}}}}, error_feedback: {}}}"


def ends(
    error_feedback: str, monkeypatch: pytest.MonkeyPatch
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(the final model of the cloud, its initial model plus the means of all received updates)."""
    received: list[tuple[list[Payload], tuple[float, ...]]] = []
    aggregate = Engine.aggregate

    def spy(
        self: Engine, rule, node: NodeIndex, base, reference, uploads, weights_of_uploads, iteration
    ) -> LazyVector:  # type: ignore[no-untyped-def]
        if node[0] == 2:
            received.append((uploads, tuple(weights_of_uploads)))
        return aggregate(self, rule, node, base, reference, uploads, weights_of_uploads, iteration)

    monkeypatch.setattr(Engine, "aggregate", spy)
    scene = scenario([2, 3], VOTES.format(error_feedback), rounds=4, precision="float64")
    run = execute(scene, engine="eager", device="cpu")
    total = np.asarray(run.task.initial(scene.seed), dtype=np.float64)
    for uploads, weights_of_uploads in received:
        for payload, share in zip(uploads, weights_of_uploads, strict=True):
            assert payload.decoded.value is not None
            total = total + share * payload.decoded.value.numpy()
    return weights(run), total


def test_with_error_feedback_the_model_is_the_initial_model_plus_all_updates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    final, total = ends("true", monkeypatch)
    assert np.allclose(final, total, rtol=0, atol=1e-12)


def test_without_error_feedback_the_downlink_error_is_not_corrected(monkeypatch: pytest.MonkeyPatch) -> None:
    final, total = ends("false", monkeypatch)
    assert np.abs(final - total).max() > 0.01


LOSSLESS = """leaf: {learning_rate: 0.2, batch_size: 8}
  layers:
    - {tau: 2, up: none, rule: mean}
    - {tau: 1, up: none, rule: mean, down: {top_k: {fraction: 0.1}}, onto: own}"""


def test_uploaded_models_are_updates_relative_to_the_broadcast_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The new model is the own model plus the mean of (upload - broadcast model), although uploads are models."""
    received: list[tuple[LazyVector, LazyVector, list[Payload], tuple[float, ...], LazyVector]] = []
    aggregate = Engine.aggregate

    def spy(
        self: Engine, rule, node: NodeIndex, base, reference, uploads, weights_of_uploads, iteration
    ) -> LazyVector:  # type: ignore[no-untyped-def]
        model = aggregate(self, rule, node, base, reference, uploads, weights_of_uploads, iteration)
        if node[0] == 2:
            received.append((base, reference, uploads, tuple(weights_of_uploads), model))
        return model

    monkeypatch.setattr(Engine, "aggregate", spy)
    execute(scenario([2, 3], LOSSLESS, rounds=3, precision="float64"), engine="eager", device="cpu")
    assert len(received) == 3
    for base, reference, uploads, weights_of_uploads, model in received[1:]:
        moved = [
            share * (value_of(a.decoded) - value_of(reference))
            for a, share in zip(uploads, weights_of_uploads, strict=True)
        ]
        assert np.abs(value_of(base) - value_of(reference)).max() > 1e-3
        assert np.allclose(value_of(model), value_of(base) + sum(moved), rtol=0, atol=1e-12)


def value_of(vector: LazyVector) -> NDArray[np.float64]:
    assert vector.value is not None
    return np.asarray(vector.value.numpy(), dtype=np.float64)
