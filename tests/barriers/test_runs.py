"""Barriers in runs: engines agree, killed runs resume, re-timing needs the same late children, references are updated."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from learning.store.ledger import Ledger
from netsim.simulation.run import Run, execute, retime, simulate
from tests.simulation.runs import RECIPES, recipe, scenario

from .sample_scenarios import final_model, round_ends_s, run_timing

BARRIERS = {
    "drop": "{first: {count: 2}}",
    "carry": "{first: {count: 2, late: carry}}",
    "deadline": "{deadline: {after: 25 ms, late: carry, staleness: polynomial}}",
    "buffer": "{buffer: {size: 1}}",
}
SLOW = "{compute: {flops: {rate: 100 MFLOP/s, efficiency: 0.2, spread: {lognormal: 1.0}}}}"


def timed_all(name: str) -> Run:
    """The same with `all` on every layer."""
    return execute(recipe(name, devices=SLOW, rounds=4), device="cpu")


def waits(name: str, barrier: str) -> str:
    """The barrier on every layer; `all` on layer 1 of a vote (random ties need at least one vote)."""
    layers = len(RECIPES[name][0])
    if name == "hier_sign_sgd" and barrier == "buffer":  # votes count as one, however old
        return "[{buffer: {size: 1, staleness: indifferent}}, {buffer: {size: 1}}]"
    return f"[{', '.join([BARRIERS[barrier]] * layers)}]"


NAMES = ("hier_favg", "qmlhfl", "qmlhfl_elias", "error_feedback", "ef21", "hier_sign_sgd")
PAIRS = [(name, barrier) for name in NAMES for barrier in BARRIERS]
PAIRS.remove(("hier_sign_sgd", "deadline"))  # coins for ties want a voter: refused, see test_instants


@pytest.mark.parametrize(("name", "barrier"), PAIRS)
def test_the_batched_and_the_eager_engine_agree_with_late_children(name: str, barrier: str) -> None:
    scenario = recipe(name, wait=waits(name, barrier), devices=SLOW, rounds=4)
    one, other = (execute(scenario, engine=engine, device="cpu") for engine in ("batched", "eager"))  # type: ignore[arg-type]
    assert round_ends_s(one) == round_ends_s(other)
    assert np.allclose(final_model(one), final_model(other), rtol=0, atol=1e-6)
    assert round_ends_s(one) != round_ends_s(timed_all(name)), "the barrier made no difference"


@pytest.mark.parametrize("barrier", BARRIERS)
@pytest.mark.parametrize("name", ["qmlhfl", "error_feedback", "ef21"])
def test_a_killed_run_with_carried_answers_resumes_to_equal_tables(
    name: str, barrier: str, tmp_path: Path
) -> None:
    scenario, longer = (recipe(name, wait=waits(name, barrier), devices=SLOW, rounds=n) for n in (4, 9))
    ledger = Ledger(tmp_path)
    simulate(scenario, device="cpu", ledger=ledger, checkpoint_s=0)
    resumed = simulate(longer, device="cpu", ledger=Ledger(tmp_path), checkpoint_s=0)
    whole = simulate(longer, device="cpu")
    for table in ("rounds", "messages", "nodes"):
        assert getattr(resumed, table).equals(getattr(whole, table))


def test_another_network_is_retimed_if_the_same_children_are_late_and_trained_otherwise(
    tmp_path: Path,
) -> None:
    def links(latencies_ms: tuple[int, int], rate: int = 10) -> str:
        return "\n" + "".join(
            f"  - wired: {{rate: {rate} Mbit/s, latency: {late} ms, shared: false}}\n"
            for late in latencies_ms
        )

    wait, ledger = "[{deadline: {after: 12 ms, late: drop}}, all]", Ledger(tmp_path)
    how = {"engine": "batched", "device": "cpu", "strategy": None, "memory_bytes": None, "ledger": ledger}
    first = simulate(
        recipe("hier_favg", wait=wait, devices=SLOW, network=links((3, 3))), device="cpu", ledger=ledger
    )
    same, _ = retime(recipe("hier_favg", wait=wait, devices=SLOW, network=links((3, 5))), **how)
    assert same is not None
    assert "late" in set(first.messages["fate"])
    assert [row["loss"] for row in same.trace.rounds] == first.rounds["loss"].tolist()
    assert round_ends_s(same) != first.rounds["sim_time_s"].tolist()
    others, _ = retime(recipe("hier_favg", wait=wait, devices=SLOW, network=links((3, 3), rate=1)), **how)
    assert others is None


def test_a_child_that_missed_a_difference_receives_the_full_model() -> None:
    """Two of three devices per edge take part; the third, selected later, cannot decode a difference."""
    algorithm = (
        "leaf: {learning_rate: 0.2, batch_size: 8}\n  layers:"
        "\n    - {tau: 1, up: none, rule: mean, down: {qsgd: {levels: 64, bucket: 64}}}"
        "\n    - {tau: 3, up: none, rule: mean, down: {qsgd: {levels: 64, bucket: 64}}}"
    )
    all_children, fewer = (
        run_timing(scenario([2, 3], algorithm, wait=wait, devices=SLOW, rounds=4))
        for wait in ("[all, all]", "[{buffer: {size: 2}}, all]")
    )
    whole = 32 * all_children.task.dim
    recipients = [
        {(m["round"], m["layer"]) for m in run.trace.messages if m["direction"] == "down" and m["payload_bits"] % whole == 0}
        for run in (all_children, fewer)
    ]  # fmt: skip
    assert recipients[0] == {(1, 1), (1, 2)}  # the initial model
    assert {layer for _, layer in recipients[1] - recipients[0]} == {1}
