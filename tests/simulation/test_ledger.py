"""Train once, re-time many: what the ledger knows is not computed again, and changes no table."""

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
    book = Ledger(tmp_path / "ledger")
    yield book
    book.close()


def trainings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry per stack of local work from now on."""
    seen: list[int] = []
    trained = BatchedSolver._train

    def spy(self, jobs, models):  # type: ignore[no-untyped-def]
        seen.append(len(jobs))
        return trained(self, jobs, models)

    monkeypatch.setattr(BatchedSolver, "_train", spy)
    return seen


def tables_equal(one: Result, two: Result) -> None:
    for table in ("rounds", "messages", "nodes"):
        pd.testing.assert_frame_equal(getattr(one, table), getattr(two, table), check_exact=True)


@pytest.mark.parametrize("name", RECIPES)
def test_a_rerun_trains_nothing_and_gives_equal_tables(
    name: str, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = simulate(recipe(name), device="cpu", ledger=ledger)
    seen = trainings(monkeypatch)
    tables_equal(first, simulate(recipe(name), device="cpu", ledger=ledger))
    assert not seen


@pytest.mark.parametrize("name", ["qmlhfl", "qmlhfl_elias"])
def test_another_network_is_re_timed_without_training(
    name: str, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulate(recipe(name), device="cpu", ledger=ledger)
    plain = simulate(recipe(name, network=SLOW), device="cpu")
    seen = trainings(monkeypatch)
    tables_equal(plain, simulate(recipe(name, network=SLOW), device="cpu", ledger=ledger))
    assert not seen


def test_another_seed_or_algorithm_is_trained(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    simulate(recipe("qmlhfl"), device="cpu", ledger=ledger)
    seen = trainings(monkeypatch)
    simulate(recipe("qmlhfl", seed=6), device="cpu", ledger=ledger)
    assert seen


def test_more_rounds_continue_from_equal_rows(ledger: Ledger) -> None:
    short = simulate(recipe("qmlhfl", rounds=2), device="cpu", ledger=ledger)
    long = simulate(recipe("qmlhfl", rounds=4), device="cpu", ledger=ledger)
    tables_equal(simulate(recipe("qmlhfl", rounds=4), device="cpu"), long)
    pd.testing.assert_frame_equal(short.rounds, long.rounds[:3], check_exact=True)


def test_names_without_values_are_the_names_with_values() -> None:
    named = execute(recipe("qmlhfl"), device="cpu", values=False)
    assert named.model.digest == execute(recipe("qmlhfl"), device="cpu").model.digest


def test_two_ledgers_on_one_file_see_each_other(tmp_path: Path) -> None:
    one, two = Ledger(tmp_path), Ledger(tmp_path)
    one.put_metrics(b"model", {"accuracy": float("nan"), "loss": float("inf")})
    one.put_bits(b"payload", 123)
    assert two.bits(b"payload") is None
    one.flush()
    found = two.metrics(b"model")
    assert found is not None
    assert (str(found["accuracy"]), found["loss"], two.bits(b"payload")) == ("nan", float("inf"), 123)
