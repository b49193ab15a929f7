"""Energies of runs: components sum to totals, nodes sum to the run, and each has its closed form."""

from __future__ import annotations

import pytest

from netsim.simulation.run import execute
from tests.simulation.runs import recipe

ENERGY = "{compute: {active_power: 2 W}, wired_per_bit: 1 uJ/bit}"
CELL = (
    "\n  - cell: {preset: urban_micro, uplink: 2 MHz, downlink: 1 MHz}\n"
    + "  - wired: {rate: 10 Mbit/s, latency: 3 ms}\n"
)
PARTS = ("compute_j", "transmit_j", "receive_j", "idle_j", "wired_j")


@pytest.mark.parametrize("name", ["hier_sign_sgd", "hier_favg"])
def test_components_nodes_and_rounds_sum_to_the_total(name: str) -> None:
    run = execute(recipe(name, energy=ENERGY, network=CELL), engine="timing")
    last = run.trace.rounds[-1]
    assert sum(last[f"energy_{part}"] for part in PARTS) == pytest.approx(last["energy_j"], rel=1e-12)
    nodes = sum(row[f"energy_{part}"] for row in run.trace.nodes for part in PARTS)
    assert nodes == pytest.approx(last["energy_j"], rel=1e-12)
    assert all(last[f"energy_{part}"] > 0 for part in PARTS)


def test_computing_costs_power_times_the_seconds_computed() -> None:
    run = execute(recipe("hier_favg", energy=ENERGY), engine="timing")
    seconds = sum(row["compute_s"] for row in run.trace.nodes)
    assert run.trace.rounds[-1]["energy_compute_j"] == pytest.approx(2.0 * seconds, rel=1e-12)


def test_wired_links_are_charged_per_wire_bit_in_both_directions() -> None:
    run = execute(recipe("hier_favg", energy=ENERGY), engine="timing")
    bits = sum(sum(run.trace.totals[f"wire_bits_{direction}"]) for direction in ("up", "down"))
    assert run.trace.rounds[-1]["energy_wired_j"] == pytest.approx(1e-6 * bits, rel=1e-12)


def test_the_aggregation_time_of_servers_prolongs_every_round() -> None:
    free = execute(recipe("hier_favg"), engine="timing")
    slow = execute(recipe("hier_favg", servers="{aggregation: 1 s}"), engine="timing")
    assert slow.env.now - free.env.now == pytest.approx(3 * (2 * 1.0 + 1.0), rel=1e-9)


def test_without_an_energy_section_there_are_no_energy_columns() -> None:
    run = execute(recipe("hier_favg"), engine="timing")
    assert not [name for name in run.trace.rounds[-1] if "energy" in name]


def test_the_energy_of_an_unfinished_round_is_counted() -> None:
    whole = execute(recipe("hier_favg", energy=ENERGY), engine="timing")
    end = whole.trace.rounds[2]["sim_time_s"]
    cut = execute(
        recipe("hier_favg", energy=ENERGY, stop=f"{{rounds: 3, deadline: {0.99 * end!r} s}}"), engine="timing"
    )
    meter = cut.trace.meter
    assert meter is not None
    assert cut.trace.rounds[1]["energy_j"] < meter.closed_j.total_j <= whole.trace.rounds[2]["energy_j"]
