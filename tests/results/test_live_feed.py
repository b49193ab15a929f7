"""The file by which others follow a run: it grows, it goes, it stays where a run broke off, and it stops nobody."""

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


def row(number: int, **more: Any) -> dict[str, Any]:
    return {"round": number, "sim_time_s": 2.0 * number, "accuracy": float("nan"), "path_up_s_1": 1.0} | more


def seen(out: Path) -> LiveRun:
    (run,) = live_runs(out)
    return run


def test_rows_can_be_read_while_the_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netsim.results.live_feed._WRITE_INTERVAL_S", 0.0)
    with LiveFeed(tmp_path, HEADING) as live:
        assert (seen(tmp_path).state, seen(tmp_path).rows) == ("running", [])
        live.show(row(0))
        live.show(row(1, accuracy=0.5))
        assert [told["accuracy"] for told in seen(tmp_path).rows] == [None, 0.5]
        assert "path_up_s_1" not in seen(tmp_path).rows[0]


def test_a_run_that_is_done_leaves_no_file(tmp_path: Path) -> None:
    with LiveFeed(tmp_path, HEADING) as live:
        live.show(row(0))
    assert list((tmp_path / FOLDER).iterdir()) == []


@pytest.mark.parametrize(("error", "state"), [(KeyboardInterrupt, "interrupted"), (RuntimeError, "failed")])
def test_a_run_that_broke_off_says_how_far_it_was(
    tmp_path: Path, error: type[BaseException], state: str
) -> None:
    with suppress(error), LiveFeed(tmp_path, HEADING) as live:
        live.show(row(0))
        raise error
    assert (seen(tmp_path).state, len(seen(tmp_path).rows)) == (state, 1)


def test_half_a_line_is_not_read_yet_and_strangers_are_nobody(tmp_path: Path) -> None:
    path = tmp_path / FOLDER / FILE
    path.parent.mkdir()
    path.write_text(json.dumps({**HEADING, "started": "now"}) + '\n{"round": 0}\n{"rou')
    assert seen(tmp_path).rows == [{"round": 0}]
    for text in ("", "nonsense\n", "[]\n", '{"name": 1}\n'):
        path.write_text(text)
        assert live_runs(tmp_path) == []
    assert read_live(tmp_path / "absent.jsonl") is None


def test_the_later_of_two_runs_of_a_scenario_keeps_its_file(tmp_path: Path) -> None:
    with LiveFeed(tmp_path, HEADING):
        later = LiveFeed(tmp_path, HEADING)
        later.__enter__()
    assert seen(tmp_path).state == "running"
    later.__exit__(None, None, None)
    assert live_runs(tmp_path) == []


def test_a_folder_that_cannot_be_written_stops_no_run(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("in the way")
    with LiveFeed(tmp_path, HEADING) as live:
        live.show(row(0))


@pytest.mark.skipif(sys.platform == "win32", reason="locks tell")
def test_a_killed_run_is_lost_not_running(tmp_path: Path) -> None:
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
    assert seen(tmp_path).state == "running"
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert seen(tmp_path).state == "lost"
    assert seen(tmp_path).rows
