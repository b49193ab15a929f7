"""Signals at random times: the same command resumes and gives the bytes of an uninterrupted run."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.command_line import netsim

SCENARIO = """
name: killed
seed: 5
task: {{dataset: digits, partition: {{dirichlet: {{alpha: 0.5}}}}, model: {{mlp: {{hidden: [32]}}}}}}
topology: {{fanout: [2, 4]}}
devices: {{compute: {{flops: {{rate: 2 GFLOP/s, efficiency: 0.2}}}}}}
algorithm:
  leaf: {{learning_rate: 0.1, batch_size: 16}}
  layers:
    - {{tau: 3, up: {{error_feedback: {{top_k: 0.05}}}}, down: {{error_feedback: {{top_k: 0.2}}}}, rule: mean}}
    - {{tau: 3, up: {{error_feedback: {{qsgd: {{levels: 16, bucket: 64, code: elias}}}}}}, down: {{ef21: {{top_k: 0.2}}}}, rule: mean}}
network:
  - wired: {{rate: 10 Mbit/s, latency: 3 ms, loss: {{erasure: {{probability: 0.1}}}}}}
  - wired: {{rate: 100 Mbit/s, latency: 5 ms}}
stop: {{rounds: {rounds}}}
"""
TABLES = ("rounds.parquet", "messages.parquet", "nodes.parquet")


def command(folder: Path, *options: str) -> list[str]:
    run = ["run", "killed.yaml", "--out", str(folder), "--checkpoint", "0 s", *options]
    return [sys.executable, "-m", "netsim", *run]


def finish_run(folder: Path, cwd: Path) -> None:
    """Run the command without interruption, in this process."""
    done = netsim(*command(folder)[3:], cwd=cwd)
    assert done.returncode == 0, done.stderr


def start(folder: Path, cwd: Path) -> subprocess.Popen[bytes]:
    with (cwd / "stderr.txt").open("w") as errors:
        return subprocess.Popen(command(folder), cwd=cwd, stdout=subprocess.DEVNULL, stderr=errors)


def checkpoint_round(folder: Path) -> int:
    """The round of the latest checkpoint; 0 if there is none."""
    return max((int(p.stem.partition("-")[2]) for p in folder.glob("ledger/checkpoints/*.npz")), default=0)


def is_exit_by_signal(signal_: signal.Signals, code: int, errors: str) -> bool:
    """Whether the exit code is that of the signal: -SIGKILL; 130 without a traceback for the others.

    Before netsim is imported, SIGINT and SIGTERM terminate Python itself.
    """
    if signal_ != signal.SIGKILL and code == 130:
        assert "Traceback" not in errors, errors
        return True
    return code == -signal_


def kill_at_random(folder: Path, cwd: Path, rng: random.Random, signals: Sequence[signal.Signals]) -> bool:
    """Start the command and send it a signal; False if it ended before the signal.

    With probability 0.3 at any time, including imports; otherwise soon after a new checkpoint.
    """
    run, before = start(folder, cwd), checkpoint_round(folder)
    if rng.random() < 0.3:
        time.sleep(rng.uniform(0, 2.5))
    else:
        timeout_s = time.monotonic() + 1000
        while checkpoint_round(folder) <= before and run.poll() is None:
            assert time.monotonic() < timeout_s, "the run makes no progress"
            time.sleep(0.002)
        time.sleep(rng.uniform(0, 0.2))
    signal_ = rng.choice(signals)
    run.send_signal(signal_)
    return is_exit_by_signal(signal_, run.wait(timeout=600), (cwd / "stderr.txt").read_text())


def check_signals(kills: int, rounds: int, cwd: Path, *signals: signal.Signals) -> None:
    """Send `kills` signals; a run that ends before its next signal is compared and a new one started."""
    (cwd / "killed.yaml").write_text(SCENARIO.format(rounds=rounds))
    finish_run(cwd / "alone", cwd)
    rng, sent, runs, checkpoint_rounds = random.Random(20261121), 0, 0, [0]
    while sent < kills:
        if kill_at_random(cwd / f"killed{runs}", cwd, rng, signals):
            sent += 1
            checkpoint_rounds.append(checkpoint_round(cwd / f"killed{runs}"))
            continue
        assert max(checkpoint_rounds) > 0, "the run ended before anything was kept: more rounds"
        assert_equal_results(cwd, runs, checkpoint_rounds)
        runs, checkpoint_rounds = runs + 1, [0]
    assert_equal_results(cwd, runs, checkpoint_rounds)


def assert_equal_results(cwd: Path, number: int, checkpoint_rounds: list[int]) -> None:
    """Assert that the killed run, once finished, equals an uninterrupted one, and that its checkpoints never went back."""
    assert checkpoint_rounds == sorted(checkpoint_rounds), "a run went back behind an earlier checkpoint"
    finish_run(cwd / f"killed{number}", cwd)
    (killed,), (uninterrupted,) = ((cwd / out).glob("killed/*") for out in (f"killed{number}", "alone"))
    assert killed.name == uninterrupted.name
    for table in TABLES:
        assert (killed / table).read_bytes() == (uninterrupted / table).read_bytes()
    assert len(list(killed.glob("**/*.partial*"))) == 0


def test_three_kills_do_not_change_the_results(tmp_path: Path) -> None:
    check_signals(3, 60, tmp_path, signal.SIGKILL)


def test_two_interruptions_do_not_change_the_results(tmp_path: Path) -> None:
    check_signals(2, 60, tmp_path, signal.SIGINT, signal.SIGTERM)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_hundred_signals_do_not_change_the_results(tmp_path: Path) -> None:
    check_signals(100, 3000, tmp_path, signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
