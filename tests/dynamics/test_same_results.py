"""Runs with faults are reproducible: in both engines, after a kill, and when re-timed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from learning.store.ledger import Ledger
from netsim.results.result import Result
from netsim.scenario import Scenario
from netsim.simulation.run import execute, simulate
from tests.simulation.runs import RECIPES, recipe, weights
from tests.simulation.test_ledger import trainings
from tests.simulation.test_resume import resumed, run_until_killed

FAULTS = """
  - crash: {when: {random: {between: 120 ms, repair: 60 ms}}}
  - server_failure: {when: {random: {between: 300 ms, repair: 80 ms}}}
  - link_outage: {when: {random: {between: 100 ms, repair: 10 ms}}, uploads: stall}
"""
NAMES = [name for name in RECIPES if name not in ("fedavg", "sign_sgd", "hier_sign_sgd")]


def stormy(name: str, **more: object) -> Scenario:
    """A small scenario of a recipe with frequent faults of devices, servers and links."""
    faults = FAULTS if len(RECIPES[name][0]) > 1 else FAULTS.replace("server_failure", "crash")
    return recipe(name, faults=faults, **more)


def everything_equal(one: Result, two: Result) -> None:
    for table in ("rounds", "messages", "nodes", "events"):
        pd.testing.assert_frame_equal(getattr(one, table), getattr(two, table), check_exact=True)


@pytest.mark.parametrize("name", NAMES)
def test_the_batched_and_the_eager_engine_agree_with_faults(name: str) -> None:
    runs = [execute(stormy(name, precision="float64"), engine=e, device="cpu") for e in ("batched", "eager")]  # type: ignore[arg-type]
    assert runs[0].trace.interrupted > 2
    assert repr(runs[0].trace.messages) == repr(runs[1].trace.messages)
    np.testing.assert_allclose(weights(runs[0]), weights(runs[1]), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["qmlhfl", "ef21", "error_feedback"])
def test_a_killed_run_with_faults_resumes_to_equal_tables(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = stormy(name, rounds=5)
    run_until_killed(2, scenario, Ledger(tmp_path), monkeypatch)
    jobs = trainings(monkeypatch)
    whole = simulate(scenario, device="cpu")
    in_all = sum(jobs)
    everything_equal(resumed(scenario, tmp_path), whole)
    assert sum(jobs) - in_all < in_all


@pytest.mark.parametrize("name", ["qmlhfl", "ef21"])
def test_a_run_with_faults_is_retimed_without_training(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = resumed(stormy(name), tmp_path)
    jobs = trainings(monkeypatch)
    everything_equal(resumed(stormy(name), tmp_path), first)
    assert not jobs


def test_the_events_are_saved_with_the_run(tmp_path: Path) -> None:
    result = simulate(stormy("qmlhfl"), engine="timing")
    result.save(tmp_path / "run")
    kept = Result.load(tmp_path / "run")
    assert kept.events is not None
    assert result.events is not None
    assert len(kept.events) > 10
    pd.testing.assert_frame_equal(kept.events, result.events, check_dtype=False)


def test_a_run_folder_without_events_has_an_empty_events_table(tmp_path: Path) -> None:
    simulate(recipe("qmlhfl"), engine="timing").save(tmp_path / "run")
    assert not (tmp_path / "run" / "events.parquet").exists()
    assert Result.load(tmp_path / "run").events is None
