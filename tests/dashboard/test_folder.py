"""The folder of results: safe names and links, the index of runs, damaged runs, scenarios and drafts."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

pytest.importorskip("dash", reason="the dashboard needs the extra `dashboard`")

from netsim.dashboard.address import DashboardError, run_folder, sweep_folder
from netsim.dashboard.jobs import Jobs
from netsim.dashboard.live_run_page import find_run, remove_interrupted
from netsim.dashboard.results_index import find_finished, list_runs, list_sweeps
from netsim.dashboard.results_page import comparison_view, row_cells, runs_table
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
def test_unsafe_names_are_rejected(state: DashboardState, key: str) -> None:
    for look_up in (
        lambda: run_folder(state.folder, key),
        lambda: sweep_folder(state.folder, key),
        lambda: state.source(key),
    ):
        with pytest.raises(DashboardError):
            look_up()


def test_no_run_is_found_by_an_unsafe_name(state: DashboardState) -> None:
    for key in [*HOSTILE, "*-" + "0" * 16, "**-0"]:
        assert find_run(state, key) == (None, None, None)


def test_an_interrupted_run_can_be_removed_from_the_list_and_an_active_one_cannot(
    empty_state: DashboardState,
) -> None:
    heading = {"name": "mine", "scenario": "0" * 16, "rounds": 1, "deadline_s": None}
    with suppress(KeyboardInterrupt), LiveFeed(empty_state.folder, heading):
        assert not remove_interrupted(empty_state, "mine-" + "0" * 16)
        raise KeyboardInterrupt
    assert len(live_runs(empty_state.folder)) == 1
    assert remove_interrupted(empty_state, "mine-" + "0" * 16)
    assert live_runs(empty_state.folder) == []


def test_a_link_out_of_the_folder_is_not_a_run(results: Path, tmp_path: Path) -> None:
    (tmp_path / "quickstart").mkdir()
    run = next(results.glob("quickstart/*"))
    (tmp_path / "quickstart" / run.name).symlink_to(run)
    assert list_runs(tmp_path) == []
    with pytest.raises(DashboardError, match="there is no run"):
        run_folder(tmp_path, f"quickstart/{run.name}")


def test_an_entry_has_the_numbers_of_the_run_s_tables(results: Path, old_run: Result) -> None:
    entry = next(entry for entry in list_runs(results) if entry.key.endswith(old_run.digest))
    accuracy = old_run.last("accuracy")
    assert accuracy is not None
    assert (entry.algorithm, entry.tau, entry.rounds) == ("qmlhfl", (5, 2, 2), 4)
    assert (entry.accuracy, entry.sim_time_s) == (accuracy.value, old_run.sim_time_s)
    assert entry.bits == sum(old_run.bits("up")) + sum(old_run.bits("down"))
    assert row_cells(entry)[:3] == ["qmlhfl", "5, 2, 2", "4"]


def test_the_filter_matches_all_words(results: Path) -> None:
    digest = list_runs(results)[0].key[-16:]
    assert len(list_runs(results)) == len(list_runs(results, "QMLHFL quick")) == 2
    assert [entry.key[-16:] for entry in list_runs(results, f"qmlhfl {digest[:6]}")] == [digest]
    assert list_runs(results, "nobody") == []


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"schema": 1}', '{"schema": 1, "stopped_by": "rounds", "rounds": "x"}']
)
def test_a_damaged_run_is_listed_as_damaged(tmp_path: Path, text: str) -> None:
    run = tmp_path / "mine" / "0123456789abcdef"
    run.mkdir(parents=True)
    (run / "manifest.json").write_text(text)
    assert [entry.status for entry in list_runs(tmp_path)] == ["damaged"]


def test_a_changed_run_is_read_again(results: Path, old_run: Result, tmp_path: Path) -> None:
    run = tmp_path / "quickstart" / old_run.digest
    shutil.copytree(results / "quickstart" / old_run.digest, run)
    assert list_runs(tmp_path)[0].status == "rounds"
    manifest = json.loads((run / "manifest.json").read_text()) | {"stopped_by": "deadline"}
    (run / "manifest.json").write_text(json.dumps(manifest))
    assert list_runs(tmp_path)[0].status == "deadline"


def test_the_run_of_a_scenario_is_found_by_its_digest(results: Path, old_run: Result) -> None:
    entry = find_finished(results, "quickstart", str(old_run.manifest["scenario_digest"]))
    assert entry is not None
    assert entry.key == f"quickstart/{old_run.digest}"
    assert find_finished(results, "quickstart", "0" * 16) is None


def test_the_page_of_an_empty_folder_states_how_to_start_a_run(tmp_path: Path) -> None:
    assert list_runs(tmp_path) == []
    assert list_sweeps(tmp_path) == []
    assert "New run" in str(runs_table([], []))


def test_a_comparison_has_the_figures_of_the_comparison_page(state: DashboardState, results: Path) -> None:
    heading, json_text = comparison_view(state, ",".join(entry.key for entry in list_runs(results)), "")
    page = json.loads(json_text)
    assert heading == "2 runs"
    assert {"plot-accuracy", "plot-loss"} <= set(page["figures"])
    assert "deadline" in page["options"]


@pytest.mark.parametrize("keys", ["", ",", ",".join(f"a/{k:016x}" for k in range(25))])
def test_comparisons_of_no_run_or_too_many_are_rejected(state: DashboardState, keys: str) -> None:
    with pytest.raises(DashboardError, match="compare 1 to 24 runs"):
        comparison_view(state, keys, "")


def test_scenarios_of_the_folder_are_listed_before_the_shipped_ones(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("name: mine\n")
    (tmp_path / "away.yaml").symlink_to("/etc/hostname")
    state = DashboardState(tmp_path, Jobs(tmp_path))
    assert state.scenarios()[1] == "mine.yaml"
    assert "quickstart" in state.scenarios()
    assert state.source("mine.yaml").text == "name: mine\n"
    with pytest.raises(DashboardError, match="outside the folder"):
        state.source("away.yaml")


def test_the_latest_drafts_are_stored_by_digest(state: DashboardState) -> None:
    first = state.save_draft("name: a\n")
    assert state.drafts[first.partition("=")[2]] == "name: a\n"
    for k in range(40):
        state.save_draft(f"name: b{k}\n")
    assert len(state.drafts) == 32
    assert first.partition("=")[2] not in state.drafts
