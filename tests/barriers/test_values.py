"""Aggregated values with barriers, against a NumPy implementation with a heap of arrivals and no event loop."""

from __future__ import annotations

import heapq
from collections.abc import Callable

import numpy as np
import pytest

from learning.rng.keyed import row_key, words
from netsim.build import build_task
from netsim.scenario import grow
from netsim.simulation.run import execute
from tests.simulation.test_qmlhfl_reference import Vector, gradient, local_data

from .sample_scenarios import final_model, round_ends_s, star_scenario

LATE, RATE, BATCH, SEED = [0.0, 0.25, 1.5, 3.0], 0.2, 8, 3
Factor = Callable[[int], float]


def step(w: Vector, data: tuple[Vector, Vector], device: int, turn: int) -> Vector:
    """One SGD step of a device for aggregation `turn` (0, 1, ...)."""
    keys = np.array([row_key(SEED, "minibatch", device, turn)], dtype=np.uint64)
    pick = (words(keys, BATCH)[0].astype(np.uint64) * np.uint64(len(data[1]))) >> np.uint64(32)
    return w - RATE * gradient(w, data[0][pick.astype(int)], data[1][pick.astype(int)])


def carried(
    scenario,
    rounds: int,
    opens: Callable[[float, list[float]], float],
    factor: Factor,
    mix: float | None,
    late=LATE,
):  # type: ignore[no-untyped-def]
    """Rounds in which late answers count on arrival; `opens(start, arrivals)` is the opening time of the barrier."""
    task = build_task(scenario, grow(scenario))
    data = [local_data(task, k) for k in range(len(late))]
    shares = np.array([len(y) for _, y in data]) / sum(len(y) for _, y in data)
    w, now, work, ends = np.asarray(task.initial(SEED)), 0.0, [], [0.0]
    for turn in range(rounds):
        for k in set(range(len(late))) - {entry[1] for entry in work}:
            heapq.heappush(work, (now + 2 + 2 * late[k], k, turn, w.copy()))
        now = opens(now, sorted(entry[0] for entry in work))
        in_time = sorted((e for e in work if e[0] <= now), key=lambda e: e[1])
        work = [e for e in work if e[0] > now]
        heapq.heapify(work)
        whole = sum(shares[k] for _, k, _, _ in in_time)
        moved = np.zeros_like(w)
        for _, k, start, received in in_time:
            new, age = step(received, data[k], k, start), turn - start
            if mix:
                w = w + mix * factor(age) * (new - w)
            else:
                moved += shares[k] / whole * factor(age) * (new - received)
        w = w + moved
        ends.append(now)
    return w, ends


def nth(n: int) -> Callable[[float, list[float]], float]:
    return lambda now, arrivals: arrivals[n - 1]


CASES = {
    "{first: {count: 2, late: carry}}": (nth(2), lambda age: 1.0, None),
    "{first: {count: 2, late: carry, staleness: polynomial}}": (nth(2), lambda age: (1 + age) ** -0.5, None),
    "{fraction: {of: 0.75, late: carry}}": (nth(3), lambda age: 1.0, None),
    "{deadline: {after: 3 s, late: carry}}": (
        lambda now, arrivals: min(now + 3, arrivals[-1]), lambda age: 1.0, None,
    ),
    "{semi_synchronous: {period: 3 s, staleness: polynomial}}": (
        lambda now, arrivals: now + 3, lambda age: (1 + age) ** -0.5, None,
    ),
    "{buffer: {size: 1}}": (nth(1), lambda age: (1 + age) ** -0.5, None),
    "{buffer: {size: 2, staleness: {hinge: {slope: 2, grace: 1}}}}": (
        nth(2), lambda age: 1.0 if age <= 1 else 1 / (2 * (age - 1) + 1), None,
    ),
    "{asynchronous: {mix: 0.5}}": (nth(1), lambda age: (1 + age) ** -0.5, 0.5),
}  # fmt: skip


def test_simultaneous_answers_are_mixed_in_one_after_the_other() -> None:
    wait = "{asynchronous: {mix: 0.5}}"
    scenario = star_scenario([1.0, 1.0, 1.0], wait, rounds=3, precision="float64")
    w, ends = carried(scenario, 3, *CASES[wait], late=[1.0, 1.0, 1.0])
    run = execute(scenario, device="cpu")
    assert round_ends_s(run) == ends == [0, 4, 8, 12]
    assert np.abs(final_model(run) - w).max() < 1e-12


@pytest.mark.parametrize("wait", CASES)
@pytest.mark.parametrize("engine", ["batched", "eager"])
def test_late_answers_are_aggregated_in_the_order_of_a_heap_of_arrivals(wait: str, engine: str) -> None:
    scenario = star_scenario(LATE, wait, rounds=9, precision="float64")
    run = execute(scenario, engine=engine, device="cpu")  # type: ignore[arg-type]
    w, ends = carried(scenario, 9, *CASES[wait])
    assert round_ends_s(run) == ends
    assert np.abs(final_model(run) - w).max() < 1e-12


def test_dropped_answers_do_not_change_the_relative_weights_of_the_others() -> None:
    scenario = star_scenario(LATE, "{first: {count: 2}}", rounds=3, precision="float64")
    task = build_task(scenario, grow(scenario))
    data = [local_data(task, k) for k in range(2)]
    w, sizes = np.asarray(task.initial(SEED)), [len(y) for _, y in data]
    for turn in range(3):
        w = sum(n * step(w, d, k, turn) for k, (n, d) in enumerate(zip(sizes, data, strict=True))) / sum(
            sizes
        )
    assert np.abs(final_model(execute(scenario, device="cpu")) - w).max() < 1e-12


def test_waiting_for_the_number_of_children_equals_waiting_for_all() -> None:
    whole = final_model(execute(star_scenario(LATE, "all"), device="cpu"))
    for wait in (
        "{first: {count: 4}}",
        "{deadline: {after: 100 s}}",
        "{buffer: {size: 4}}",
        "{fraction: {of: 1}}",
    ):
        assert np.array_equal(final_model(execute(star_scenario(LATE, wait), device="cpu")), whole)


def test_a_deadline_without_answers_keeps_the_model_and_counts_the_round() -> None:
    run = execute(star_scenario(LATE, "{deadline: {after: 500 ms}}", rounds=3), device="cpu")
    assert round_ends_s(run) == [0, 0.5, 1, 1.5]
    assert len({row["loss"] for row in run.trace.rounds}) == 1


def test_an_answer_that_arrives_at_the_deadline_is_aggregated() -> None:
    models = [
        final_model(execute(star_scenario(LATE, wait, rounds=2), device="cpu"))
        for wait in ("{deadline: {after: 2500 ms}}", "{first: {count: 2}}", "{first: {count: 1}}")
    ]
    assert np.array_equal(models[0], models[1])
    assert not np.array_equal(models[0], models[2])


def test_unbiased_weights_of_all_children_do_not_change_with_losses() -> None:
    lossy = "[{wired: {rate: 1 Mbit/s, loss: {erasure: {probability: 0.4}}}}]"
    chosen = "[{uniform: {fraction: 1.0, weights: unbiased}}]"
    one, other = (
        execute(
            star_scenario(LATE, "all", rounds=6, network=lossy, precision="float64", **more), device="cpu"
        )
        for more in ({}, {"selection": chosen})
    )
    assert one.trace.totals["lost_up"][0] > 3
    assert np.abs(final_model(one) - final_model(other)).max() < 1e-12
