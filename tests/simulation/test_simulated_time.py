"""Simulated time equals a closed form if links are constant and unshared."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from learning.compressors import Plain, at_round
from netsim.build import build_task
from netsim.devices.clock import Work
from netsim.scenario import Scenario, grow
from netsim.simulation.run import execute
from netsim.topology import Node

from .runs import RECIPES, TIMED, recipe, scenario

TRUNKS = "\n" + "  - wired: {rate: 10 Mbit/s, latency: 3 ms}\n" * 2
RATE_BPS, LATENCY_S, HEADER_BITS, MSS_BITS = 10e6, 3e-3, 8 * 90, 8 * 1448


def transmission_s(bits: int) -> float:
    return LATENCY_S + (bits + HEADER_BITS * math.ceil(bits / MSS_BITS)) / RATE_BPS


def duration(
    scene: Scenario,
    node: Node,
    received_bits: int,
    tau: int,
    dim: int,
    step_s: list[float],
    round_index: int | None = None,
) -> float:
    """tau * max over children of (downlink + duration of the child + uplink); the first downlink forwards the received model."""
    if not node.children:
        return tau * step_s[node.ordinal]
    layer, total = scene.layered_algorithm.layers[node.level - 1], 0.0
    for k in range(tau):
        iteration = k if round_index is None else round_index
        bits = received_bits if k == 0 else at_round(layer.downlink, iteration).bits(dim)
        up, down = transmission_s(at_round(layer.up, iteration).bits(dim)), transmission_s(bits)
        total += max(
            down + duration(scene, c, bits, layer.tau, dim, step_s, iteration) + up for c in node.children
        )
    return total


@pytest.mark.parametrize("name", TIMED)
def test_simulated_time_equals_the_closed_form(name: str) -> None:
    scene = recipe(name, rounds=4)
    topology = grow(scene)
    task = build_task(scene, topology)
    batch = scene.layered_algorithm.leaf.batch_size
    work = Work(float(task.flops_per_sample * batch), batch)
    step_s = list(scene.devices.compute.clock(work, range(len(topology.levels[0])), scene.seed).step_s)
    expected = duration(scene, topology.root, Plain().bits(task.dim), 4, task.dim, step_s)
    run = execute(scene, engine="timing")
    assert run.env.now == pytest.approx(expected, rel=1e-9)


def test_a_step_of_a_profiled_device_takes_the_time_of_its_batch() -> None:
    """hier_favg: 3 steps x 2 aggregations a round, batches of 8 samples at 5 ms."""
    run = execute(recipe("hier_favg", devices="{compute: {profiled: {per_sample: 5 ms}}}"), engine="timing")
    assert run.trace.rounds[-1]["path_compute_s"] == pytest.approx(3 * 2 * 8 * 5e-3, rel=1e-9)


def test_the_critical_path_sums_to_each_round_s_length() -> None:
    run = execute(recipe("qmlhfl", rounds=4), engine="timing")
    rows = run.trace.rounds
    for before, row in pairwise(rows):
        path = sum(value for key, value in row.items() if key.startswith("path_"))
        assert path == pytest.approx(row["sim_time_s"] - before["sim_time_s"], rel=1e-9)


def test_the_critical_path_separates_layers() -> None:
    """hier_favg on equal private lines: two messages of 32 d bits each way on layer 1, one on layer 2."""
    run = execute(recipe("hier_favg"), engine="timing")
    row, once_s = run.trace.rounds[-1], transmission_s(32 * run.task.dim)
    path_s = [row[f"path_{direction}_s_{layer}"] for direction in ("up", "down") for layer in (1, 2)]
    assert path_s == pytest.approx([2 * once_s, once_s] * 2, rel=1e-9)


def test_every_node_s_time_sums_to_the_round_s_length() -> None:
    run = execute(recipe("qmlhfl", rounds=3), engine="timing")
    ends = [row["sim_time_s"] for row in run.trace.rounds]
    for row in run.trace.nodes:
        parts = [row[k] for k in ("downlink_s", "compute_s", "below_s", "uplink_s", "waiting_s")]
        assert sum(parts) == pytest.approx(ends[row["round"]] - ends[row["round"] - 1], rel=1e-9)


def test_bits_are_counted_per_layer_and_a_broadcast_once() -> None:
    """hier_sign_sgd, 2 edges x 3 devices, 4 votes a round, 3 rounds, d parameters."""
    run = execute(recipe("hier_sign_sgd", network=TRUNKS), engine="timing")
    d, qsgd = run.task.dim, -(-run.task.dim // 64) * 32 + run.task.dim * 6
    first, later = 32 * d, qsgd
    assert run.trace.totals["bits_up"] == [3 * 4 * 6 * d, 3 * 2 * d * 3]
    assert run.trace.totals["bits_down"] == [2 * (first + 2 * later + 3 * 3 * d), first + 2 * later]


def test_unshared_links_transmit_a_broadcast_once_per_child() -> None:
    shared = execute(recipe("hier_favg", network=TRUNKS), engine="timing")
    private = execute(recipe("hier_favg"), engine="timing")
    (a1, a2), (b1, b2) = shared.trace.totals["bits_down"], private.trace.totals["bits_down"]
    assert (b1, b2) == (3 * a1, 2 * a2)


def test_a_round_that_ends_at_the_deadline_counts() -> None:
    base = execute(recipe("hier_favg"), engine="timing").trace.rounds
    second = base[2]["sim_time_s"]
    at = execute(deadline(second), engine="timing")
    before = execute(deadline(math.nextafter(second, 0)), engine="timing")
    assert (at.trace.rounds[-1]["round"], before.trace.rounds[-1]["round"]) == (2, 1)
    assert (at.stopped_by, before.stopped_by) == ("deadline", "deadline")


def test_bits_of_an_unfinished_round_are_counted() -> None:
    base = execute(recipe("hier_favg"), engine="timing").trace.rounds
    cut = execute(deadline((base[1]["sim_time_s"] + base[2]["sim_time_s"]) / 2), engine="timing")
    assert cut.trace.totals["bits_down"][1] == 2 * base[1]["bits_down_2"]
    assert cut.trace.rounds[-1]["bits_down_2"] == base[1]["bits_down_2"]


def deadline(seconds: float) -> Scenario:
    fanout, algorithm = RECIPES["hier_favg"]
    return scenario(fanout, algorithm, stop=f"{{rounds: 3, deadline: {seconds!r} s}}")


def test_a_run_cut_at_the_end_of_a_round_has_the_bits_of_a_run_with_that_many_rounds() -> None:
    end = execute(recipe("hier_favg"), engine="timing").trace.rounds[2]["sim_time_s"]
    cut, short = (
        execute(deadline(end), engine="timing"),
        execute(recipe("hier_favg", rounds=2), engine="timing"),
    )
    assert cut.trace.totals == short.trace.totals
