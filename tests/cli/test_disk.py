"""Full and read-only disks, and two processes with one folder: one error line, exit code 1, no partial results."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from tests.cli.command_line import netsim

from .test_kill import TABLES

RUN = ("run", "quickstart", "stop.rounds=2", "task.model=logistic", "--checkpoint", "0 s")
linux = pytest.mark.skipif(sys.platform != "linux", reason="limits and devices of Linux")


def process(
    *arguments: str, cwd: Path, limit: int | None = None, stdout: int | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command in a new process whose files are limited to `limit` bytes."""

    def set_limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return subprocess.run(
        [sys.executable, "-m", "netsim", *arguments], cwd=cwd, text=True, check=False, preexec_fn=set_limit,
        stdout=subprocess.PIPE if stdout is None else stdout, stderr=subprocess.PIPE,
    )  # fmt: skip


def assert_refused(done: subprocess.CompletedProcess[str]) -> None:
    """Assert exit code 1 and one error line without a traceback."""
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.rstrip().splitlines()[-1].startswith("netsim: ")


def assert_no_partial_results(folder: Path) -> None:
    """Assert that all runs are complete and no temporary file exists."""
    assert not [path for path in folder.rglob("*") if "partial" in path.name or path.suffix == ".tmp"]
    for run in (folder / "quickstart").glob("*"):
        assert {path.name for path in run.iterdir()} >= {*TABLES, "manifest.json", "scenario.yaml"}


def assert_equal_tables(one: Path, other: Path) -> None:
    (first,), (second,) = ((folder / "quickstart").glob("*") for folder in (one, other))
    assert first.name == second.name
    for table in TABLES:
        assert (first / table).read_bytes() == (second / table).read_bytes()


@linux
def test_a_full_disk_gives_an_error_and_the_same_command_resumes(tmp_path: Path) -> None:
    """For a limit reached in the ledger, a checkpoint, the tables or the report."""
    assert netsim(*RUN, "--out", "complete", cwd=tmp_path).returncode == 0
    for limit in (20_000, 500_000):
        assert_refused(done := process(*RUN, "--out", "runs", cwd=tmp_path, limit=limit))
        assert "free space" in done.stderr or "cannot be written" in done.stderr
        assert_no_partial_results(tmp_path / "runs")
    assert netsim(*RUN, "--out", "runs", cwd=tmp_path).returncode == 0
    assert_equal_tables(tmp_path / "runs", tmp_path / "complete")


@linux
@pytest.mark.parametrize("command", [("list",), (*RUN, "--json")])
def test_a_full_output_device_gives_an_error_message(command: tuple[str, ...], tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = process(*command, cwd=tmp_path, stdout=full.fileno())
    assert_refused(done)
    assert "cannot write: No space left on device" in done.stderr


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a temporary file system; skips the test if this user may not mount one."""
    mount_point = tmp_path / "disk"
    mount_point.mkdir()

    def mount(options: str) -> Path:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(mount_point)],
            capture_output=True,
            check=False,
        )
        if done.returncode:
            pytest.skip("this user may not mount a file system")
        return mount_point

    yield mount
    subprocess.run(["umount", str(mount_point)], capture_output=True, check=False)


@linux
@pytest.mark.slow
@pytest.mark.parametrize("size_kb", [64, 200, 400, 2000])
def test_a_small_disk_gives_an_error_message(
    size_kb: int, tmp_path: Path, disk: Callable[[str], Path]
) -> None:
    mounted = disk(f"size={size_kb}k")
    assert_refused(netsim(*RUN, "--out", str(mounted), cwd=tmp_path))
    assert_no_partial_results(mounted)


@linux
@pytest.mark.parametrize("command", [RUN, ("sweep", *RUN[1:4])])
def test_a_read_only_folder_is_refused_before_training(
    command: tuple[str, ...], tmp_path: Path, disk: Callable[[str], Path]
) -> None:
    mounted = disk("size=1m,ro")
    assert_refused(done := netsim(*command, "--out", str(mounted / "runs"), cwd=tmp_path))
    assert "--out" in done.stderr
    assert "round 1" not in done.stderr


def test_two_processes_with_one_run_folder_leave_one_complete_run(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "netsim", *RUN, "--out", "runs"]
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    processes = [subprocess.Popen(command, cwd=tmp_path, text=True, **pipes) for _ in range(2)]  # type: ignore[call-overload]
    errors = [process.communicate(timeout=1000)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], errors
    assert netsim(*RUN, "--out", "complete", cwd=tmp_path).returncode == 0
    assert_no_partial_results(tmp_path / "runs")
    assert_equal_tables(tmp_path / "runs", tmp_path / "complete")


@pytest.mark.parametrize("command", [("report",), ("export", "csv"), ("export", "figures")])
@pytest.mark.parametrize("damage", ["cut off", "overwritten", "no parquet"])
def test_the_error_names_a_damaged_sweep_table(
    command: tuple[str, ...], damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The schema may be valid although the data is damaged."""
    from netsim.reports import read_points
    from netsim.results.run_folder import ResultError

    monkeypatch.chdir(tmp_path)
    points = tmp_path / "x-sweep" / "points.parquet"
    points.parent.mkdir()
    pd.DataFrame({"point": range(1000), "loss": [0.1 * k for k in range(1000)]}).to_parquet(points)
    complete = points.read_bytes()
    changed = bytes(byte ^ 0x55 for byte in complete[4:600])
    points.write_bytes(
        {
            "cut off": complete[:-50],
            "overwritten": complete[:4] + changed + complete[600:],
            "no parquet": b"?",
        }[damage]
    )
    with pytest.raises(ResultError, match="points.parquet"):
        read_points(points)
    done = netsim(*command, str(points.parent), cwd=tmp_path)
    assert_refused(done)
    assert "points.parquet" in done.stderr
