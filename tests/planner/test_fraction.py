"""The planned fraction of devices: its selection and its variance against simulations."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from netsim.bounds.from_scenario import PlanError
from netsim.build import build_task
from netsim.planner.planner import Options
from netsim.scenario import Scenario, grow, load_text, resolved
from netsim.selection.selections import AllChildren, Uniform
from netsim.simulation.run import execute
from tests.planner.sample_scenarios import FADING, LINE, TRUNK, planned, scene
from tests.simulation.runs import final

SEEDS, RATE, STEPS, DEVICES = 250, 0.1, 3, 8
TEXT = """
name: quadratic
task: {{dataset: {{synthetic: {{dim: 12, samples: 4, noise: 0.0, heterogeneity: 1.0, edge_heterogeneity: 0.0}}}}}}
topology: {{fanout: [1, 8]}}
devices: {{compute: {{constant: 1 ms}}}}
algorithm:
  leaf: {{learning_rate: 0.1, batch_size: 1}}
  layers: [{{tau: 3, up: {up}, rule: mean}}, {{tau: 1, up: none, rule: mean}}]
network: [{{delay: {{uplink: 1 s}}}}, {{delay: {{uplink: 1 s}}}}]
selection: [{selection}, all]
precision: float64
stop: {{rounds: 1}}
"""


def updates(scenario: Scenario) -> NDArray[np.float64]:
    """The exact update of each device in closed form, [devices, d]."""
    task = build_task(scenario, grow(scenario))
    start, centres, curvatures = task.initial(scenario.seed), task.centres, task.curvatures  # type: ignore[attr-defined]
    factor = (1.0 - RATE * curvatures) ** STEPS - 1.0
    return np.asarray(factor * (start - centres), dtype=np.float64)


def errors(up: str, selection: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Errors of the model relative to the mean of all exact updates [seeds, d], and these updates [seeds, devices, d]."""
    deviation, exact = [], []
    base = load_text(TEXT.format(up=up, selection=selection))
    for seed in range(SEEDS):
        scenario = base.model_copy(update={"seed": seed})
        exact.append(updates(scenario))
        deviation.append(final(scenario) - 1.0 / np.sqrt(12) - exact[-1].mean(axis=0))
    return np.array(deviation), np.array(exact)


@pytest.mark.parametrize(
    ("up", "q", "pi"),
    [("none", 0.0, 0.25), ("{rand_k: {fraction: 0.5, unbiased: true}}", 1.0, 0.5)],
)
def test_oracle_a_bernoulli_selection_has_the_variance_of_the_bound(up: str, q: float, pi: float) -> None:
    """q' = (1 + q) / pi - 1, with equality for rand_k: theory, "Device selection"."""
    deviation, exact = errors(up, f"{{uniform: {{fraction: {pi}, weights: unbiased, law: bernoulli}}}}")
    ratio = (deviation**2).sum(axis=1) / ((exact**2).sum(axis=(1, 2)) / DEVICES**2)
    error = ratio.std(ddof=1) / np.sqrt(SEEDS)
    assert error < 0.25
    assert abs(ratio.mean() - ((1 + q) / pi - 1)) < 4 * error
    bias = deviation.mean(axis=0) / (deviation.std(axis=0, ddof=1) / np.sqrt(SEEDS))
    assert np.abs(bias).max() < 4


def test_oracle_a_fixed_sample_size_has_less_variance() -> None:
    """Of m of K equal shares: (1/pi - 1) (sum w^2 |X|^2 - |mean X|^2 / K) K / (K - 1), for a simple random sample."""
    deviation, exact = errors("none", "{uniform: {count: 2, weights: unbiased}}")
    squares = (exact**2).sum(axis=(1, 2)) / DEVICES**2
    means = (exact.mean(axis=1) ** 2).sum(axis=1)
    expected = 3.0 * (squares - means / DEVICES) * DEVICES / (DEVICES - 1)
    ratio = (deviation**2).sum(axis=1) / expected
    assert abs(ratio.mean() - 1.0) < 4 * ratio.std(ddof=1) / np.sqrt(SEEDS)
    assert expected.mean() < 3.0 * squares.mean()


def test_a_plan_with_a_fraction_applies_a_selection() -> None:
    cell = "{cell: {preset: urban_micro, uplink: 100 kHz, downlink: 50 MHz}}"
    narrow = scene(links=(cell, TRUNK, LINE))
    plans = planned(narrow, Options(mode="joint-1", fraction=True)).plans
    plan = next(plan for plan in plans if plan.fraction < 1)
    applied = load_text(resolved(plan.apply(narrow)))
    sample = applied.selection[0]
    assert isinstance(sample, Uniform)
    assert (sample.fraction, sample.weights, sample.law) == (plan.fraction, "unbiased", "bernoulli")
    assert applied.selection[1:] == (AllChildren(), AllChildren())
    run = execute(
        applied.model_copy(update={"stop": applied.stop.model_copy(update={"rounds": 3})}), device="cpu"
    )
    sent = sum(m["layer"] == 1 and m["direction"] == "up" for m in run.trace.messages)
    possible = 3 * plan.tau[1] * plan.tau[2] * 12
    assert abs(sent - plan.fraction * possible) < 4 * np.sqrt(possible * plan.fraction * (1 - plan.fraction))


def test_a_fraction_requires_waiting_for_all_selected_devices() -> None:
    with pytest.raises(PlanError, match="use wait: all in layer 1"):
        planned(scene(more="wait: [{first: 1}, all, all]"), Options(mode="joint-1", fraction=True))


def test_a_selection_outside_the_bounds_gives_a_note() -> None:
    notes = planned(scene(more="selection: [{speed: 0.5}, all, all]"), Options(mode="joint-1")).notes
    assert any("does not cover the scenario's selection" in note for note in notes)


def test_a_fraction_and_a_selection_exclude_each_other() -> None:
    with pytest.raises(PlanError, match="--fraction chooses a selection, and the scenario has one"):
        planned(scene(more="selection: [{speed: 0.5}, all, all]"), Options(mode="joint-1", fraction=True))


def test_timing_includes_selection_and_association() -> None:
    sections = (
        "association: class_balance\nselection: [{power_of_choice: {count: 1, candidates: 2}}, all, all]"
    )
    plain, with_selection = (scene(links=(FADING, TRUNK, LINE), more=text) for text in ("", sections))
    plain_plans, selected_plans = (
        planned(base, Options(mode="joint-1", quick=True)) for base in (plain, with_selection)
    )
    assert selected_plans.plans != plain_plans.plans
    assert len(selected_plans.notes) == len(plain_plans.notes) + 2
