"""`netsim dashboard` as a process, and the processes of the runs that it starts."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("dash", reason="the dashboard needs the extra `dashboard`")

from netsim.cli.dashboard_command import dashboard_command
from netsim.cli.exit_codes import InputError
from netsim.dashboard.address import Address, DashboardError
from netsim.dashboard.jobs import Job
from netsim.dashboard.server import address_url
from netsim.dashboard.state import DashboardState
from netsim.results.live_feed import live_runs
from netsim.results.result import Result
from netsim.scenario import ScenarioError, load, resolved
from tests.cli.command_line import netsim
from tests.dashboard.conftest import TINY

LONG = resolved(load("quickstart", [*TINY, "stop={rounds: 100000}"]))
SHORT = resolved(load("quickstart", [*TINY, "stop={rounds: 2}"]))


def wait_until(holds: Callable[[], bool]) -> bool:
    """Wait until a condition holds; return whether it did within ten minutes."""
    for _ in range(6000):
        if holds():
            return True
        time.sleep(0.1)
    return False


def has_rows(state: DashboardState) -> bool:
    return any(len(run.rows) > 1 for run in live_runs(state.folder))


def test_a_started_run_is_that_of_the_command_line(empty_state: DashboardState) -> None:
    job = empty_state.jobs.start(SHORT)
    assert wait_until(lambda: job.state == "finished"), job.output
    (folder,) = empty_state.folder.glob("quickstart/*")
    assert Result.load(folder).finished_rounds == 2
    assert "accuracy" in job.output
    assert live_runs(empty_state.folder) == []


def test_a_cancelled_run_saves_its_state_and_continues_when_it_is_started_again(
    empty_state: DashboardState,
) -> None:
    job = empty_state.jobs.start(LONG)
    assert wait_until(lambda: has_rows(empty_state)), job.output
    job.cancel()
    assert wait_until(lambda: job.state == "cancelled"), job.output
    assert "continue from what was saved" in job.output
    assert [run.state for run in live_runs(empty_state.folder)] == ["interrupted"]
    again = empty_state.jobs.start(LONG)
    assert wait_until(lambda: [run.state for run in live_runs(empty_state.folder)] == ["running"]), (
        again.output
    )


def test_stopping_the_jobs_interrupts_the_started_runs(empty_state: DashboardState) -> None:
    empty_state.jobs.start(LONG)
    assert wait_until(lambda: has_rows(empty_state))
    assert empty_state.jobs.stop() == 1
    assert [run.state for run in live_runs(empty_state.folder)] == ["interrupted"]
    assert empty_state.jobs.stop() == 0


def test_a_run_that_ignores_the_interrupt_is_terminated(empty_state: DashboardState, tmp_path: Path) -> None:
    program = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print('ready', flush=True); time.sleep(6000)"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        job = Job("key", "name", "digest", process, tmp_path / "log")
        job.cancel(grace_s=0.2)
        assert job.state == "stopping"
        assert process.wait(timeout=600) == -signal.SIGTERM
        assert job.state == "cancelled"


def test_duplicate_runs_and_too_many_runs_are_rejected(
    empty_state: DashboardState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netsim.dashboard.jobs.MAX_RUNNING", 1)
    empty_state.jobs.start(LONG)
    with pytest.raises(DashboardError, match="already running"):
        empty_state.jobs.start(LONG)
    with pytest.raises(DashboardError, match="runs are active"):
        empty_state.jobs.start(SHORT)


def test_an_invalid_scenario_is_not_started(empty_state: DashboardState) -> None:
    with pytest.raises(ScenarioError, match="rounds"):
        empty_state.jobs.start(SHORT.replace("rounds: 2", "rounds: 0"))
    assert empty_state.jobs.by_key == {}


def test_a_scenario_with_relative_files_runs_from_the_dashboard_s_folder(
    empty_state: DashboardState, tmp_path: Path
) -> None:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "two.yaml").write_text("name: cloud\nchildren: [{name: d0}, {name: d1}]\n")
    text = (
        "name: mine\ntask: {dataset: digits, model: {mlp: {hidden: [4]}}}\ntopology: two.yaml\n"
        "devices: {compute: {flops: {rate: 2 GFLOP/s}}}\nalgorithm: {fedavg: {learning_rate: 0.1, batch_size: 8, local_steps: 1}}\n"
        "network: [{wired: {rate: 1 Mbit/s}}]\nstop: {rounds: 1}\n"
    )
    job = empty_state.jobs.start(text, folder)
    assert wait_until(lambda: job.state == "finished"), job.output


def test_the_command_serves_until_interrupted(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "netsim", "dashboard", "runs", "--port", "0"]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    match = re.fullmatch(r"dashboard: (http://127\.0\.0\.1:\d+/)\n", line)
    assert match, line
    with urllib.request.urlopen(match[1]) as response:
        assert b"netsim" in response.read()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=600)
    assert (process.returncode, errors) == (130, "")


def test_an_occupied_port_is_an_error_with_the_remedy(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "netsim", "dashboard", "runs", "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().rpartition(":")[2].rstrip("/\n")
        done = netsim("dashboard", "runs", "--port", port, cwd=tmp_path)
        process.send_signal(signal.SIGINT)
    assert done.returncode == 1
    assert "choose another --port" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("host", "token", "message"),
    [
        ("0.0.0.0", None, "add --token new"),
        ("192.168.1.7", None, "add --token new"),
        ("127.0.0.1", "short", "at least 16 characters"),
    ],
)
def test_unsafe_addresses_and_tokens_are_rejected(
    host: str, token: str | None, message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        dashboard_command(tmp_path, host, 0, token)


def test_a_file_is_rejected_as_a_folder_of_results(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="name another"):
        dashboard_command(tmp_path / "file", "127.0.0.1", 0, None)


def test_the_url_to_open_contains_the_token() -> None:
    assert address_url(Address("127.0.0.1"), 8050) == "http://127.0.0.1:8050/"
    assert address_url(Address("0.0.0.0", token="secret"), 80) == "http://127.0.0.1:80/?token=secret"
    assert address_url(Address("::1"), 80) == "http://[::1]:80/"
