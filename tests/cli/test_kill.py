"""Signals at random instants: the same command goes on, and ends in the bytes of a run that was let alone."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.cli.calling import netsim

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


def command(folder: Path, *more: str) -> list[str]:
    run = ["run", "killed.yaml", "--out", str(folder), "--checkpoint", "0 s", *more]
    return [sys.executable, "-m", "netsim", *run]


def finished(folder: Path, cwd: Path) -> None:
    """The command, not disturbed: it needs no process of its own."""
    done = netsim(*command(folder)[3:], cwd=cwd)
    assert done.returncode == 0, done.stderr


def start(folder: Path, cwd: Path) -> subprocess.Popen[bytes]:
    with (cwd / "said").open("w") as said:
        return subprocess.Popen(command(folder), cwd=cwd, stdout=subprocess.DEVNULL, stderr=said)


def turn_of(folder: Path) -> int:
    """The round of the newest checkpoint; 0 where there is none yet."""
    return max((int(p.stem.partition("-")[2]) for p in folder.glob("ledger/checkpoints/*.npz")), default=0)


def ended_by(kind: signal.Signals, code: int, said: str) -> bool:
    """Whether the exit code is the signal's: death by SIGKILL; 130 and one line for the others.

    Before netsim is imported Python itself answers SIGINT and SIGTERM, by dying of them.
    """
    if kind != signal.SIGKILL and code == 130:
        assert "Traceback" not in said, said
        return True
    return code == -kind


def kill_at_random(folder: Path, cwd: Path, luck: random.Random, kinds: Sequence[signal.Signals]) -> bool:
    """Start the command and send it a signal; False if it was done before.

    Three times in ten at any instant, importing included; else soon after it got further than ever before.
    """
    run, before = start(folder, cwd), turn_of(folder)
    if luck.random() < 0.3:
        time.sleep(luck.uniform(0, 2.5))
    else:
        patience_s = time.monotonic() + 1000
        while turn_of(folder) <= before and run.poll() is None:
            assert time.monotonic() < patience_s, "the run makes no progress"
            time.sleep(0.002)
        time.sleep(luck.uniform(0, 0.2))
    kind = luck.choice(kinds)
    run.send_signal(kind)
    return ended_by(kind, run.wait(timeout=600), (cwd / "said").read_text())


def survives(kills: int, rounds: int, cwd: Path, *kinds: signal.Signals) -> None:
    """So many signals; a run that ended before its next one is compared, and another begins."""
    (cwd / "killed.yaml").write_text(SCENARIO.format(rounds=rounds))
    finished(cwd / "alone", cwd)
    luck, sent, runs, seen = random.Random(20261121), 0, 0, [0]
    while sent < kills:
        if kill_at_random(cwd / f"killed{runs}", cwd, luck, kinds):
            sent += 1
            seen.append(turn_of(cwd / f"killed{runs}"))
            continue
        assert max(seen) > 0, "the run ended before anything was kept: more rounds"
        compare(cwd, runs, seen)
        runs, seen = runs + 1, [0]
    compare(cwd, runs, seen)


def compare(cwd: Path, number: int, seen: list[int]) -> None:
    """The killed run, let finish, leaves the bytes of one that was let alone; it never went back."""
    assert seen == sorted(seen), "a run went back behind an earlier checkpoint"
    finished(cwd / f"killed{number}", cwd)
    (killed,), (alone,) = ((cwd / out).glob("killed/*") for out in (f"killed{number}", "alone"))
    assert killed.name == alone.name
    for table in TABLES:
        assert (killed / table).read_bytes() == (alone / table).read_bytes()
    assert len(list(killed.glob("**/*.partial*"))) == 0


def test_three_kills_change_no_byte(tmp_path: Path) -> None:
    survives(3, 60, tmp_path, signal.SIGKILL)


def test_two_interruptions_change_no_byte(tmp_path: Path) -> None:
    survives(2, 60, tmp_path, signal.SIGINT, signal.SIGTERM)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_hundred_kills_change_no_byte(tmp_path: Path) -> None:
    survives(100, 3000, tmp_path, signal.SIGKILL, signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
