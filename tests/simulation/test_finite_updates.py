"""`finite: reject` merges as if poisoned updates had not come, and counts them; `finite: stop` says whose it was."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from learning.engine import Engine, Payload
from learning.store.ledger import Ledger
from netsim.build import BuildError
from netsim.reports.terminal import summary_lines
from netsim.results.result import Result
from netsim.scenario import Scenario, load, resolved
from netsim.simulation.run import UpdateError, execute, simulate
from netsim.sweep import SweepFolders, points_of, run_sweep
from tests.cli.test_sweep import Listener

from .runs import CODED, SPARSE, scenario, weights
from .test_ledger import SLOW, tables_equal, trainings
from .test_resume import killed_after, resumed

BOTTOMS = {
    "mean": "tau: 2, up: none, rule: mean",
    "quantized": "tau: 2, up: {qsgd: 16}, rule: {mean: {weights: samples}}",
    "coded": f"tau: 2, up: {CODED}, rule: mean",
    "feedback": f"tau: 2, up: {{error_feedback: {SPARSE}}}, rule: mean",
    "vote": "tau: 1, up: sign, rule: {vote: {step: 0.01, ties: zero}}",
    "weighed": "tau: 1, up: sign, rule: {vote: {step: 0.01, weights: samples, ties: zero}}",
    "sparse": "tau: 1, up: {sparse_sign: 0.1}, rule: {vote: {step: 0.01, abstain: true}}",
    "median": "tau: 2, up: none, rule: median",
    "trimmed": "tau: 2, up: none, rule: {trimmed_mean: 0.34}",
    "server": "tau: 2, up: none, rule: {fedopt: {rate: 0.5}}",
    "drift": "tau: 2, up: none, rule: mean, drift: true",
}


def poisoned(bottom: str, devices: Sequence[int] = (1,), samples: int | None = None, **more: Any) -> Scenario:
    """Two edges of three devices, of which some have nan among their samples."""
    shift = {"devices": list(devices)} | ({} if samples is None else {"samples": samples})
    task = "{dataset: digits, partition: {dirichlet: {alpha: 5}}, model: logistic, shifts: "
    task += f"[{{'tests.simulation.poison:Poison': {shift}}}]}}".replace("None", "null")
    rate = "0.01" if "vote" in BOTTOMS[bottom] else "0.2"
    layers = f"[{{{BOTTOMS[bottom]}}}, {{tau: 3, up: none, rule: mean}}]"
    algorithm = f"{{leaf: {{learning_rate: {rate}, batch_size: 8}}, layers: {layers}}}"
    how: dict[str, Any] = {"rounds": 3, "finite": "reject", "task": task} | more
    return scenario([2, 3], algorithm, **how)


def never_heard(device: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on no node merges what this device sends: the others' weights are renormalised."""
    aggregate = Engine.aggregate

    def without(self, rule, node, base, reference, uploads, shares, iteration):  # type: ignore[no-untyped-def]
        kept: list[tuple[Payload, float]] = [
            (a, w) for a, w in zip(uploads, shares, strict=True) if a.sender != (0, device)
        ]
        left = [a for a, _ in kept]
        return aggregate(
            self, rule, node, base, reference, left, [w / sum(w for _, w in kept) for _, w in kept], iteration
        )

    monkeypatch.setattr(Engine, "aggregate", without)


def counts(run: Any) -> list[float]:
    return [row["rejected"] for row in run.trace.rounds]


@pytest.mark.parametrize("bottom", BOTTOMS)
def test_a_rejected_child_is_an_absent_child(bottom: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rejecting = execute(poisoned(bottom), device="cpu")
    assert np.isfinite(weights(rejecting)).all()
    assert counts(rejecting) == [0, 3, 6, 9]
    never_heard(1, monkeypatch)
    assert np.array_equal(weights(execute(poisoned(bottom, finite="keep"), device="cpu")), weights(rejecting))


@pytest.mark.parametrize("bottom", BOTTOMS)
def test_both_engines_and_every_stack_reject_the_same(bottom: str) -> None:
    """Device 1 has ten poisoned samples: of most of its minibatches none is."""
    scene = poisoned(bottom, (1, 3), 10, precision="float64", rounds=4)
    whole = execute(scene, device="cpu")
    assert 0 < counts(whole)[-1] < 24
    for how in ({"engine": "eager"}, {"memory_bytes": 1}, {"memory_bytes": 3 * 32 * weights(whole).size}):
        other = execute(scene, device="cpu", **how)  # type: ignore[arg-type]
        assert counts(other) == counts(whole)
        assert np.allclose(weights(other), weights(whole), rtol=0, atol=1e-11)


@pytest.mark.parametrize("bottom", ["vote", "mean", "median", "server"])
@pytest.mark.parametrize("engine", ["batched", "eager"])
def test_a_node_whose_children_all_fail_stays_where_it_is(bottom: str, engine: str) -> None:
    run = execute(poisoned(bottom, range(6)), device="cpu", engine=engine)
    assert np.array_equal(weights(run), run.task.initial(5).astype(np.float32))
    assert counts(run)[-1] == 54


def test_where_nothing_is_poisoned_rejecting_changes_no_bit() -> None:
    run, plain = (execute(poisoned("quantized", (), finite=how), device="cpu") for how in ("reject", "keep"))
    assert np.array_equal(weights(run), weights(plain))
    assert counts(run) == [0.0] * 4
    assert "rejected" not in plain.trace.rounds[0]


def test_the_last_lines_of_a_run_tell_the_count() -> None:
    said, silent = (summary_lines(simulate(poisoned("mean", who), device="cpu"))[-1] for who in ((1,), ()))
    assert said == "rejected: 9 updates with nan or inf"
    assert silent.startswith("layer 2")


def test_what_is_kept_shows() -> None:
    assert np.isnan(weights(execute(poisoned("mean", finite="keep"), device="cpu"))).all()


def test_votes_of_one_bit_cannot_be_left_out() -> None:
    scene = scenario(
        [2, 3], "hier_sign_sgd: {learning_rate: 0.1, batch_size: 8, tau: [1, 2]}", finite="reject"
    )
    with pytest.raises(BuildError, match="finite: votes can be rejected"):
        execute(scene, device="cpu")


@pytest.mark.parametrize("engine", ["batched", "eager"])
def test_stopping_names_the_device_and_the_round(engine: str) -> None:
    rejecting = execute(poisoned("mean", (5,), 1, rounds=9), device="cpu")
    first = next(k for k, count in enumerate(counts(rejecting)) if count)
    assert first > 1
    with pytest.raises(UpdateError) as told:
        simulate(poisoned("mean", (5,), 1, finite="stop", rounds=9), device="cpu", engine=engine)  # type: ignore[arg-type]
    name = rejecting.trace.topology.levels[0][5].name
    said = f"round {first}: the update of {name} is not finite: 650 of 650 numbers are nan or inf; "
    assert str(told.value).startswith(said)


def test_a_run_that_may_stop_is_otherwise_the_same() -> None:
    run, plain = (execute(poisoned("vote", (), finite=how), device="cpu") for how in ("stop", "keep"))
    assert np.array_equal(weights(run), weights(plain))
    assert run.model.digest != plain.model.digest


@pytest.mark.parametrize("every", [1, 2])
def test_counts_are_re_timed_and_resumed(every: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    how = {"rounds": 5, "evaluate": f"{{every: {every}}}"}
    scene = poisoned("feedback", (1, 3), 10, **how)
    whole = simulate(scene, device="cpu")
    assert whole.rounds["rejected"].iloc[-1] > whole.rounds["rejected"].iloc[2] > 0
    killed_after(3, scene, Ledger(tmp_path), monkeypatch)
    tables_equal(resumed(scene, tmp_path), whole)
    slow = poisoned("feedback", (1, 3), 10, network=SLOW[: SLOW.rfind("  - ")], **how)
    plain = simulate(slow, device="cpu")
    seen = trainings(monkeypatch)
    tables_equal(resumed(slow, tmp_path), plain)
    assert not seen


def test_a_sweep_re_times_the_counts(tmp_path: Path) -> None:
    file, scene = tmp_path / "tiny.yaml", poisoned("mean", (1, 3), 10)
    file.write_text(resolved(scene))
    given = ['sweep={"network[0].wired.latency": [3 ms, 9 ms]}']
    points = points_of(str(file), given, load(str(file), given))
    done = run_sweep(points, SweepFolders.at(tmp_path / "runs", "tiny", device="cpu"), Listener())
    assert [outcome.how for outcome in done] == ["trained", "re-timed"]
    tables = [Result.load(outcome.folder).rounds for outcome in done if outcome.folder]
    assert tables[0]["rejected"].iloc[-1] > 0
    for name in ("accuracy", "loss", "rejected"):
        assert tables[1][name].tolist() == tables[0][name].tolist()
    assert list(tables[0]) == list(tables[1])
