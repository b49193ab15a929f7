"""The live file of a run: written during the run, removed at its end, kept if the run is aborted, never blocking."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from netsim.results.live_feed import FOLDER, LiveFeed, LiveRun, live_runs, read_live

HEADING = {"name": "mine", "scenario": "0123456789abcdef", "rounds": 3, "deadline_s": None}
FILE = "mine-0123456789abcdef.jsonl"


def row(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "round": number,
        "sim_time_s": 2.0 * number,
        "accuracy": float("nan"),
        "path_up_s_1": 1.0,
    } | fields


def only_run(out: Path) -> LiveRun:
    (run,) = live_runs(out)
    return run


def test_rows_can_be_read_during_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netsim.results.live_feed._WRITE_INTERVAL_S", 0.0)
    with LiveFeed(tmp_path, HEADING) as live:
        assert (only_run(tmp_path).state, only_run(tmp_path).rows) == ("running", [])
        live.show(row(0))
        live.show(row(1, accuracy=0.5))
        assert [row_read["accuracy"] for row_read in only_run(tmp_path).rows] == [None, 0.5]
        assert "path_up_s_1" not in only_run(tmp_path).rows[0]


def test_a_completed_run_removes_its_file(tmp_path: Path) -> None:
    with LiveFeed(tmp_path, HEADING) as live:
        live.show(row(0))
    assert list((tmp_path / FOLDER).iterdir()) == []


@pytest.mark.parametrize(("error", "state"), [(KeyboardInterrupt, "interrupted"), (RuntimeError, "failed")])
def test_an_aborted_run_keeps_its_rows_and_state(
    tmp_path: Path, error: type[BaseException], state: str
) -> None:
    with suppress(error), LiveFeed(tmp_path, HEADING) as live:
        live.show(row(0))
        raise error
    assert (only_run(tmp_path).state, len(only_run(tmp_path).rows)) == (state, 1)


def test_incomplete_lines_and_invalid_files_are_ignored(tmp_path: Path) -> None:
    path = tmp_path / FOLDER / FILE
    path.parent.mkdir()
    path.write_text(json.dumps({**HEADING, "started": "now"}) + '\n{"round": 0}\n{"rou')
    assert only_run(tmp_path).rows == [{"round": 0}]
    for text in ("", "nonsense\n", "[]\n", '{"name": 1}\n'):
        path.write_text(text)
        assert live_runs(tmp_path) == []
    assert read_live(tmp_path / "absent.jsonl") is None


def test_the_second_of_two_runs_of_a_scenario_keeps_its_file(tmp_path: Path) -> None:
    with LiveFeed(tmp_path, HEADING):
        later = LiveFeed(tmp_path, HEADING)
        later.__enter__()
    assert only_run(tmp_path).state == "running"
    later.__exit__(None, None, None)
    assert live_runs(tmp_path) == []


def test_an_unwritable_folder_does_not_stop_a_run(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("in the way")
    with LiveFeed(tmp_path, HEADING) as live:
        live.show(row(0))


@pytest.mark.skipif(sys.platform == "win32", reason="locks tell")
def test_a_killed_run_is_listed_as_lost(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "netsim",
        "run",
        "quickstart",
        "stop={rounds: 100000}",
        "--engine",
        "timing",
    ]
    process = subprocess.Popen([*command, "--out", str(tmp_path)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 600
    while not [run for run in live_runs(tmp_path) if run.rows] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert only_run(tmp_path).state == "running"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert only_run(tmp_path).state == "lost"
    assert only_run(tmp_path).rows
