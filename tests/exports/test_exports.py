"""Exports contain the numbers of the tables in the formats of other programs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pandas as pd
import pytest

from netsim.exports import write_csv_tables, write_figures, write_perfetto_trace, write_tensorboard_log
from netsim.exports.figures import traces_with_legend
from netsim.exports.missing_extra import MissingExtraError
from netsim.reports.page_parts import Figure, LegendEntry
from netsim.results.result import Result
from tests.reports.conftest import star, synthetic

FIGURE = Figure(
    "f",
    "F",
    "description",
    [{"type": "scatter", "x": [1], "y": [2]}] * 2,
    {"height": 300, "margin": {}},
    [LegendEntry("both", "line", ["red"], [0, 1])],
)


def save(folder: Path, run: Result) -> Path:
    return run.save(folder / "run")


def test_csv_files_contain_every_digit_of_every_table(tmp_path: Path) -> None:
    run = synthetic(finished=3)
    written = write_csv_tables(save(tmp_path, run), tmp_path / "csv")
    assert [path.name for path in written] == ["rounds.csv", "messages.csv", "nodes.csv"]
    for path in written:
        pd.testing.assert_frame_equal(
            pd.read_csv(path), getattr(run, path.stem), check_dtype=False, rtol=1e-15, atol=0
        )


def test_a_text_that_looks_like_a_formula_is_escaped(tmp_path: Path) -> None:
    run = star()
    run.messages["src"] = "=HYPERLINK(1)"
    write_csv_tables(save(tmp_path, run), tmp_path / "csv")
    assert pd.read_csv(tmp_path / "csv" / "messages.csv")["src"][0] == "'=HYPERLINK(1)"


def events(path: Path) -> list[dict[str, object]]:
    document = json.loads(path.read_text())
    assert document["displayTimeUnit"] == "ms"
    return list(document["traceEvents"])


def test_events_have_the_fields_that_the_format_requires(tmp_path: Path) -> None:
    for event in events(write_perfetto_trace(star(), tmp_path / "t.json")):
        assert {"name", "ph", "pid", "tid"} <= event.keys()
        assert event["ph"] in {"X", "M", "C"}
        if event["ph"] == "X":
            assert isinstance(event["ts"], float)
            assert isinstance(event["dur"], float)
            assert event["dur"] >= 0


def test_event_times_are_microseconds_of_simulated_time(tmp_path: Path) -> None:
    complete = [e for e in events(write_perfetto_trace(star(), tmp_path / "t.json")) if e["ph"] == "X"]
    assert [(e["name"], e["ts"], e["dur"]) for e in complete][:5] == [
        ("round 1", 0.0, 4.5e6), ("layer 1 downlink", 0.0, 1e6), ("compute", 1e6, 2e6),
        ("layer 1 queueing", 3e6, 5e5), ("layer 1 uplink", 3.5e6, 1e6),
    ]  # fmt: skip


def test_events_of_a_thread_do_not_overlap(tmp_path: Path) -> None:
    threads: dict[object, float] = {}
    for event in events(write_perfetto_trace(star(), tmp_path / "t.json")):
        if event["ph"] == "X":
            assert isinstance(event["ts"], float)
            assert isinstance(event["dur"], float)
            assert event["ts"] >= threads.get((event["pid"], event["tid"]), 0.0) - 1e-3
            threads[event["pid"], event["tid"]] = event["ts"] + event["dur"]


def test_threads_are_named_after_nodes_and_processes_after_levels(tmp_path: Path) -> None:
    named_events = [e for e in events(write_perfetto_trace(star(), tmp_path / "t.json")) if e["ph"] == "M"]
    names = [e["args"]["name"] for e in named_events if e["name"] != "process_sort_index"]  # type: ignore[index]
    assert names == ["quickstart: global rounds", "devices", "d0", "d1"]


def test_a_loss_that_is_not_finite_has_no_counter_event(tmp_path: Path) -> None:
    run = star()
    run.rounds["loss"] = [2.0, float("inf")]
    counted = [e["name"] for e in events(write_perfetto_trace(run, tmp_path / "t.json")) if e["ph"] == "C"]
    assert counted == ["accuracy", "loss", "accuracy"]


def test_without_kaleido_the_error_contains_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netsim.exports.figures.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install -e '.\[figures\]'"):
        write_figures([FIGURE], tmp_path, "svg")


def test_without_tensorboardx_the_error_contains_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(MissingExtraError, match=r"pip install -e '.\[tensorboard\]'"):
        write_tensorboard_log(star(), tmp_path)


def test_a_legend_entry_of_the_page_is_one_entry_of_plotly_s_legend() -> None:
    assert [(t["showlegend"], t["legendgroup"]) for t in traces_with_legend(FIGURE)] == [
        (False, "both"),
        (True, "both"),
    ]


def test_figures_are_written_as_svg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("kaleido", reason="the extra `figures` installs kaleido")
    monkeypatch.setenv("BROWSER_PATH", "/usr/bin/chromium")
    [path] = write_figures([FIGURE], tmp_path, "svg")
    assert path.read_text().startswith("<svg")


def test_a_tensorboard_log_is_written(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX", reason="the extra `tensorboard` installs it")
    write_tensorboard_log(synthetic(finished=3), tmp_path)
    [log] = tmp_path.iterdir()
    assert b"bits/bits_up_1" in log.read_bytes()
