"""`netsim dashboard` as a program, and the runs it starts: real processes."""

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
from netsim.cli.error_handling import InputError
from netsim.dashboard.address import Address, DashboardError
from netsim.dashboard.jobs import Job
from netsim.dashboard.server import address_url
from netsim.dashboard.state import DashboardState
from netsim.results.live_feed import live_runs
from netsim.results.result import Result
from netsim.scenario import ScenarioError, load, resolved
from tests.cli.calling import netsim
from tests.dashboard.conftest import TINY

LONG = resolved(load("quickstart", [*TINY, "stop={rounds: 100000}"]))
SHORT = resolved(load("quickstart", [*TINY, "stop={rounds: 2}"]))


def until(holds: Callable[[], bool]) -> bool:
    """Whether it holds within a generous time."""
    for _ in range(6000):
        if holds():
            return True
        time.sleep(0.1)
    return False


def has_rows(desk: DashboardState) -> bool:
    return any(len(run.rows) > 1 for run in live_runs(desk.folder))


def test_a_launched_run_is_the_run_of_the_command_line(own: DashboardState) -> None:
    job = own.jobs.start(SHORT)
    assert until(lambda: job.state == "finished"), job.said
    (folder,) = own.folder.glob("quickstart/*")
    assert Result.load(folder).finished_rounds == 2
    assert "accuracy" in job.said
    assert live_runs(own.folder) == []


def test_a_cancelled_run_keeps_what_it_has_and_goes_on_when_launched_again(own: DashboardState) -> None:
    job = own.jobs.start(LONG)
    assert until(lambda: has_rows(own)), job.said
    job.cancel()
    assert until(lambda: job.state == "cancelled"), job.said
    assert "goes on from what was kept" in job.said
    assert [run.state for run in live_runs(own.folder)] == ["interrupted"]
    again = own.jobs.start(LONG)
    assert until(lambda: [run.state for run in live_runs(own.folder)] == ["running"]), again.said


def test_a_dashboard_that_ends_interrupts_what_it_started(own: DashboardState) -> None:
    own.jobs.start(LONG)
    assert until(lambda: has_rows(own))
    assert own.jobs.stop() == 1
    assert [run.state for run in live_runs(own.folder)] == ["interrupted"]
    assert own.jobs.stop() == 0


def test_a_run_that_ignores_the_interruption_is_terminated(own: DashboardState, tmp_path: Path) -> None:
    deaf = "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print('deaf', flush=True); time.sleep(6000)"
    with subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        job = Job("key", "name", "digest", process, tmp_path / "log")
        job.cancel(grace_s=0.2)
        assert job.state == "stopping"
        assert process.wait(timeout=600) == -signal.SIGTERM
        assert job.state == "cancelled"


def test_one_scenario_runs_once_at_a_time_and_a_few_at_most(
    own: DashboardState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netsim.dashboard.jobs.MOST", 1)
    own.jobs.start(LONG)
    with pytest.raises(DashboardError, match="running already"):
        own.jobs.start(LONG)
    with pytest.raises(DashboardError, match="runs are under way"):
        own.jobs.start(SHORT)


def test_a_wrong_scenario_starts_nothing(own: DashboardState) -> None:
    with pytest.raises(ScenarioError, match="rounds"):
        own.jobs.start(SHORT.replace("rounds: 2", "rounds: 0"))
    assert own.jobs.known == {}


def test_a_scenario_that_names_files_beside_it_runs_from_the_dashboard_s_folder(
    own: DashboardState, tmp_path: Path
) -> None:
    beside = tmp_path / "elsewhere"
    beside.mkdir()
    (beside / "two.yaml").write_text("name: cloud\nchildren: [{name: d0}, {name: d1}]\n")
    text = (
        "name: mine\ntask: {dataset: digits, model: {mlp: {hidden: [4]}}}\ntopology: two.yaml\n"
        "devices: {compute: {flops: {rate: 2 GFLOP/s}}}\nalgorithm: {fedavg: {learning_rate: 0.1, batch_size: 8, local_steps: 1}}\n"
        "network: [{wired: {rate: 1 Mbit/s}}]\nstop: {rounds: 1}\n"
    )
    job = own.jobs.start(text, beside)
    assert until(lambda: job.state == "finished"), job.said


def test_the_program_serves_until_interrupted(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "netsim", "dashboard", "runs", "--port", "0"]
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    found = re.fullmatch(r"dashboard: (http://127\.0\.0\.1:\d+/)\n", line)
    assert found, line
    with urllib.request.urlopen(found[1]) as answer:
        assert b"netsim" in answer.read()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=600)
    assert (process.returncode, said) == (130, "")


def test_a_taken_port_is_told_with_the_remedy(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "netsim", "dashboard", "runs", "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().rpartition(":")[2].rstrip("/\n")
        done = netsim("dashboard", "runs", "--port", port, cwd=tmp_path)
        process.send_signal(signal.SIGINT)
    assert done.returncode == 1
    assert "name another --port" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("host", "token", "words"),
    [
        ("0.0.0.0", None, "add --token new"),
        ("192.168.1.7", None, "add --token new"),
        ("127.0.0.1", "short", "at least 16 characters"),
    ],
)
def test_what_is_not_safe_is_refused(host: str, token: str | None, words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        dashboard_command(tmp_path, host, 0, token)


def test_a_file_is_no_folder_of_results(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="name another"):
        dashboard_command(tmp_path / "file", "127.0.0.1", 0, None)


def test_the_address_to_open_carries_the_token() -> None:
    assert address_url(Address("127.0.0.1"), 8050) == "http://127.0.0.1:8050/"
    assert address_url(Address("0.0.0.0", token="secret"), 80) == "http://127.0.0.1:80/?token=secret"
    assert address_url(Address("::1"), 80) == "http://[::1]:80/"
