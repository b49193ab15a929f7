"""What a sweep over the network costs beside a single run: points that train the same models train once."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.bench

POINTS = "sweep={'network[0].cell.uplink': [1 MHz, 2 MHz, 5 MHz, 10 MHz, 20 MHz, 40 MHz, 60 MHz, 80 MHz]}"


def cpu_s(*command: str, folder: Path) -> float:
    """Processor seconds of a netsim command, its children included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "netsim", *command], cwd=folder, capture_output=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_eight_points_against_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    long = ("stop.rounds=60", "stop.deadline=null")
    for name in ("one", "again", "many"):
        (tmp_path / name).mkdir()
    one = cpu_s("run", "quickstart", *long, folder=tmp_path / "one")
    again = cpu_s("run", "quickstart", *long, "network[0].cell.uplink=3 MHz", folder=tmp_path / "one")
    many = cpu_s("sweep", "quickstart", *long, POINTS, folder=tmp_path / "many")
    with capsys.disabled():
        print(
            f"\none run {one:.1f} s, the same over another network (re-timed) {again:.1f} s, "
            f"a sweep over eight networks {many:.1f} s: {many / one:.1f} runs"
        )
    assert many < 8 * one
