"""A killed run resumes from its last checkpoint and gives equal tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from learning.store.checkpoints import Checkpoint, Checkpoints
from learning.store.ledger import Ledger
from netsim.results.result import Result
from netsim.simulation.run import simulate

from .runs import RECIPES, recipe
from .test_ledger import SLOW, tables_equal, trainings

LOSSY = "\n" + 2 * "  - wired: {rate: 10 Mbit/s, latency: 3 ms, loss: {erasure: {probability: 0.3}}}\n"


class KilledError(BaseException):
    """Simulates SIGKILL between two operations of the program."""


def run_until_killed(rounds: int, scene: object, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run until `rounds` checkpoints are on disk, then raise KilledError; unflushed data is lost."""
    written = 0
    write = Checkpoints.write

    def write_or_raise(self: Checkpoints, checkpoint: Checkpoint) -> None:
        nonlocal written
        if written == rounds:
            raise KilledError
        write(self, checkpoint)
        written += 1

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "write", write_or_raise)
        with pytest.raises(KilledError):
            simulate(scene, device="cpu", ledger=ledger, checkpoint_s=0)  # type: ignore[arg-type]


def resumed(scene: object, folder: Path) -> Result:
    ledger = Ledger(folder)
    try:
        return simulate(scene, device="cpu", ledger=ledger, checkpoint_s=0)  # type: ignore[arg-type]
    finally:
        ledger.close()


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("rounds", [1, 3])
def test_a_killed_run_resumes_to_equal_tables(
    name: str, rounds: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = recipe(name, rounds=5)
    run_until_killed(rounds, scene, Ledger(tmp_path), monkeypatch)
    jobs = trainings(monkeypatch)
    expected = simulate(scene, device="cpu")
    total_jobs = sum(jobs)
    tables_equal(resumed(scene, tmp_path), expected)
    assert sum(jobs) - total_jobs == total_jobs * (5 - rounds) / 5


@pytest.mark.parametrize("name", ["qmlhfl_elias", "error_feedback"])
def test_a_longer_run_trains_the_additional_rounds_only(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resumed(recipe(name, rounds=3), tmp_path)
    jobs = trainings(monkeypatch)
    expected = simulate(recipe(name, rounds=4), device="cpu")
    total_jobs = sum(jobs)
    tables_equal(resumed(recipe(name, rounds=4), tmp_path), expected)
    assert sum(jobs) - total_jobs == total_jobs / 4


def test_another_network_resumes_from_the_same_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resumed(recipe("error_feedback", rounds=2), tmp_path)
    scene = recipe(
        "error_feedback", rounds=4, network=SLOW.replace("- wired", "- wired", 2)[: SLOW.rfind("  - ")]
    )
    jobs = trainings(monkeypatch)
    expected = simulate(scene, device="cpu")
    total_jobs = sum(jobs)
    tables_equal(resumed(scene, tmp_path), expected)
    assert sum(jobs) - total_jobs == total_jobs / 2


@pytest.mark.parametrize("name", ["error_feedback", "ef21"])
def test_compressor_memory_is_restored_after_lost_uploads(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = recipe(name, rounds=5, network=LOSSY)
    run_until_killed(3, scene, Ledger(tmp_path), monkeypatch)
    tables_equal(resumed(scene, tmp_path), simulate(scene, device="cpu"))


def test_resumption_includes_rounds_without_evaluation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = recipe("error_feedback", rounds=7, evaluate="{every: 3}")
    run_until_killed(5, scene, Ledger(tmp_path), monkeypatch)
    jobs = trainings(monkeypatch)
    expected = simulate(scene, device="cpu")
    total_jobs = sum(jobs)
    tables_equal(resumed(scene, tmp_path), expected)
    assert sum(jobs) - total_jobs == total_jobs * 2 / 7


def test_a_replay_stores_a_bounded_number_of_vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from learning.engine.lazy_vectors import LazyVector
    from netsim.simulation.run import execute, prepare, run_to_end

    stored: dict[int, int] = {}
    for rounds in (3, 9):
        ledger = Ledger(tmp_path / str(rounds))
        simulate(recipe("error_feedback", rounds=rounds), device="cpu", ledger=ledger)
        names = execute(
            recipe("error_feedback", rounds=rounds), device="cpu", ledger=ledger, values=False
        ).digests
        checkpoint = ledger.latest_checkpoint(names)
        assert checkpoint is not None
        run = prepare(
            recipe("error_feedback", rounds=rounds), device="cpu", ledger=ledger, checkpoint=checkpoint
        )
        run_to_end(run)
        stored[rounds] = sum(1 for vector in run.engine._stored if isinstance(vector, LazyVector))
        ledger.close()
    assert stored[9] <= stored[3]


@pytest.fixture
def ledger_folder(tmp_path: Path) -> Path:
    """The folder of a ledger with one checkpoint after three rounds."""
    resumed(recipe("error_feedback"), tmp_path)
    return tmp_path


def test_a_valid_checkpoint_is_found_for_its_round_only(ledger_folder: Path) -> None:
    (path,) = ledger_folder.rglob("*.npz")
    model = bytes.fromhex(path.stem.partition("-")[0])
    assert Ledger(ledger_folder).latest_checkpoint([b"", b"", model]) is not None
    assert Ledger(ledger_folder).latest_checkpoint([b"", model]) is None


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "pickle"])
def test_a_damaged_checkpoint_is_ignored(damage: str, ledger_folder: Path) -> None:
    (path,) = ledger_folder.rglob("*.npz")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    damaged = {"flip": bytes(data), "cut": bytes(data[:-100]), "empty": b""}
    if damage == "pickle":
        with path.open("wb") as file:
            np.savez(file, values=np.array([{}], dtype=object), values_digests=np.zeros((1, 16), np.uint8))
    else:
        path.write_bytes(damaged[damage])
    assert (
        Ledger(ledger_folder).latest_checkpoint([b"", b"", bytes.fromhex(path.stem.partition("-")[0])])
        is None
    )
    scene = recipe("error_feedback", rounds=4)
    tables_equal(resumed(scene, ledger_folder), simulate(scene, device="cpu"))


def test_only_the_latest_checkpoint_of_a_run_is_kept(ledger_folder: Path) -> None:
    resumed(recipe("error_feedback", rounds=6), ledger_folder)
    assert len(list((ledger_folder / "checkpoints").iterdir())) == 1


def test_damaged_entries_are_recomputed(ledger_folder: Path) -> None:
    import sqlite3

    (file,) = ledger_folder.glob("*.sqlite")
    with sqlite3.connect(file) as database:
        database.execute("UPDATE metrics SET entry = zeroblob(16)")
        database.execute("UPDATE sizes SET entry = zeroblob(8)")
    scene = recipe("error_feedback")
    tables_equal(resumed(scene, ledger_folder), simulate(scene, device="cpu"))


def test_damaged_measurements_are_recomputed(tmp_path: Path) -> None:
    import sqlite3

    from tests.tau_policies.sample_runs import adaptive

    scene = adaptive("hier_favg", "replan", stop="{rounds: 4, deadline: 10 s}")
    expected = resumed(scene, tmp_path)
    (file,) = tmp_path.glob("*.sqlite")
    with sqlite3.connect(file) as database:
        assert database.execute("SELECT COUNT(*) FROM measures").fetchone()[0] > 0
        database.execute("UPDATE measures SET entry = zeroblob(32)")
    tables_equal(resumed(scene, tmp_path), expected)


def test_a_changed_byte_in_the_ledger_causes_recomputation_or_an_error(ledger_folder: Path) -> None:
    """The tables never change."""
    from learning.store.ledger import LedgerError

    scene = recipe("error_feedback")
    expected = simulate(scene, device="cpu")
    (file,) = ledger_folder.glob("*.sqlite")
    original, messages = file.read_bytes(), [""]
    for position in np.random.default_rng(1).integers(0, len(original), 25):
        file.write_bytes(original[:position] + bytes([original[position] ^ 0x41]) + original[position + 1 :])
        try:
            tables_equal(resumed(scene, ledger_folder), expected)
        except LedgerError as error:
            messages.append(str(error))
        for journal in ledger_folder.glob("*.sqlite-*"):
            journal.unlink()
    assert all("--no-ledger" in line for line in messages[1:])
    assert len(messages) < 25


def test_a_ledger_damaged_while_open_raises_an_error(ledger_folder: Path) -> None:
    from learning.store.ledger import LedgerError

    ledger = Ledger(ledger_folder)
    for file in ledger_folder.glob("*.sqlite*"):
        file.write_bytes(b"not a data base " * 1000)
    with pytest.raises(LedgerError, match="--no-ledger"):
        ledger.metrics(bytes(16))


def test_prune_deletes_old_entries(ledger_folder: Path) -> None:
    ledger = Ledger(ledger_folder)
    ledger.prune(3600.0)
    assert ledger.counts()[:3] == (4, 0 + ledger.counts().sizes, 1)
    ledger.prune(0.0)
    assert ledger.counts()[:3] == (0, 0, 0)
