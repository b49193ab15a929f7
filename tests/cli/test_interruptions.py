"""An interrupted or killed sweep keeps finished points, and the same command resumes it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.cli.command_line import netsim

SWEEP = (
    "sweep",
    "quickstart",
    "stop.rounds=3",
    "stop.deadline=null",
    "task.model=logistic",
    'sweep={seeds: 3, "network[0].cell.uplink": [1 MHz, 5 MHz]}',
)


def start_sweep(folder: Path, *more: str) -> subprocess.Popen[str]:
    """Start the sweep in a new process and wait for its first point."""
    process = subprocess.Popen(
        [sys.executable, "-m", "netsim", *SWEEP, *more], cwd=folder, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("point 1/"):
            return process
    raise AssertionError("no point was done")


def child_processes(pid: int) -> list[int]:
    """Ids of the child processes of `pid`."""
    pids = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:  # the process has ended
            continue
        if int(text.rpartition(")")[2].split()[1]) == pid:
            pids.append(int(stat.parent.name))
    return pids


def becomes_true(condition: Callable[[], bool]) -> bool:
    """Whether the condition becomes true within ten minutes."""
    for _ in range(6000):
        if condition():
            return True
        time.sleep(0.1)
    return False


def assert_resumes(folder: Path) -> None:
    """Assert that the same command succeeds and keeps finished points."""
    repeated = netsim(*SWEEP, cwd=folder)
    assert repeated.returncode == 0, repeated.stderr
    assert ": kept" in repeated.stderr


def assert_complete(folder: Path) -> None:
    """Assert that the table equals that of an uninterrupted sweep."""
    assert netsim(*SWEEP, "--out", "complete", cwd=folder).returncode == 0
    tables = [
        pd.read_parquet(folder / out / "quickstart-sweep" / "points.parquet") for out in ("runs", "complete")
    ]
    pd.testing.assert_frame_equal(*tables)


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
@pytest.mark.parametrize("workers", [pytest.param("1", marks=pytest.mark.slow), "2"])
def test_an_interrupted_sweep_exits_with_130_and_resumes(workers: str, tmp_path: Path) -> None:
    process = start_sweep(tmp_path, "--workers", workers)
    children = child_processes(process.pid)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=600)
    assert process.returncode == 130, stderr
    assert "run the same command again to continue" in stderr
    assert "Traceback" not in stderr
    assert becomes_true(lambda: not any(is_running(pid) for pid in children))
    assert not (tmp_path / "runs" / "quickstart-sweep" / "timelines").exists()
    assert_resumes(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
@pytest.mark.parametrize("workers", [pytest.param("1", marks=pytest.mark.slow), "2"])
def test_a_killed_sweep_leaves_no_worker_and_resumes(workers: str, tmp_path: Path) -> None:
    process = start_sweep(tmp_path, "--workers", workers)
    children = child_processes(process.pid)
    assert (len(children) >= 2) == (workers == "2")
    process.kill()
    process.communicate(timeout=600)
    assert becomes_true(lambda: not any(is_running(pid) for pid in children))
    assert_resumes(tmp_path)
    if workers == "2":
        assert_complete(tmp_path)


def is_running(pid: int) -> bool:
    """Whether a process is running; zombies are not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_killed_worker_is_replaced_and_only_its_point_fails(tmp_path: Path) -> None:
    (tmp_path / "deadly.py").write_text(KILLING_PARTITION)
    parts = "task.partition: [iid, 'deadly:Poison', {dirichlet: {alpha: 2.0}}]"
    done = netsim(
        "sweep", "quickstart", "stop.rounds=1", f"sweep={{{parts}}}", "--workers", "2", "--retries", "1",
        cwd=tmp_path, PYTHONPATH=os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]),
    )  # fmt: skip
    assert done.returncode == 1
    assert "its worker died 2 times" in done.stderr
    assert "2 of 3 points" in done.stdout


KILLING_PARTITION = '''
"""A partition that kills the process that calls it."""
import os, signal
from dataclasses import dataclass


@dataclass(frozen=True)
class Poison:
    def split(self, labels, groups, seed):
        os.kill(os.getpid(), signal.SIGKILL)
'''
