"""A run that was killed, at whatever instant, goes on from what it wrote down, to equal tables."""

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
    """Stands for SIGKILL between two steps of the program."""


def killed_after(rounds: int, scene: object, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run until `rounds` checkpoints are on disk, then die; what was not flushed is lost."""
    kept = 0
    keep = Checkpoints.write

    def dying(self: Checkpoints, cut: Checkpoint) -> None:
        nonlocal kept
        if kept == rounds:
            raise KilledError
        keep(self, cut)
        kept += 1

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoints, "write", dying)
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
def test_a_killed_run_goes_on_to_equal_tables(
    name: str, rounds: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = recipe(name, rounds=5)
    killed_after(rounds, scene, Ledger(tmp_path), monkeypatch)
    jobs = trainings(monkeypatch)
    whole = simulate(scene, device="cpu")
    in_all = sum(jobs)
    tables_equal(resumed(scene, tmp_path), whole)
    assert sum(jobs) - in_all == in_all * (5 - rounds) / 5


@pytest.mark.parametrize("name", ["qmlhfl_elias", "error_feedback"])
def test_a_longer_run_trains_the_further_rounds_only(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resumed(recipe(name, rounds=3), tmp_path)
    jobs = trainings(monkeypatch)
    long = simulate(recipe(name, rounds=4), device="cpu")
    in_all = sum(jobs)
    tables_equal(resumed(recipe(name, rounds=4), tmp_path), long)
    assert sum(jobs) - in_all == in_all / 4


def test_another_network_goes_on_from_the_same_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resumed(recipe("error_feedback", rounds=2), tmp_path)
    scene = recipe(
        "error_feedback", rounds=4, network=SLOW.replace("- wired", "- wired", 2)[: SLOW.rfind("  - ")]
    )
    jobs = trainings(monkeypatch)
    whole = simulate(scene, device="cpu")
    in_all = sum(jobs)
    tables_equal(resumed(scene, tmp_path), whole)
    assert sum(jobs) - in_all == in_all / 2


@pytest.mark.parametrize("name", ["error_feedback", "ef21"])
def test_memories_of_lost_uploads_survive_too(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = recipe(name, rounds=5, network=LOSSY)
    killed_after(3, scene, Ledger(tmp_path), monkeypatch)
    tables_equal(resumed(scene, tmp_path), simulate(scene, device="cpu"))


def test_rounds_that_are_not_evaluated_are_resumed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = recipe("error_feedback", rounds=7, evaluate="{every: 3}")
    killed_after(5, scene, Ledger(tmp_path), monkeypatch)
    jobs = trainings(monkeypatch)
    whole = simulate(scene, device="cpu")
    in_all = sum(jobs)
    tables_equal(resumed(scene, tmp_path), whole)
    assert sum(jobs) - in_all == in_all * 2 / 7


def test_a_replay_keeps_no_chain_of_operations(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from learning.engine.lazy_vectors import LazyVector
    from netsim.simulation.run import execute, prepare, run_to_end

    alive: dict[int, int] = {}
    for rounds in (3, 9):
        ledger = Ledger(tmp_path / str(rounds))
        simulate(recipe("error_feedback", rounds=rounds), device="cpu", ledger=ledger)
        names = execute(
            recipe("error_feedback", rounds=rounds), device="cpu", ledger=ledger, values=False
        ).digests
        cut = ledger.latest_checkpoint(names)
        assert cut is not None
        run = prepare(recipe("error_feedback", rounds=rounds), device="cpu", ledger=ledger, checkpoint=cut)
        run_to_end(run)
        alive[rounds] = sum(1 for vector in run.engine._stored if isinstance(vector, LazyVector))
        ledger.close()
    assert alive[9] <= alive[3]


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """The folder of a ledger with one checkpoint, after three rounds."""
    resumed(recipe("error_feedback"), tmp_path)
    return tmp_path


def test_an_undamaged_checkpoint_is_one(kept: Path) -> None:
    (path,) = kept.rglob("*.npz")
    model = bytes.fromhex(path.stem.partition("-")[0])
    assert Ledger(kept).latest_checkpoint([b"", b"", model]) is not None
    assert Ledger(kept).latest_checkpoint([b"", model]) is None


@pytest.mark.parametrize("harm", ["flip", "cut", "empty", "pickle"])
def test_a_damaged_checkpoint_is_no_checkpoint(harm: str, kept: Path) -> None:
    (path,) = kept.rglob("*.npz")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    harmed = {"flip": bytes(data), "cut": bytes(data[:-100]), "empty": b""}
    if harm == "pickle":
        with path.open("wb") as file:
            np.savez(file, values=np.array([{}], dtype=object), values_digests=np.zeros((1, 16), np.uint8))
    else:
        path.write_bytes(harmed[harm])
    assert Ledger(kept).latest_checkpoint([b"", b"", bytes.fromhex(path.stem.partition("-")[0])]) is None
    scene = recipe("error_feedback", rounds=4)
    tables_equal(resumed(scene, kept), simulate(scene, device="cpu"))


def test_only_the_last_checkpoint_of_a_run_is_kept(kept: Path) -> None:
    resumed(recipe("error_feedback", rounds=6), kept)
    assert len(list((kept / "checkpoints").iterdir())) == 1


def test_damaged_entries_are_computed_again(kept: Path) -> None:
    import sqlite3

    (file,) = kept.glob("*.sqlite")
    with sqlite3.connect(file) as base:
        base.execute("UPDATE metrics SET entry = zeroblob(16)")
        base.execute("UPDATE sizes SET entry = zeroblob(8)")
    scene = recipe("error_feedback")
    tables_equal(resumed(scene, kept), simulate(scene, device="cpu"))


def test_damaged_measurements_are_made_again(tmp_path: Path) -> None:
    import sqlite3

    from tests.tau_policies.sample_runs import adaptive

    scene = adaptive("hier_favg", "replan", stop="{rounds: 4, deadline: 10 s}")
    whole = resumed(scene, tmp_path)
    (file,) = tmp_path.glob("*.sqlite")
    with sqlite3.connect(file) as base:
        assert base.execute("SELECT COUNT(*) FROM measures").fetchone()[0] > 0
        base.execute("UPDATE measures SET entry = zeroblob(32)")
    tables_equal(resumed(scene, tmp_path), whole)


def test_a_flipped_byte_anywhere_in_the_ledger_costs_time_or_is_said(kept: Path) -> None:
    """Never another number in a table."""
    from learning.store.ledger import LedgerError

    scene = recipe("error_feedback")
    whole = simulate(scene, device="cpu")
    (file,) = kept.glob("*.sqlite")
    right, said = file.read_bytes(), [""]
    for at in np.random.default_rng(1).integers(0, len(right), 25):
        file.write_bytes(right[:at] + bytes([right[at] ^ 0x41]) + right[at + 1 :])
        try:
            tables_equal(resumed(scene, kept), whole)
        except LedgerError as error:
            said.append(str(error))
        for left in kept.glob("*.sqlite-*"):
            left.unlink()
    assert all("--no-ledger" in line for line in said[1:])
    assert len(said) < 25


def test_a_ledger_damaged_while_it_is_open_says_so(kept: Path) -> None:
    from learning.store.ledger import LedgerError

    ledger = Ledger(kept)
    for file in kept.glob("*.sqlite*"):
        file.write_bytes(b"not a data base " * 1000)
    with pytest.raises(LedgerError, match="--no-ledger"):
        ledger.metrics(bytes(16))


def test_what_is_old_can_be_forgotten(kept: Path) -> None:
    ledger = Ledger(kept)
    ledger.prune(3600.0)
    assert ledger.counts()[:3] == (4, 0 + ledger.counts().sizes, 1)
    ledger.prune(0.0)
    assert ledger.counts()[:3] == (0, 0, 0)
