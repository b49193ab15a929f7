"""tau_1 in epochs: the steps of each device follow its own number of samples in times, energies, tables and corrections."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from learning.aggregation.rules import Mean
from learning.algorithms.algorithm import Algorithm
from learning.algorithms.layer import Layer, Leaf
from learning.compressors import Plain
from learning.engine import Engine
from learning.optimizers import Local
from learning.store.ledger import Ledger
from netsim.bounds.from_scenario import PlanError
from netsim.planner.planner import Limits, plan
from netsim.protocol.corrections import Corrections
from netsim.scenario import Scenario
from netsim.simulation.run import execute, simulate

from .runs import scenario, weights
from .test_ledger import tables_equal
from .test_resume import resumed, run_until_killed

JOULES = "{compute: {kappa: 1e-28}}"
CYCLES = "{compute: {cycles: {rate: 1 GHz, cycles_per_sample: 1e6}}}"


def run_of(tau: int, unit: str, partition: str = "iid", **more: Any) -> Scenario:
    """Two edge servers with three devices each, two edge aggregations per round; 1438 samples in total."""
    local = f"{{unit: {unit}, momentum: 0.5, schedule: {{inverse: {{half: 40}}}}}}"
    algorithm = f"hier_favg: {{learning_rate: 0.1, batch_size: 16, tau: [{tau}, 2], local: {local}}}"
    task = f"{{dataset: digits, partition: {partition}, model: logistic}}"
    return scenario([2, 3], algorithm, **{"task": task, "rounds": 2, "devices": CYCLES} | more)


def test_epochs_equal_the_corresponding_number_of_steps() -> None:
    """239 or 240 samples each, batches of 16: 15 steps."""
    epochs, steps = (execute(run_of(*period), device="cpu") for period in ((2, "epochs"), (30, "steps")))
    assert np.array_equal(weights(epochs), weights(steps))
    assert epochs.trace.rounds == steps.trace.rounds
    assert epochs.trace.rounds[-1]["local_steps"] == 120


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[int, int, int]]]:
    """(device, steps, first step) of every local training from now on."""
    recorded: list[tuple[int, int, int]] = []
    train = Engine.train

    def spy(self, leaf, device, model, steps, iteration, *rest):  # type: ignore[no-untyped-def]
        recorded.append((device, steps, iteration.first_step))
        return train(self, leaf, device, model, steps, iteration, *rest)

    monkeypatch.setattr(Engine, "train", spy)
    return recorded


DIRICHLET = "{dirichlet: {alpha: 0.5}}"


def test_each_device_makes_the_steps_of_its_own_epochs(trainings: list[tuple[int, int, int]]) -> None:
    run = execute(run_of(2, "epochs", DIRICHLET), engine="timing")
    epoch_steps = [-(-count // 16) for count in run.task.samples]
    assert len(set(epoch_steps)) > 3
    assert sorted(trainings) == sorted(
        (device, 2 * steps, 2 * steps * iteration)
        for device, steps in enumerate(epoch_steps)
        for iteration in range(4)
    )
    assert run.trace.rounds[-1]["local_steps"] == 8 * sum(epoch_steps) / 6


def test_computing_time_and_energy_follow_the_steps_of_each_device() -> None:
    """1e6 cycles per sample at 1 GHz: 16 ms per step; a joule per 1e10 cycles at kappa 1e-28."""
    result = simulate(run_of(2, "epochs", DIRICHLET, energy=JOULES), engine="timing")
    samples = execute(run_of(2, "epochs", DIRICHLET), engine="timing").task.samples
    devices = result.nodes[(result.nodes["level"] == 0) & (result.nodes["round"] == 1)]
    steps = np.array([4 * -(-count // 16) for count in samples])
    assert devices["compute_s"].to_numpy() == pytest.approx(0.016 * steps)
    assert devices["energy_compute_j"].to_numpy() == pytest.approx(1.6e-3 * steps)


def test_both_engines_agree_for_unequal_epochs() -> None:
    scene = run_of(1, "epochs", DIRICHLET, precision="float64")
    batched = execute(scene, device="cpu")
    assert np.allclose(
        weights(execute(scene, device="cpu", engine="eager")), weights(batched), rtol=0, atol=1e-11
    )


def test_a_run_in_epochs_resumes_to_equal_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = run_of(1, "epochs", DIRICHLET, rounds=4)
    uninterrupted = simulate(scene, device="cpu")
    run_until_killed(2, scene, Ledger(tmp_path), monkeypatch)
    tables_equal(resumed(scene, tmp_path), uninterrupted)


def test_a_correction_is_divided_by_the_steps_of_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    rates: dict[str, float] = {}
    monkeypatch.setattr(
        Corrections, "record_end", lambda _, node, __, rate: rates.setdefault(node.name, rate)
    )
    leaf = "leaf: {learning_rate: 0.1, batch_size: 16, local: {unit: epochs}}"
    task = f"{{dataset: digits, partition: {DIRICHLET}, model: logistic}}"
    layers = "[{tau: 3, up: none, rule: mean, drift: true}]"
    run = execute(scenario([5], f"{{{leaf}, layers: {layers}}}", task=task), engine="timing")
    names = [node.name for node in run.trace.topology.levels[0]]
    expected = [0.1 * 3 * -(-count // 16) for count in run.task.samples]
    assert [rates[name] for name in names] == pytest.approx(expected)


def test_corrections_above_layer_1_require_equal_steps() -> None:
    drifting = Layer(2, Plain(), Mean(), drift=True)
    Algorithm(Leaf(0.1, 8, Local(unit="epochs")), (drifting, Layer(2, Plain(), Mean())))
    with pytest.raises(ValueError, match="drift above layer 1 needs the same number of steps"):
        Algorithm(Leaf(0.1, 8, Local(unit="epochs")), (drifting, drifting))


def test_the_planner_refuses_epochs() -> None:
    with pytest.raises(PlanError, match=r"local.unit: the bounds count"):
        plan(run_of(2, "epochs"), Limits(deadline_s=100.0))
