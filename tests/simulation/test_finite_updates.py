"""`finite: reject` excludes and counts non-finite updates; `finite: stop` raises an error that names the device."""

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
from .test_resume import resumed, run_until_killed

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
    """Two edge servers with three devices each; samples of `devices` are NaN."""
    shift = {"devices": list(devices)} | ({} if samples is None else {"samples": samples})
    task = "{dataset: digits, partition: {dirichlet: {alpha: 5}}, model: logistic, shifts: "
    task += f"[{{'tests.simulation.poison:NanSamples': {shift}}}]}}".replace("None", "null")
    rate = "0.01" if "vote" in BOTTOMS[bottom] else "0.2"
    layers = f"[{{{BOTTOMS[bottom]}}}, {{tau: 3, up: none, rule: mean}}]"
    algorithm = f"{{leaf: {{learning_rate: {rate}, batch_size: 8}}, layers: {layers}}}"
    how: dict[str, Any] = {"rounds": 3, "finite": "reject", "task": task} | more
    return scenario([2, 3], algorithm, **how)


def exclude_device(device: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on exclude the uploads of this device from aggregation and renormalise the other weights."""
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
def test_a_rejected_update_has_the_effect_of_an_absent_child(
    bottom: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rejecting = execute(poisoned(bottom), device="cpu")
    assert np.isfinite(weights(rejecting)).all()
    assert counts(rejecting) == [0, 3, 6, 9]
    exclude_device(1, monkeypatch)
    assert np.array_equal(weights(execute(poisoned(bottom, finite="keep"), device="cpu")), weights(rejecting))


@pytest.mark.parametrize("bottom", BOTTOMS)
def test_both_engines_and_all_stack_sizes_reject_the_same_updates(bottom: str) -> None:
    """Device 1 has ten NaN samples; most of its minibatches contain none of them.

    The engines sum in different orders. Pixels of digits often give gradients of equal magnitude, so that rounding may
    decide which of two coordinates sparse_sign selects: there, one coordinate in a hundred may differ.
    """
    scene = poisoned(bottom, (1, 3), 10, precision="float64", rounds=4)
    expected = execute(scene, device="cpu")
    assert 0 < counts(expected)[-1] < 24
    for options in (
        {"engine": "eager"},
        {"memory_bytes": 1},
        {"memory_bytes": 3 * 32 * weights(expected).size},
    ):
        other = execute(scene, device="cpu", **options)  # type: ignore[arg-type]
        assert counts(other) == counts(expected)
        close = np.isclose(weights(other), weights(expected), rtol=0, atol=1e-11)
        assert close.all() or (bottom == "sparse" and "engine" in options and close.mean() > 0.99)


@pytest.mark.parametrize("bottom", ["vote", "mean", "median", "server"])
@pytest.mark.parametrize("engine", ["batched", "eager"])
def test_a_node_without_valid_updates_keeps_its_model(bottom: str, engine: str) -> None:
    run = execute(poisoned(bottom, range(6)), device="cpu", engine=engine)
    assert np.array_equal(weights(run), run.task.initial(5).astype(np.float32))
    assert counts(run)[-1] == 54


def test_rejection_does_not_change_a_run_with_finite_updates() -> None:
    run, plain = (
        execute(poisoned("quantized", (), finite=mode), device="cpu") for mode in ("reject", "keep")
    )
    assert np.array_equal(weights(run), weights(plain))
    assert counts(run) == [0.0] * 4
    assert "rejected" not in plain.trace.rounds[0]


def test_the_summary_of_a_run_includes_the_number_of_rejected_updates() -> None:
    line, line_without = (
        summary_lines(simulate(poisoned("mean", devices), device="cpu"))[-1] for devices in ((1,), ())
    )
    assert line == "rejected: 9 updates with nan or inf"
    assert line_without.startswith("layer 2")


def test_kept_non_finite_updates_make_the_model_nan() -> None:
    assert np.isnan(weights(execute(poisoned("mean", finite="keep"), device="cpu"))).all()


def test_one_bit_votes_cannot_be_rejected() -> None:
    scene = scenario(
        [2, 3], "hier_sign_sgd: {learning_rate: 0.1, batch_size: 8, tau: [1, 2]}", finite="reject"
    )
    with pytest.raises(BuildError, match="finite: votes can be rejected"):
        execute(scene, device="cpu")


@pytest.mark.parametrize("engine", ["batched", "eager"])
def test_the_error_names_the_device_and_the_round(engine: str) -> None:
    rejecting = execute(poisoned("mean", (5,), 1, rounds=9), device="cpu")
    first = next(k for k, count in enumerate(counts(rejecting)) if count)
    assert first > 1
    with pytest.raises(UpdateError) as caught:
        simulate(poisoned("mean", (5,), 1, finite="stop", rounds=9), device="cpu", engine=engine)  # type: ignore[arg-type]
    name = rejecting.trace.topology.levels[0][5].name
    expected = f"round {first}: the update of {name} is not finite: 650 of 650 numbers are nan or inf; "
    assert str(caught.value).startswith(expected)


def test_a_run_with_finite_stop_differs_only_in_its_digests() -> None:
    run, plain = (execute(poisoned("vote", (), finite=mode), device="cpu") for mode in ("stop", "keep"))
    assert np.array_equal(weights(run), weights(plain))
    assert run.model.digest != plain.model.digest


@pytest.mark.parametrize("every", [1, 2])
def test_rejection_counts_are_kept_when_retimed_and_resumed(
    every: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"rounds": 5, "evaluate": f"{{every: {every}}}"}
    scene = poisoned("feedback", (1, 3), 10, **options)
    uninterrupted = simulate(scene, device="cpu")
    assert uninterrupted.rounds["rejected"].iloc[-1] > uninterrupted.rounds["rejected"].iloc[2] > 0
    run_until_killed(3, scene, Ledger(tmp_path), monkeypatch)
    tables_equal(resumed(scene, tmp_path), uninterrupted)
    slow = poisoned("feedback", (1, 3), 10, network=SLOW[: SLOW.rfind("  - ")], **options)
    expected = simulate(slow, device="cpu")
    trained = trainings(monkeypatch)
    tables_equal(resumed(slow, tmp_path), expected)
    assert not trained


def test_a_sweep_retimes_rejection_counts(tmp_path: Path) -> None:
    file, scene = tmp_path / "tiny.yaml", poisoned("mean", (1, 3), 10)
    file.write_text(resolved(scene))
    overrides = ['sweep={"network[0].wired.latency": [3 ms, 9 ms]}']
    points = points_of(str(file), overrides, load(str(file), overrides))
    done = run_sweep(points, SweepFolders.at(tmp_path / "runs", "tiny", device="cpu"), Listener())
    assert [outcome.how for outcome in done] == ["trained", "re-timed"]
    tables = [Result.load(outcome.folder).rounds for outcome in done if outcome.folder]
    assert tables[0]["rejected"].iloc[-1] > 0
    for name in ("accuracy", "loss", "rejected"):
        assert tables[1][name].tolist() == tables[0][name].tolist()
    assert list(tables[0]) == list(tables[1])
