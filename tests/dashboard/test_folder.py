"""What a folder holds and what is asked of it: names lead nowhere else, damaged runs are told, not fatal."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

pytest.importorskip("dash", reason="the dashboard needs the extra `dashboard`")

from netsim.dashboard.address import DashboardError, run_folder, sweep_folder
from netsim.dashboard.jobs import Jobs
from netsim.dashboard.live_run_page import forget, state_of
from netsim.dashboard.results_index import entries, finished, sweeps
from netsim.dashboard.results_page import cells_of, comparison, table
from netsim.dashboard.state import DashboardState
from netsim.results.live_feed import LiveFeed, live_runs
from netsim.results.result import Result

HOSTILE = [
    "../../etc/passwd",
    "quickstart/../../etc",
    "/etc/passwd",
    "..",
    "",
    "quickstart/0123456789abcdeg",
    "<script>alert(1)</script>",
    "quickstart\\..\\x",
    "quickstart/0123456789abcdef\n",
    "x" * 10_000,
]


@pytest.mark.parametrize("key", HOSTILE)
def test_names_that_could_lead_elsewhere_are_refused(desk: DashboardState, key: str) -> None:
    for ask in (
        lambda: run_folder(desk.folder, key),
        lambda: sweep_folder(desk.folder, key),
        lambda: desk.source(key),
    ):
        with pytest.raises(DashboardError):
            ask()


def test_following_a_name_that_could_lead_elsewhere_finds_nothing(desk: DashboardState) -> None:
    for key in [*HOSTILE, "*-" + "0" * 16, "**-0"]:
        assert state_of(desk, key) == (None, None, None)


def test_a_run_that_broke_off_can_be_forgotten_and_one_under_way_cannot(own: DashboardState) -> None:
    heading = {"name": "mine", "scenario": "0" * 16, "rounds": 1, "deadline_s": None}
    with suppress(KeyboardInterrupt), LiveFeed(own.folder, heading):
        assert not forget(own, "mine-" + "0" * 16)
        raise KeyboardInterrupt
    assert len(live_runs(own.folder)) == 1
    assert forget(own, "mine-" + "0" * 16)
    assert live_runs(own.folder) == []


def test_a_link_out_of_the_folder_is_no_run(results: Path, tmp_path: Path) -> None:
    (tmp_path / "quickstart").mkdir()
    run = next(results.glob("quickstart/*"))
    (tmp_path / "quickstart" / run.name).symlink_to(run)
    assert entries(tmp_path) == []
    with pytest.raises(DashboardError, match="there is no run"):
        run_folder(tmp_path, f"quickstart/{run.name}")


def test_a_line_says_what_the_run_s_tables_say(results: Path, old: Result) -> None:
    entry = next(entry for entry in entries(results) if entry.key.endswith(old.digest))
    accuracy = old.last("accuracy")
    assert accuracy is not None
    assert (entry.algorithm, entry.tau, entry.rounds) == ("qmlhfl", (5, 2, 2), 4)
    assert (entry.accuracy, entry.sim_time_s) == (accuracy.value, old.sim_time_s)
    assert entry.bits == sum(old.bits("up")) + sum(old.bits("down"))
    assert cells_of(entry)[:3] == ["qmlhfl", "5, 2, 2", "4"]


def test_the_filter_wants_all_its_words(results: Path) -> None:
    digest = entries(results)[0].key[-16:]
    assert len(entries(results)) == len(entries(results, "QMLHFL quick")) == 2
    assert [entry.key[-16:] for entry in entries(results, f"qmlhfl {digest[:6]}")] == [digest]
    assert entries(results, "nobody") == []


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"schema": 1}', '{"schema": 1, "stopped_by": "rounds", "rounds": "x"}']
)
def test_a_damaged_run_is_told_and_nothing_else_suffers(tmp_path: Path, text: str) -> None:
    run = tmp_path / "mine" / "0123456789abcdef"
    run.mkdir(parents=True)
    (run / "manifest.json").write_text(text)
    assert [entry.status for entry in entries(tmp_path)] == ["damaged"]


def test_a_run_written_anew_is_read_anew(results: Path, old: Result, tmp_path: Path) -> None:
    run = tmp_path / "quickstart" / old.digest
    shutil.copytree(results / "quickstart" / old.digest, run)
    assert entries(tmp_path)[0].status == "rounds"
    manifest = json.loads((run / "manifest.json").read_text()) | {"stopped_by": "deadline"}
    (run / "manifest.json").write_text(json.dumps(manifest))
    assert entries(tmp_path)[0].status == "deadline"


def test_the_run_of_a_scenario_is_found_by_its_digest(results: Path, old: Result) -> None:
    found = finished(results, "quickstart", str(old.manifest["scenario_digest"]))
    assert found is not None
    assert found.key == f"quickstart/{old.digest}"
    assert finished(results, "quickstart", "0" * 16) is None


def test_an_empty_folder_says_what_to_do(tmp_path: Path) -> None:
    assert entries(tmp_path) == []
    assert sweeps(tmp_path) == []
    assert "New run" in str(table([], []))


def test_runs_are_compared_in_the_report_s_own_words(desk: DashboardState, results: Path) -> None:
    heading, drawn = comparison(desk, ",".join(entry.key for entry in entries(results)), "")
    page = json.loads(drawn)
    assert heading == "2 runs"
    assert {"plot-accuracy", "plot-loss"} <= set(page["figures"])
    assert "deadline" in page["options"]


@pytest.mark.parametrize("keys", ["", ",", ",".join(f"a/{k:016x}" for k in range(25))])
def test_nothing_and_too_much_are_not_compared(desk: DashboardState, keys: str) -> None:
    with pytest.raises(DashboardError, match="compare 1 to 24 runs"):
        comparison(desk, keys, "")


def test_scenarios_of_the_folder_come_before_those_that_ship(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("name: mine\n")
    (tmp_path / "away.yaml").symlink_to("/etc/hostname")
    desk = DashboardState(tmp_path, Jobs(tmp_path))
    assert desk.scenarios()[1] == "mine.yaml"
    assert "quickstart" in desk.scenarios()
    assert desk.source("mine.yaml").text == "name: mine\n"
    with pytest.raises(DashboardError, match="leads out of the folder"):
        desk.source("away.yaml")


def test_drafts_are_kept_by_name_and_the_oldest_go(desk: DashboardState) -> None:
    first = desk.draft("name: a\n")
    assert desk.drafts[first.partition("=")[2]] == "name: a\n"
    for k in range(40):
        desk.draft(f"name: b{k}\n")
    assert len(desk.drafts) == 32
    assert first.partition("=")[2] not in desk.drafts
