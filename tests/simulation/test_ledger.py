"""Retiming with the ledger: stored results are not recomputed and do not change any table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from learning.engine.batched_solver import BatchedSolver
from learning.store.ledger import Ledger
from netsim.results.result import Result
from netsim.simulation.run import execute, simulate

from .runs import RECIPES, recipe

SLOW = "\n" + "  - wired: {rate: 100 kbit/s, latency: 40 ms}\n" * 3


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    ledger = Ledger(tmp_path / "ledger")
    yield ledger
    ledger.close()


def trainings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Record the number of jobs of every stack of local training from now on."""
    recorded: list[int] = []
    trained = BatchedSolver._train

    def spy(self, jobs, models):  # type: ignore[no-untyped-def]
        recorded.append(len(jobs))
        return trained(self, jobs, models)

    monkeypatch.setattr(BatchedSolver, "_train", spy)
    return recorded


def tables_equal(first: Result, second: Result) -> None:
    for table in ("rounds", "messages", "nodes"):
        pd.testing.assert_frame_equal(getattr(first, table), getattr(second, table), check_exact=True)


@pytest.mark.parametrize("name", RECIPES)
def test_a_rerun_with_a_ledger_does_not_train_and_gives_equal_tables(
    name: str, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = simulate(recipe(name), device="cpu", ledger=ledger)
    trained = trainings(monkeypatch)
    tables_equal(first, simulate(recipe(name), device="cpu", ledger=ledger))
    assert not trained


@pytest.mark.parametrize("name", ["qmlhfl", "qmlhfl_elias"])
def test_another_network_is_retimed_without_training(
    name: str, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulate(recipe(name), device="cpu", ledger=ledger)
    expected = simulate(recipe(name, network=SLOW), device="cpu")
    trained = trainings(monkeypatch)
    tables_equal(expected, simulate(recipe(name, network=SLOW), device="cpu", ledger=ledger))
    assert not trained


def test_another_seed_is_trained(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    simulate(recipe("qmlhfl"), device="cpu", ledger=ledger)
    trained = trainings(monkeypatch)
    simulate(recipe("qmlhfl", seed=6), device="cpu", ledger=ledger)
    assert trained


def test_more_rounds_continue_from_equal_rows(ledger: Ledger) -> None:
    short = simulate(recipe("qmlhfl", rounds=2), device="cpu", ledger=ledger)
    long = simulate(recipe("qmlhfl", rounds=4), device="cpu", ledger=ledger)
    tables_equal(simulate(recipe("qmlhfl", rounds=4), device="cpu"), long)
    pd.testing.assert_frame_equal(short.rounds, long.rounds[:3], check_exact=True)


def test_digests_do_not_depend_on_whether_values_are_computed() -> None:
    without_values = execute(recipe("qmlhfl"), device="cpu", values=False)
    assert without_values.model.digest == execute(recipe("qmlhfl"), device="cpu").model.digest


def test_two_ledgers_on_one_file_share_flushed_entries(tmp_path: Path) -> None:
    first, second = Ledger(tmp_path), Ledger(tmp_path)
    first.put_metrics(b"model", {"accuracy": float("nan"), "loss": float("inf")})
    first.put_bits(b"payload", 123)
    assert second.bits(b"payload") is None
    first.flush()
    found = second.metrics(b"model")
    assert found is not None
    assert (str(found["accuracy"]), found["loss"], second.bits(b"payload")) == ("nan", float("inf"), 123)
