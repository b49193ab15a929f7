"""The rounds table: which rounds are evaluated, what a deadline still evaluates, and how many steps were made."""

from __future__ import annotations

import math

import pytest

from netsim.simulation.run import execute

from .runs import recipe, scenario


def losses(evaluate: int, **more: str) -> list[float]:
    scene = recipe("hier_favg", rounds=5, evaluate=f"{{every: {evaluate}}}", **more)
    return [row["loss"] for row in execute(scene, device="cpu").trace.rounds]


@pytest.mark.parametrize(
    ("every", "seen"), [(1, [0, 1, 2, 3, 4, 5]), (2, [0, 2, 4, 5]), (3, [0, 3, 5]), (9, [0, 5])]
)
def test_every_kth_round_and_the_last_are_evaluated(every: int, seen: list[int]) -> None:
    found, whole = losses(every), losses(1)
    assert [k for k, loss in enumerate(found) if not math.isnan(loss)] == seen
    assert [found[k] for k in seen] == [whole[k] for k in seen]


def test_the_last_round_before_a_deadline_is_evaluated_though_its_turn_had_not_come() -> None:
    """It is seen to be the last one only when the deadline has passed."""
    ends = [row["sim_time_s"] for row in execute(recipe("hier_favg", rounds=5), engine="timing").trace.rounds]
    stop = f"{{rounds: 5, deadline: {(ends[3] + ends[4]) / 2!r} s}}"
    found, whole = losses(2, stop=stop), losses(1)
    assert [k for k, loss in enumerate(found) if not math.isnan(loss)] == [0, 2, 3]
    assert found[3] == whole[3]


@pytest.mark.parametrize(
    ("fanout", "algorithm", "each"),
    [
        ([3], "fedavg: {learning_rate: 0.1, batch_size: 4, local_steps: 3}", 3),
        ([2, 2, 2], "hier_favg: {learning_rate: 0.1, batch_size: 4, tau: [3, 2, 5]}", 30),
        ([2, 2], "qhetfed: {learning_rate: 0.1, batch_size: 4, tau: [1, 5], gamma: 4, levels: [4, 4]}", 8),
    ],
)
def test_local_steps_are_those_of_every_device_so_far(fanout: list[int], algorithm: str, each: int) -> None:
    """qhetfed: 4 rounds of one gradient and a last one of gamma steps."""
    rows = execute(scenario(fanout, algorithm), engine="timing").trace.rounds
    assert [row["local_steps"] for row in rows] == [0, each, 2 * each, 3 * each]
