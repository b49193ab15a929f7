"""The compressor memory of a sender changes if and only if its message is delivered."""

from __future__ import annotations

import pytest

from learning.compressors import ErrorFeedback, TopK
from learning.engine import Engine, IterationIndex, Payload
from netsim.simulation.run import execute

from .runs import algorithm_yaml, scenario

CODEC = ErrorFeedback(TopK(0.1))


@pytest.mark.parametrize("arrives", [True, False])
def test_compressor_memory_changes_only_if_the_upload_is_delivered(arrives: bool) -> None:
    engine = Engine(b"", 1, 10)
    first, second = engine.initial_model(), engine.weighted_sum([(2.0, engine.initial_model())])
    payload = engine.upload(CODEC, (1, 0), second, first, IterationIndex((0,), 0))
    if arrives:
        engine.confirm_delivery(payload)
    second_digest = engine.upload(CODEC, (1, 0), second, first, IterationIndex((1,), 0)).decoded.digest
    fresh = Engine(b"", 1, 10)
    without_history = fresh.upload(CODEC, (1, 0), second, first, IterationIndex((1,), 0)).decoded.digest
    assert (second_digest == without_history) is not arrives


def test_a_broadcast_changes_compressor_memory_at_once_because_downlinks_are_repeated() -> None:
    engine = Engine(b"", 1, 10)
    own, copy = engine.weighted_sum([(2.0, engine.initial_model())]), engine.initial_model()
    engine.broadcast(CODEC, (1, 0), own, copy, IterationIndex((0,), 0))
    second_digest = engine.broadcast(CODEC, (1, 0), own, copy, IterationIndex((1,), 0)).decoded.digest
    fresh = Engine(b"", 1, 10)
    assert second_digest != fresh.broadcast(CODEC, (1, 0), own, copy, IterationIndex((1,), 0)).decoded.digest


def test_a_run_changes_one_compressor_memory_per_delivered_upload(monkeypatch: pytest.MonkeyPatch) -> None:
    updated: list[int] = []
    delivered = Engine.confirm_delivery

    def spy(self: Engine, payload: Payload) -> None:
        assert payload.memory_update is not None
        updated.append(payload.memory_update[0][0])
        delivered(self, payload)

    monkeypatch.setattr(Engine, "confirm_delivery", spy)
    lossy = 2 * "\n  - wired: {rate: 10 Mbit/s, latency: 3 ms, loss: {erasure: {probability: 0.4}}}"
    run = execute(
        scenario([2, 5], algorithm_yaml(*2 * ["tau: 2, up: {error_feedback: {top_k: 0.1}}"]), network=lossy),
        engine="timing",
    )
    sent = [m for m in run.trace.messages if m["direction"] == "up"]
    arrived = [m["layer"] - 1 for m in sent if m["delivered"]]
    assert len(arrived) < len(sent)
    assert sorted(updated) == sorted(arrived)
