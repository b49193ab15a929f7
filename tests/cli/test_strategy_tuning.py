"""`--tune` measures and selects a strategy; `--strategy` sets one; the memory estimate precedes the run."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from learning.engine.numerics import Numerics
from learning.engine.strategy_tuning import tune_strategy
from netsim.build import build_task
from netsim.scenario import grow
from tests.cli.command_line import netsim
from tests.cli.test_commands import QUICK
from tests.simulation.runs import recipe

MEMORY = r"memory: about \d+ MB beside the libraries: data \d+ MB, models \d+ MB, memories \d+ MB, stack \d+ MB, evaluation"


def test_tune_selects_prints_and_records_the_fastest_strategy(tmp_path: Path) -> None:
    done = netsim(*QUICK, "--tune", "--json", "--no-ledger", cwd=tmp_path)
    table = re.findall(r"^  (\S+) +([\d,]+)$", done.stderr, re.MULTILINE)
    best = table[0][0]
    assert {"fused", "loop", "vmap:32"} <= {name for name, _ in table}
    assert "im2col" not in dict(table)
    assert [int(pace.replace(",", "")) for _, pace in table] == sorted(
        (int(pace.replace(",", "")) for _, pace in table), reverse=True
    )
    assert f"pinned: {best}; `--strategy {best}` repeats" in done.stderr
    summary = json.loads(done.stdout)
    manifest = json.loads((Path(summary["run_dir"]) / "manifest.json").read_text())
    assert manifest["numerics"]["strategy"] == best
    repeated = netsim(*QUICK, "--strategy", best, "--json", "--no-ledger", "--out", "b", cwd=tmp_path)
    assert json.loads(repeated.stdout)["digest"] == summary["digest"]


def test_the_strategy_changes_the_digest_but_not_the_simulated_time(tmp_path: Path) -> None:
    default, other = (
        json.loads(netsim(*QUICK, *options, "--json", cwd=tmp_path).stdout)
        for options in ((), ("--strategy", "loop"))
    )
    assert default["digest"] != other["digest"]
    assert default["sim_time_s"] == other["sim_time_s"]
    assert default["loss"] == pytest.approx(other["loss"], rel=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--strategy", "fast"), "got 'fast'; leave it out"),
        (("--strategy", "im2col"), "means a chain of convolutions"),
        (("--tune", "--strategy", "loop"), "--tune chooses the strategy, got --strategy loop too"),
        (("--tune", "--engine", "timing"), "--tune applies to --engine batched, got --engine timing"),
        (
            ("--strategy", "loop", "--engine", "eager"),
            "--strategy applies to --engine batched, got --engine eager",
        ),
    ],
)
def test_invalid_strategy_options_are_refused(options: tuple[str, ...], message: str, tmp_path: Path) -> None:
    done = netsim(*QUICK, *options, cwd=tmp_path)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_the_memory_estimate_is_printed_before_the_run(tmp_path: Path) -> None:
    done = netsim(*QUICK, cwd=tmp_path)
    assert re.search(MEMORY + r".*\nround 0/2", done.stderr)
    assert re.search(MEMORY, netsim("check", "quickstart", cwd=tmp_path).stdout)


@pytest.mark.parametrize(("model", "strategy"), [("logistic", "fused"), ("{mlp: {hidden: [5]}}", "fused")])
def test_tuning_tries_the_strategies_that_can_train_the_model(model: str, strategy: str) -> None:
    scene = recipe("hier_favg", model=model)
    task = build_task(scene, grow(scene))
    trials = tune_strategy(
        Numerics("batched", "cpu", "float32", strategy),
        task,
        scene.layered_algorithm.leaf,
        3,
        memory_bytes=10**9,
    )
    assert sorted(trial.strategy for trial in trials) == ["fused", "loop", "vmap:2", "vmap:6"]
    assert all(trial.steps_per_s > 0 for trial in trials)


def test_tuning_does_not_try_fused_strategies_in_bfloat16() -> None:
    scene = recipe("hier_favg", precision="bf16")
    trials = tune_strategy(
        Numerics("batched", "cpu", "bf16", "loop"),
        build_task(scene, grow(scene)),
        scene.layered_algorithm.leaf,
        1,
    )
    assert {trial.strategy for trial in trials} == {"loop", "vmap:2", "vmap:6"}
