"""Predicted times, bits and energy against the simulator."""

from __future__ import annotations

import numpy as np
import pytest

from netsim.bounds.from_scenario import plan_context
from netsim.planner.closed_form_timing import Group, last_upload
from netsim.planner.cost_model import ClockSampling, cost_model
from netsim.planner.planner import Options
from netsim.planner.timed_rounds import CostLaw, design, fit, time_scenario
from netsim.scenario import Scenario
from netsim.simulation.run import execute

from .sample_scenarios import CELL, FADING, LINE, TRUNK, planned, scene

QUANTIZED_DOWN = (
    "qmlhfl: {learning_rate: 0.05, batch_size: 8, tau: [3, 2, 2], levels: [4, 8, 16], bucket: 64, "
    "down: {qsgd: {levels: 15, bucket: 64}}}"
)
DELAY = "{delay: {uplink: 33 ms}}"
FDMA, TDMA, WIFI = (CELL.replace("uplink:", f"access: {a}, uplink:") for a in ("fdma", "tdma", "wifi"))
UNICAST = CELL.replace("uplink:", "downcast: unicast, uplink:")
SLOW_SERVERS = "servers: {aggregation: 5 ms}"
NETWORKS = {
    "cells and trunks": (CELL, TRUNK, LINE),
    "private lines": (LINE, LINE, LINE),
    "constant delays": (DELAY, DELAY, DELAY),
    "fdma": (FDMA, TRUNK, TRUNK),
    "tdma": (TDMA, TRUNK, TRUNK),
    "wifi": (WIFI, TRUNK, LINE),
    "unicast": (UNICAST, TRUNK, LINE),
}


def predicted(scenario: Scenario, tau: tuple[int, ...]) -> tuple[float, float]:
    setting = plan_context(scenario)
    price = cost_model(
        setting, setting.sizes(setting.uplinks(False)), ClockSampling(), energy=False, bits=False
    )
    assert price.exact
    amounts = price.rounds(
        np.array(tau, dtype=float)[:, None], np.zeros((len(tau), 1), dtype=int), np.ones(1)
    )
    return float(amounts.first[0, 0]), float(amounts.later[0, 0])


def simulated(scenario: Scenario, tau: tuple[int, ...], rounds: int = 3) -> tuple[float, ...]:
    setting = plan_context(scenario)
    sizes = setting.sizes(setting.uplinks(False))
    return time_scenario(
        scenario, tau, [row[0] for row in sizes.up], sizes.down, rounds, scenario.seed
    ).ends_s


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("tau", [(1, 1, 1), (3, 2, 2), (40, 1, 3)])
def test_predicted_time_equals_simulated_time_on_constant_links(name: str, tau: tuple[int, ...]) -> None:
    scenario = scene(links=NETWORKS[name], more=SLOW_SERVERS if "cells" in name else "")
    first, later = predicted(scenario, tau)
    ends = simulated(scenario, tau)
    assert ends == pytest.approx([first, first + later, first + 2 * later], rel=1e-9)


def test_the_first_downlink_transmits_the_uncompressed_model() -> None:
    scenario = scene(algorithm=QUANTIZED_DOWN)
    first, later = predicted(scenario, (2, 2, 2))
    assert first > later
    assert simulated(scenario, (2, 2, 2)) == pytest.approx(
        [first, first + later, first + 2 * later], rel=1e-9
    )


def test_a_timed_run_equals_the_run_of_the_scenario() -> None:
    """Message sizes determine the timing: equal events, equal times."""
    scenario = scene(algorithm=QUANTIZED_DOWN)
    run = execute(scenario, engine="timing")
    ends = simulated(scenario, scenario.layered_algorithm.taus, len(run.trace.rounds) - 1)
    assert ends == tuple(row["sim_time_s"] for row in run.trace.rounds[1:])


def group(latency_s: list[float], cap: list[float]) -> Group:
    none = np.zeros((1, 1, 2))
    return Group(np.zeros(1, int), np.arange(2)[None], True, np.array([latency_s]), np.array([cap]), none)


def test_the_last_upload_of_a_shared_medium() -> None:
    """Ready at 0 and 1 with 3 and 1 seconds of work: busy until 4 in either order; with a gap, until the later upload ends."""
    ready, work = np.array([[[0.0], [1.0]]]), np.array([[[3.0], [1.0]]])
    assert last_upload(ready, work, group([0, 0], [1, 1]))[0, 0] == 4
    assert last_upload(ready + np.array([[[0.0], [9.0]]]), work, group([0, 0], [1, 1]))[0, 0] == 11
    assert last_upload(ready, work, group([0, 0], [1, 0.1]))[0, 0] == 11


@pytest.mark.parametrize("more", ["", "energy: {compute: {active_power: 2 W}}"])
def test_predicted_bits_equal_those_of_the_run(more: str) -> None:
    plan = planned(scene(algorithm=QUANTIZED_DOWN, more=more)).plans[0]
    totals = execute(plan.apply(scene(algorithm=QUANTIZED_DOWN, more=more)), engine="timing").trace.totals
    assert plan.predicted_bits == sum(totals["bits_up"]) + sum(totals["bits_down"])


def test_predicted_energy_equals_that_of_the_run() -> None:
    """The energy is linear in K, r_n and the length of a round: exact on constant links."""
    scenario = scene(more="energy: {compute: {active_power: 2 W}}")
    plan = planned(scenario).plans[0]
    rows = execute(plan.apply(scenario), engine="timing").trace.rounds
    assert plan.predicted_energy_j == pytest.approx(rows[plan.rounds]["energy_j"], rel=1e-6)


def test_an_energy_budget_is_kept() -> None:
    scenario = scene(more="energy: {compute: {active_power: 2 W}}")
    unlimited = planned(scenario).plans[0]
    assert unlimited.predicted_energy_j is not None
    plan = planned(scenario, energy_j=unlimited.predicted_energy_j / 3).plans[0]
    run = execute(plan.apply(scenario), engine="timing").trace.rounds[-1]
    assert run["energy_j"] <= unlimited.predicted_energy_j / 3 * (1 + 1e-6)
    assert plan.value > unlimited.value


def test_a_bits_budget_is_kept() -> None:
    unlimited = planned(scene()).plans[0]
    plan = planned(scene(), bits=unlimited.predicted_bits / 4).plans[0]
    totals = execute(plan.apply(scene()), engine="timing").trace.totals
    assert sum(totals["bits_up"]) + sum(totals["bits_down"]) <= unlimited.predicted_bits / 4


def test_rounds_with_random_times_are_simulated() -> None:
    """Fading and jitter: the predicted time uses the random numbers of the scenario."""
    scenario = scene(links=(FADING, TRUNK, LINE), jitter=", jitter: {lognormal: 0.3}")
    result = planned(scenario, deadline_s=5.0)
    assert result.cost_model.random
    plan = result.plans[0]
    end = execute(plan.apply(scenario), engine="timing").trace.rounds[-1]
    assert plan.predicted_time_s == pytest.approx(end["sim_time_s"], rel=0.05)


def test_a_higher_quantile_of_random_times_gives_a_larger_bound() -> None:
    scenario = scene(fanout="[1, 1, 2]", links=(FADING, TRUNK, LINE), jitter=", jitter: {lognormal: 0.8}")
    low_quantile, high_quantile = (
        planned(scenario, Options(quick=True, clocking=ClockSampling(4, quantile)), deadline_s=1.0).plans[0]
        for quantile in (0.05, 0.95)
    )
    assert high_quantile.value > low_quantile.value


def test_fitting_recovers_a_linear_cost_law() -> None:
    taus = design(3)
    law = CostLaw(0.5, np.array([2.0, 0.3, 1.0]), np.array([0.01, 0.0, 0.02]), 0.0, 0.0)
    taus = taus * 2
    up = np.array([[10.0, 20.0, 30.0]] * (len(taus) // 2) + [[40.0, 5.0, 60.0]] * (len(taus) // 2)).T
    amounts = law.amount(np.array(taus, dtype=float).T, up)
    result = fit(taus, up, amounts, 0.0, by_bits=True)
    other_tau = np.array([[7.0], [3.0], [2.0]])
    assert result.amount(other_tau, np.full((3, 1), 25.0)) == pytest.approx(
        law.amount(other_tau, np.full((3, 1), 25.0)), rel=1e-6
    )
    assert result.spread < 1e-9
