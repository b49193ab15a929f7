"""A disk that is full or may not be written to, and two processes in one place: a line, exit code 1, nothing half."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from tests.cli.calling import netsim

from .test_kill import TABLES

RUN = ("run", "quickstart", "stop.rounds=2", "task.model=logistic", "--checkpoint", "0 s")
linux = pytest.mark.skipif(sys.platform != "linux", reason="limits and devices of Linux")


def process(
    *arguments: str, cwd: Path, limit: int | None = None, stdout: int | None = None
) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, whose files may have `limit` bytes."""

    def within() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.run(
        [sys.executable, "-m", "netsim", *arguments], cwd=cwd, text=True, check=False, preexec_fn=within,
        stdout=subprocess.PIPE if stdout is None else stdout, stderr=subprocess.PIPE,
    )  # fmt: skip


def refuses(done: subprocess.CompletedProcess[str]) -> None:
    """Exit code 1, and one line that says what to do."""
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.rstrip().splitlines()[-1].startswith("netsim: ")


def nothing_half(folder: Path) -> None:
    """Tables are whole or not there, and no temporary file is left."""
    assert not [path for path in folder.rglob("*") if "partial" in path.name or path.suffix == ".tmp"]
    for run in (folder / "quickstart").glob("*"):
        assert {path.name for path in run.iterdir()} >= {*TABLES, "manifest.json", "scenario.yaml"}


def same_tables(one: Path, other: Path) -> None:
    (first,), (second,) = ((folder / "quickstart").glob("*") for folder in (one, other))
    assert first.name == second.name
    for table in TABLES:
        assert (first / table).read_bytes() == (second / table).read_bytes()


@linux
def test_a_disk_that_fills_up_is_named_and_the_same_command_goes_on(tmp_path: Path) -> None:
    """At whatever file it happens: ledger, checkpoint, tables, report."""
    assert netsim(*RUN, "--out", "whole", cwd=tmp_path).returncode == 0
    for limit in (20_000, 500_000):
        refuses(done := process(*RUN, "--out", "runs", cwd=tmp_path, limit=limit))
        assert "free space" in done.stderr or "cannot be written" in done.stderr
        nothing_half(tmp_path / "runs")
    assert netsim(*RUN, "--out", "runs", cwd=tmp_path).returncode == 0
    same_tables(tmp_path / "runs", tmp_path / "whole")


@linux
@pytest.mark.parametrize("command", [("list",), (*RUN, "--json")])
def test_output_that_cannot_be_written_is_no_bug(command: tuple[str, ...], tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = process(*command, cwd=tmp_path, stdout=full.fileno())
    refuses(done)
    assert "cannot write: No space left on device" in done.stderr


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A file system of a given kind, where this user may mount one."""
    where = tmp_path / "disk"
    where.mkdir()

    def mounted(options: str) -> Path:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(where)], capture_output=True, check=False
        )
        if done.returncode:
            pytest.skip("this user may not mount a file system")
        return where

    yield mounted
    subprocess.run(["umount", str(where)], capture_output=True, check=False)


@linux
@pytest.mark.slow
@pytest.mark.parametrize("size_kb", [64, 200, 400, 2000])
def test_a_small_disk_is_full_in_words(size_kb: int, tmp_path: Path, disk: Callable[[str], Path]) -> None:
    home = disk(f"size={size_kb}k")
    refuses(netsim(*RUN, "--out", str(home), cwd=tmp_path))
    nothing_half(home)


@linux
@pytest.mark.parametrize("command", [RUN, ("sweep", *RUN[1:4])])
def test_a_folder_that_may_not_be_written_to_is_named_before_anything_is_trained(
    command: tuple[str, ...], tmp_path: Path, disk: Callable[[str], Path]
) -> None:
    home = disk("size=1m,ro")
    refuses(done := netsim(*command, "--out", str(home / "runs"), cwd=tmp_path))
    assert "--out" in done.stderr
    assert "round 1" not in done.stderr


def test_two_processes_on_one_run_folder_leave_one_whole_run(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "netsim", *RUN, "--out", "runs"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    crowd = [subprocess.Popen(command, cwd=tmp_path, text=True, **quiet) for _ in range(2)]  # type: ignore[call-overload]
    said = [process.communicate(timeout=1000)[1] for process in crowd]
    assert [process.returncode for process in crowd] == [0, 0], said
    assert netsim(*RUN, "--out", "whole", cwd=tmp_path).returncode == 0
    nothing_half(tmp_path / "runs")
    same_tables(tmp_path / "runs", tmp_path / "whole")


@pytest.mark.parametrize("command", [("report",), ("export", "csv"), ("export", "figures")])
@pytest.mark.parametrize("harm", ["cut off", "overwritten", "no parquet"])
def test_a_damaged_table_of_a_sweep_is_named(
    command: tuple[str, ...], harm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its schema may be whole, and only what it holds damaged."""
    from netsim.reports import read_points
    from netsim.results.run_folder import ResultError

    monkeypatch.chdir(tmp_path)
    points = tmp_path / "x-sweep" / "points.parquet"
    points.parent.mkdir()
    pd.DataFrame({"point": range(1000), "loss": [0.1 * k for k in range(1000)]}).to_parquet(points)
    whole = points.read_bytes()
    middle = bytes(byte ^ 0x55 for byte in whole[4:600])
    points.write_bytes(
        {"cut off": whole[:-50], "overwritten": whole[:4] + middle + whole[600:], "no parquet": b"?"}[harm]
    )
    with pytest.raises(ResultError, match="points.parquet"):
        read_points(points)
    done = netsim(*command, str(points.parent), cwd=tmp_path)
    refuses(done)
    assert "points.parquet" in done.stderr
