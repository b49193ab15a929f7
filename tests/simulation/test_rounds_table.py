"""The rounds table: evaluated rounds, evaluation at a deadline, and the number of local steps."""

from __future__ import annotations

import math

import pytest

from netsim.simulation.run import execute

from .runs import recipe, scenario


def losses(evaluate: int, **more: str) -> list[float]:
    scene = recipe("hier_favg", rounds=5, evaluate=f"{{every: {evaluate}}}", **more)
    return [row["loss"] for row in execute(scene, device="cpu").trace.rounds]


@pytest.mark.parametrize(
    ("every", "evaluated"), [(1, [0, 1, 2, 3, 4, 5]), (2, [0, 2, 4, 5]), (3, [0, 3, 5]), (9, [0, 5])]
)
def test_every_kth_round_and_the_last_round_are_evaluated(every: int, evaluated: list[int]) -> None:
    measured, all_losses = losses(every), losses(1)
    assert [k for k, loss in enumerate(measured) if not math.isnan(loss)] == evaluated
    assert [measured[k] for k in evaluated] == [all_losses[k] for k in evaluated]


def test_the_last_round_before_a_deadline_is_evaluated() -> None:
    """Only when the deadline has passed is it certain that the round is the last one."""
    ends = [row["sim_time_s"] for row in execute(recipe("hier_favg", rounds=5), engine="timing").trace.rounds]
    stop = f"{{rounds: 5, deadline: {(ends[3] + ends[4]) / 2!r} s}}"
    measured, all_losses = losses(2, stop=stop), losses(1)
    assert [k for k, loss in enumerate(measured) if not math.isnan(loss)] == [0, 2, 3]
    assert measured[3] == all_losses[3]


@pytest.mark.parametrize(
    ("fanout", "algorithm", "per_round"),
    [
        ([3], "fedavg: {learning_rate: 0.1, batch_size: 4, local_steps: 3}", 3),
        ([2, 2, 2], "hier_favg: {learning_rate: 0.1, batch_size: 4, tau: [3, 2, 5]}", 30),
        ([2, 2], "qhetfed: {learning_rate: 0.1, batch_size: 4, tau: [1, 5], gamma: 4, levels: [4, 4]}", 8),
    ],
)
def test_local_steps_are_cumulative_steps_per_device(
    fanout: list[int], algorithm: str, per_round: int
) -> None:
    """qhetfed: 4 rounds of one gradient and a last one of gamma steps."""
    rows = execute(scenario(fanout, algorithm), engine="timing").trace.rounds
    assert [row["local_steps"] for row in rows] == [0, per_round, 2 * per_round, 3 * per_round]
