"""Runs with selections and absences: reproduced, re-timed over another network, and resumed."""

from __future__ import annotations

from pathlib import Path

import pytest

from learning.store.ledger import Ledger
from netsim.simulation.run import retime, simulate
from tests.simulation.runs import recipe

SAMPLED = "[{data: {count: 2}}, {uniform: 0.5}]"
COMING = "{compute: {constant: {step: 50 ms}}, availability: {on_off: {on: 600 ms, off: 300 ms}}}"
SLOW = "[{wired: {rate: 1 Mbit/s, shared: false}}, {wired: {rate: 1 Mbit/s, shared: false}}]"


def test_draws_do_not_depend_on_the_network_so_retiming_needs_no_training(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    first = simulate(recipe("hier_favg", selection=SAMPLED), device="cpu", ledger=ledger)
    again, _ = retime(
        recipe("hier_favg", selection=SAMPLED, network=SLOW), engine="batched", device="cpu", ledger=ledger
    )
    assert again is not None
    assert [row["accuracy"] for row in again.trace.rounds] == first.rounds["accuracy"].tolist()
    assert again.trace.rounds[-1]["sim_time_s"] > first.rounds["sim_time_s"].iloc[-1]


@pytest.mark.parametrize(
    "more", [{"selection": SAMPLED}, {"devices": COMING}, {"selection": SAMPLED, "devices": COMING}]
)
@pytest.mark.parametrize("name", ["hier_favg", "error_feedback"])
def test_a_longer_run_resumes_from_the_checkpoint_of_a_shorter_one(
    tmp_path: Path, name: str, more: dict[str, str]
) -> None:
    ledger = Ledger(tmp_path)
    simulate(recipe(name, rounds=2, **more), device="cpu", ledger=ledger, checkpoint_s=0.0)
    resumed = simulate(recipe(name, rounds=5, **more), device="cpu", ledger=ledger)
    whole = simulate(recipe(name, rounds=5, **more), device="cpu")
    assert resumed.rounds.equals(whole.rounds)
    assert resumed.messages.equals(whole.messages)
