"""Lost uploads are excluded, the other weights are renormalised, and their bits and time are counted."""

from __future__ import annotations

import math

import numpy as np
import pytest

from learning.engine import Engine, Payload
from netsim.build import BuildError
from netsim.simulation.run import execute

from .runs import final, recipe, scenario

FAVG = "hier_favg: {learning_rate: 0.2, batch_size: 8, tau: [2, 1], weights: devices}"


def lossy(probability: float, above: float = 0.0) -> str:
    wired = "  - wired: {{rate: 10 Mbit/s, latency: 3 ms, loss: {{erasure: {{probability: {}}}}}}}\n"
    return "\n" + wired.format(probability) + wired.format(above)


def aggregation_weights(network: str, monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, ...]]:
    """The weights of every aggregation of a run."""
    recorded: list[tuple[float, ...]] = []
    aggregate = Engine.aggregate

    def spy(self: Engine, rule, node, base, reference, uploads: list[Payload], weights, iteration):  # type: ignore[no-untyped-def]
        recorded.append(tuple(weights))
        return aggregate(self, rule, node, base, reference, uploads, weights, iteration)

    monkeypatch.setattr(Engine, "aggregate", spy)
    execute(scenario([2, 5], FAVG, rounds=6, network=network), engine="timing")
    return recorded


def test_the_weights_of_delivered_uploads_sum_to_one(monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = aggregation_weights(lossy(0.4), monkeypatch)
    assert {len(w) for w in recorded} - {2, 5}, "no upload was lost: the test is vacuous"
    for weights in recorded:
        assert math.fsum(weights) == pytest.approx(1.0, rel=1e-12)
        assert len(set(weights)) == 1


def test_a_round_without_delivered_uploads_keeps_the_model() -> None:
    scenarios = (scenario([2, 3], FAVG, rounds=1, network=lossy(0.99, 0.99), seed=seed) for seed in range(20))
    run = next(
        run for scene in scenarios if sum((run := execute(scene, device="cpu")).trace.totals["lost_up"]) == 8
    )
    assert run.trace.totals["lost_up"] == [6, 2]
    assert run.model.digest == run.engine.initial_model().digest


def test_lost_uploads_use_the_same_bits_and_lost_downlinks_are_repeated() -> None:
    lossless = execute(scenario([2, 5], FAVG, network=lossy(0.0)), engine="timing")
    with_losses = execute(scenario([2, 5], FAVG, network=lossy(0.5)), engine="timing")
    assert sum(with_losses.trace.totals["lost_up"]) > 0
    assert lossless.trace.totals["wire_bits_up"] == with_losses.trace.totals["wire_bits_up"]
    assert lossless.env.now < with_losses.env.now


def test_lost_uploads_consume_energy() -> None:
    energy = "{compute: {active_power: 2 W}, wired_per_bit: 1 uJ/bit}"
    run = execute(scenario([2, 5], FAVG, network=lossy(0.5), energy=energy), engine="timing")
    bits = sum(sum(run.trace.totals[f"wire_bits_{direction}"]) for direction in ("up", "down"))
    assert sum(run.trace.totals["lost_up"]) > 0
    assert run.trace.rounds[-1]["energy_wired_j"] == pytest.approx(1e-6 * bits, rel=1e-12)


def test_lost_uploads_change_the_model_and_its_digest() -> None:
    lossless, with_losses = (
        scenario([2, 5], FAVG, network=lossy(0.0)),
        scenario([2, 5], FAVG, network=lossy(0.5)),
    )
    assert not np.array_equal(final(lossless), final(with_losses))
    assert (
        execute(lossless, engine="timing").model.digest != execute(with_losses, engine="timing").model.digest
    )


def test_hier_sign_sgd_learns_although_half_of_its_votes_are_lost() -> None:
    votes = "hier_sign_sgd: {learning_rate: 0.01, batch_size: 8, tau: [1, 4], ties: zero}"
    run = execute(scenario([2, 3], votes, rounds=25, network=lossy(0.5)), device="cpu")
    assert run.trace.rounds[-1]["loss"] < 0.9 * run.trace.rounds[0]["loss"]


def test_votes_over_lossy_links_require_ties_zero() -> None:
    with pytest.raises(BuildError, match="ties: zero"):
        execute(recipe("hier_sign_sgd", network=lossy(0.5)), engine="timing")
