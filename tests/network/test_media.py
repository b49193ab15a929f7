"""Shared media: virtual time against closed forms, queueing theory and a brute-force simulator."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pytest
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from netsim.network.media import DedicatedMedium, Medium, SharedMedium

Flow = tuple[float, float, float]  # arrival s, work s, weight
Capped = tuple[float, float, float, float]  # ... and the largest fraction of the medium


def finishes(
    flows: Sequence[Flow | Capped], kind: Callable[[simpy.Environment], Medium] = SharedMedium
) -> list[float]:
    """The finish time of each flow in a simulation."""
    env = simpy.Environment()
    medium, done = kind(env), [math.nan] * len(flows)

    def note(k: int, _: simpy.Event) -> None:
        done[k] = env.now

    def begin(k: int, arguments: Sequence[float], _: simpy.Event) -> None:
        medium.serve(*arguments).callbacks.append(partial(note, k))

    for k, (at_s, *arguments) in enumerate(flows):
        env.timeout(at_s).callbacks.append(partial(begin, k, arguments))
    env.run()
    return done


def filled(flows: Sequence[Sequence[float]], active: set[int]) -> dict[int, float]:
    """Progressive filling: flows that would exceed their cap run at it, the others share the rest."""
    rates, free, room = dict[int, float](), set(active), 1.0
    while free:
        level = room / sum(flows[k][2] for k in free)
        over = [k for k in free if flows[k][3:] and flows[k][3] < level * flows[k][2]]
        if not over:
            return rates | {k: level * flows[k][2] for k in free}
        for k in over:
            rates[k] = flows[k][3]
            room -= flows[k][3]
            free.remove(k)
    return rates


def brute_force(flows: Sequence[Flow | Capped]) -> list[float]:
    """The same by recomputing all rates at every event, O(n^2) each."""
    left = [flow[1] for flow in flows]
    done, active, now = [math.nan] * len(flows), set[int](), 0.0
    waiting = sorted(range(len(flows)), key=lambda k: flows[k][0])
    while waiting or active:
        rates = filled(flows, active)
        ends = {k: now + left[k] / rates[k] for k in active}
        first_s = min(ends.values(), default=math.inf)
        next_s = min(first_s, flows[waiting[0]][0] if waiting else math.inf)
        for k in active:
            left[k] -= (next_s - now) * rates[k]
        for k in [k for k in active if ends[k] <= next_s]:
            done[k] = next_s
            active.remove(k)
        while waiting and flows[waiting[0]][0] <= next_s:
            active.add(waiting.pop(0))
        now = next_s
    return done


def test_oracle_Q5_a_batch_finishes_at_the_closed_form_times() -> None:
    capacity_bps, sizes = 10.0, [3, 1, 5, 2, 4]
    done = finishes([(0.0, size / capacity_bps, 1.0) for size in sizes])
    assert sorted(done) == pytest.approx([0.5, 0.9, 1.2, 1.4, 1.5], rel=1e-12)
    assert [done[sizes.index(s)] for s in (1, 5)] == pytest.approx([0.5, 1.5], rel=1e-12)


def test_oracle_Q6_equal_sizes_finish_together_at_the_makespan() -> None:
    assert finishes([(0.0, 0.3, 1.0)] * 7) == pytest.approx([2.1] * 7, rel=1e-12)


def test_oracle_closed_form_batch_with_weights() -> None:
    assert finishes([(0.0, 1.0, 3.0), (0.0, 1.0, 1.0)]) == pytest.approx([4 / 3, 2.0], rel=1e-12)


@pytest.mark.parametrize("law", ["deterministic", "exponential", "uniform", "hyperexponential"])
def test_oracle_Q4_mean_sojourn_of_mg1_ps_is_insensitive(law: str) -> None:
    rng, n, rho = np.random.Generator(np.random.Philox(key=2)), 60_000, 0.7
    sizes = {
        "deterministic": np.ones(n),
        "exponential": rng.exponential(1.0, n),
        "uniform": rng.uniform(0.0, 2.0, n),
        "hyperexponential": rng.exponential(np.where(rng.random(n) < 0.5, 0.2, 1.8)),
    }[law]
    arrivals = np.cumsum(rng.exponential(1 / rho, n))
    done = finishes(list(zip(arrivals.tolist(), sizes.tolist(), [1.0] * n, strict=True)))
    batches = (np.array(done) - arrivals)[n // 10 :].reshape(30, -1).mean(axis=1)
    error = batches.std(ddof=1) / math.sqrt(30)
    assert error < 0.15
    assert abs(batches.mean() - 1 / (1 - rho)) < 4 * error


@given(
    st.lists(
        st.tuples(st.floats(0, 20), st.floats(1e-3, 5), st.sampled_from([0.01, 0.5, 1.0, 3.0, 100.0])),
        min_size=1,
        max_size=25,
    )
)
@settings(max_examples=150, deadline=None)
def test_oracle_virtual_time_equals_brute_force(flows: list[Flow]) -> None:
    assert finishes(flows) == pytest.approx(brute_force(flows), rel=1e-9)


CAPPED = st.tuples(
    st.floats(0, 20),
    st.floats(1e-3, 5),
    st.sampled_from([0.5, 1.0, 3.0]),
    st.sampled_from([0.02, 0.1, 0.25, 0.5, 0.9, 1.0]),
)


@given(st.lists(CAPPED, min_size=1, max_size=25))
@settings(max_examples=200, deadline=None)
def test_oracle_water_filling_equals_progressive_filling(flows: list[Capped]) -> None:
    assert finishes(flows) == pytest.approx(brute_force(flows), rel=1e-9)


def test_oracle_water_filling_equals_progressive_filling_in_one_long_busy_period() -> None:
    rng = np.random.Generator(np.random.Philox(key=6))
    columns = (
        rng.uniform(0, 400, 500),
        rng.exponential(1, 500),
        rng.uniform(0.1, 3, 500),
        rng.uniform(0.01, 1, 500),
    )
    flows = [(float(a), float(b), float(c), float(d)) for a, b, c, d in zip(*columns, strict=True)]
    assert finishes(flows) == pytest.approx(brute_force(flows), rel=1e-9)


def test_oracle_M1_the_others_share_what_a_capped_flow_does_not_use() -> None:
    flows = [(0.0, 8.0, 1.0, 1.0), (0.0, 2.0, 1.0, 0.2)]  # rates 0.8 and 0.2 of the medium: both 10 s
    assert finishes(flows) == pytest.approx([10.0, 10.0], rel=1e-12)


def test_a_cap_limits_a_flow_without_contention() -> None:
    assert finishes([(0.0, 1.0, 1.0, 0.25)]) == finishes([(0.0, 1.0, 1.0, 0.25)], DedicatedMedium) == [4.0]


def test_a_cap_that_never_binds_has_no_effect() -> None:
    flows = [(0.0, 1.0, 1.0), (0.5, 1.0, 2.0), (0.7, 0.1, 1.0)]
    assert finishes([(*flow, 1.0) for flow in flows]) == finishes(flows)


@pytest.mark.parametrize("kind", [SharedMedium, DedicatedMedium])
@pytest.mark.parametrize("cap", [0.0, -0.5, 1.5, math.nan])
def test_an_invalid_cap_is_rejected(kind: Callable[[simpy.Environment], Medium], cap: float) -> None:
    with pytest.raises(ValueError, match=r"cap must be in \(0, 1\] of the medium"):
        kind(simpy.Environment()).serve(1.0, 1.0, cap)


@pytest.mark.parametrize("kind", [SharedMedium, DedicatedMedium])
def test_oracle_Q7_littles_law_holds_for_every_discipline(
    kind: Callable[[simpy.Environment], Medium],
) -> None:
    rng, n = np.random.Generator(np.random.Philox(key=9)), 2000
    arrivals = np.cumsum(rng.exponential(1 / 0.8, n))
    sizes, caps = rng.exponential(1.0, n), rng.uniform(0.3, 1.0, n)
    flows = [(float(a), float(s), 1.0, float(c)) for a, s, c in zip(arrivals, sizes, caps, strict=True)]
    done = np.array(finishes(flows, kind))
    changes = sorted([(t, 1) for t in arrivals] + [(t, -1) for t in done])
    times, steps = (np.array(column) for column in zip(*changes, strict=True))
    present = np.cumsum(steps)[:-1]
    area = float((present * np.diff(times)).sum())  # L x horizon
    assert present.min() >= 0
    assert area == pytest.approx(float((done - arrivals).sum()), rel=1e-9)
    assert (kind is DedicatedMedium) == np.allclose(done - arrivals, sizes / caps)


def test_oracle_virtual_time_equals_brute_force_in_one_long_busy_period() -> None:
    rng = np.random.Generator(np.random.Philox(key=5))
    flows = list(
        zip(rng.uniform(0, 900, 1000), rng.exponential(1, 1000), rng.uniform(0.1, 3, 1000), strict=True)
    )
    assert finishes(flows) == pytest.approx(brute_force(flows), rel=1e-9)


@given(st.lists(st.tuples(st.floats(0, 20), st.floats(0, 5), st.just(1.0)), min_size=1, max_size=20))
@settings(max_examples=50, deadline=None)
def test_oracle_Q9_busy_time_equals_the_total_work(flows: list[Flow]) -> None:
    env = simpy.Environment()
    medium = SharedMedium(env)

    def begin(work_s: float, _: simpy.Event) -> None:
        medium.serve(work_s)

    for at_s, work_s, _ in flows:
        env.timeout(at_s).callbacks.append(partial(begin, work_s))
    env.run()
    free_s = busy_s = 0.0  # the work-conserving recursion, whatever the discipline
    for at_s, work_s, _ in sorted(flows):
        free_s = max(free_s, at_s) + work_s
        busy_s += work_s
    assert medium.busy_s == pytest.approx(busy_s, rel=1e-9, abs=1e-12)
    assert env.now == pytest.approx(max(free_s, max(at for at, *_ in flows)), rel=1e-9)


def test_busy_time_includes_the_transfer_in_service() -> None:
    env = simpy.Environment()
    medium = SharedMedium(env)
    medium.serve(5.0)
    env.run(until=2.0)
    assert medium.busy_s == 2.0


def test_ties_fire_in_order_of_arrival() -> None:
    env, log = simpy.Environment(), list[int]()
    medium = SharedMedium(env)

    def note(k: int, _: simpy.Event) -> None:
        log.append(k)

    for k, (work_s, weight) in enumerate([(3.0, 3.0), (1.0, 1.0), (0.3, 0.3), (0.1, 0.1)]):
        medium.serve(work_s, weight).callbacks.append(partial(note, k))
    env.run()
    assert log == [0, 1, 2, 3]


def test_zero_work_is_served_immediately() -> None:
    assert finishes([(0.0, 1.0, 1.0), (0.5, 0.0, 1.0)]) == [1.0, 0.5]


def test_a_tiny_remaining_work_at_a_late_time_does_not_stop_the_clock() -> None:
    flows = [(1e9 + k * 1e-7, 1e-9 * (k + 1), 1.0) for k in range(50)]
    assert finishes(flows) == pytest.approx(brute_force(flows), abs=1e-6)


def test_rounding_errors_are_reset_after_a_busy_period() -> None:
    done = finishes([(0.0, 1.0, 1e-9), (2.0, 1e-9, 1.0)])
    assert done[1] - 2.0 == pytest.approx(1e-9, rel=1e-5)


def test_a_dedicated_medium_has_no_contention() -> None:
    assert finishes([(0.0, 2.0, 1.0), (1.0, 2.0, 5.0)], DedicatedMedium) == [2.0, 3.0]


@pytest.mark.parametrize("kind", [DedicatedMedium, SharedMedium])
@pytest.mark.parametrize(
    ("work_s", "weight"),
    [(-1.0, 1.0), (math.nan, 1.0), (math.inf, 1.0), (1.0, 0.0), (1.0, math.nan), (1.0, math.inf)],
)
def test_invalid_work_and_weights_are_rejected(
    kind: Callable[[simpy.Environment], Medium], work_s: float, weight: float
) -> None:
    with pytest.raises(ValueError, match="must be finite and"):
        kind(simpy.Environment()).serve(work_s, weight)


def test_sharing_costs_at_most_three_events_per_flow() -> None:
    env, steps = simpy.Environment(), 0
    medium = SharedMedium(env)
    for k in range(10_000):
        medium.serve(1.0 + (k * 7919 % 10_007) / 10_007)
    while env.peek() < float("inf"):
        env.step()
        steps += 1
    assert steps <= 3 * 10_000
