"""Level schedules in runs: each round has the values, digests and bits of its levels."""

from __future__ import annotations

import numpy as np
import pytest

from learning.compressors import Qsgd
from netsim.bounds.from_scenario import PlanError
from netsim.planner.planner import Limits, plan
from netsim.scenario import Scenario
from netsim.simulation.run import execute

from .runs import algorithm_yaml, scenario, weights


def run_of(levels: str, **more: object) -> Scenario:
    rest = f"learning_rate: 0.2, batch_size: 8, tau: [2, 2], bucket: 64, levels: [{levels}, 8]"
    return scenario([2, 3], f"qmlhfl: {{{rest}}}", **more)  # type: ignore[arg-type]


def test_a_constant_schedule_equals_a_fixed_number_of_levels() -> None:
    scheduled, plain = (
        execute(run_of(levels), device="cpu") for levels in ("{doubling: {first: 4, every: 1, most: 4}}", "4")
    )
    assert scheduled.digests == plain.digests
    assert scheduled.trace.totals == plain.trace.totals


def test_rounds_before_a_step_equal_those_without_a_schedule() -> None:
    stepped = execute(run_of("{steps: {levels: [4, 16], rounds: [2]}}", rounds=4), device="cpu")
    plain = execute(run_of("4", rounds=4), device="cpu")
    assert [a == b for a, b in zip(stepped.digests, plain.digests, strict=True)] == [True, True, False, False]
    assert not np.array_equal(weights(stepped), weights(plain))


@pytest.mark.parametrize("engine", ["timing", "batched"])
def test_the_bits_of_each_round_follow_its_levels(engine: str) -> None:
    run = execute(run_of("{linear: {first: 2, by: 6}}", rounds=4), device="cpu", engine=engine)
    total = [row["bits_up_1"] for row in run.trace.rounds]
    messages, dim = 2 * 6, run.task.dim
    assert np.diff(total).tolist() == [messages * Qsgd(levels, 64).bits(dim) for levels in (2, 8, 14, 20)]


def test_error_feedback_and_broadcasts_follow_the_schedule() -> None:
    """Both ends of a downlink apply the same increment for all levels; the eager engine agrees."""
    schedule = "{adaptive: {of: {qsgd: {levels: 16, bucket: 32}}, levels: {doubling: {first: 16, every: 1}}}}"
    layer = f"tau: 2, up: {{error_feedback: {schedule}}}, down: {schedule}"
    scene = scenario([2, 3], algorithm_yaml(layer, "tau: 2, up: none"), precision="float64")
    run = execute(scene, device="cpu")
    eager = execute(scene, device="cpu", engine="eager")
    assert np.allclose(weights(run), weights(eager), rtol=0, atol=1e-11)
    rows = [row for row in run.trace.messages if row["layer"] == 1]
    sizes = {Qsgd(levels, 32).bits(run.task.dim) for levels in (16, 32, 64)}
    assert {row["payload_bits"] for row in rows if row["direction"] == "up"} == sizes
    broadcast_sizes = {
        3 * size for size in sizes
    }  # links are not shared: each of three children receives a copy
    assert {row["payload_bits"] for row in rows if row["direction"] == "down"} == broadcast_sizes | {
        3 * 32 * run.task.dim
    }


def test_the_planner_refuses_level_schedules() -> None:
    with pytest.raises(PlanError, match="layer 1: the bounds and costs need equal messages in all rounds"):
        plan(run_of("{doubling: {first: 4, every: 1}}"), Limits(deadline_s=100.0))
