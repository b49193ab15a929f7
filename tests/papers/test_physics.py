"""Claims of the physics scenarios."""

from __future__ import annotations

import pytest

from netsim.scenario import load
from netsim.simulation.run import execute, simulate


def test_oracle_S6_two_layers_give_the_published_times_of_hier_qsgd() -> None:
    run = execute(load("hier_qsgd"), engine="timing")
    rounds = [row["sim_time_s"] for row in run.trace.rounds]
    assert rounds == pytest.approx([t * (2 * (10 * 2 + 33) + 330) for t in range(16)], rel=1e-9)


def test_city_learns_and_its_phones_use_more_energy_for_radio_than_for_computing() -> None:
    result = simulate(load("city"), device="cpu")
    accuracy = result.last("accuracy")
    assert accuracy is not None
    assert accuracy.value >= 0.93
    phones = result.nodes[result.nodes["level"] == 0]
    air = phones[["energy_transmit_j", "energy_receive_j", "energy_idle_j"]].sum().sum()
    assert air > phones["energy_compute_j"].sum()
