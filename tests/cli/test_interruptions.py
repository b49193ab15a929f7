"""A sweep that is interrupted or killed keeps what is done, and the same command goes on from there."""

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

from tests.cli.calling import netsim

SWEEP = (
    "sweep",
    "quickstart",
    "stop.rounds=3",
    "stop.deadline=null",
    "task.model=logistic",
    'sweep={seeds: 3, "network[0].cell.uplink": [1 MHz, 5 MHz]}',
)


def begun(folder: Path, *more: str) -> subprocess.Popen[str]:
    """The sweep as a process of its own, once its first point is done."""
    process = subprocess.Popen(
        [sys.executable, "-m", "netsim", *SWEEP, *more], cwd=folder, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("point 1/"):
            return process
    raise AssertionError("no point was done")


def children(pid: int) -> list[int]:
    """Living processes whose parent is `pid`."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = stat.read_text()
        except OSError:  # ended meanwhile
            continue
        if int(text.rpartition(")")[2].split()[1]) == pid:
            found.append(int(stat.parent.name))
    return found


def eventually(holds: Callable[[], bool]) -> bool:
    """Whether it holds within a generous time."""
    for _ in range(6000):
        if holds():
            return True
        time.sleep(0.1)
    return False


def goes_on(folder: Path) -> None:
    """The same command ends well and keeps points."""
    again = netsim(*SWEEP, cwd=folder)
    assert again.returncode == 0, again.stderr
    assert ": kept" in again.stderr


def is_whole(folder: Path) -> None:
    """Its table is that of a sweep nobody stopped."""
    assert netsim(*SWEEP, "--out", "whole", cwd=folder).returncode == 0
    tables = [
        pd.read_parquet(folder / out / "quickstart-sweep" / "points.parquet") for out in ("runs", "whole")
    ]
    pd.testing.assert_frame_equal(*tables)


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_interrupted_sweep_exits_with_130_keeps_what_is_done_and_goes_on(
    workers: str, tmp_path: Path
) -> None:
    process = begun(tmp_path, "--workers", workers)
    helpers = children(process.pid)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=600)
    assert process.returncode == 130, said
    assert "the same command goes on from here" in said
    assert "Traceback" not in said
    assert eventually(lambda: not any(alive(pid) for pid in helpers))
    assert not (tmp_path / "runs" / "quickstart-sweep" / "timelines").exists()
    goes_on(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_killed_sweep_leaves_no_worker_behind_and_goes_on(workers: str, tmp_path: Path) -> None:
    process = begun(tmp_path, "--workers", workers)
    helpers = children(process.pid)
    assert (len(helpers) >= 2) == (workers == "2")
    process.kill()
    process.communicate(timeout=600)
    assert eventually(lambda: not any(alive(pid) for pid in helpers))
    goes_on(tmp_path)
    if workers == "2":
        is_whole(tmp_path)


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and was not yet buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_worker_that_dies_is_replaced_and_only_its_own_point_fails(tmp_path: Path) -> None:
    (tmp_path / "deadly.py").write_text(DEADLY)
    parts = "task.partition: [iid, 'deadly:Poison', {dirichlet: {alpha: 2.0}}]"
    done = netsim(
        "sweep", "quickstart", "stop.rounds=1", f"sweep={{{parts}}}", "--workers", "2", "--retries", "1",
        cwd=tmp_path, PYTHONPATH=os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]),
    )  # fmt: skip
    assert done.returncode == 1
    assert "its worker died 2 times" in done.stderr
    assert "2 of 3 points" in done.stdout


DEADLY = '''
"""A partition that kills who splits with it."""
import os, signal
from dataclasses import dataclass


@dataclass(frozen=True)
class Poison:
    def split(self, labels, groups, seed):
        os.kill(os.getpid(), signal.SIGKILL)
'''
