"""The report is one self-contained file and states what it cannot draw."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from netsim.reports import render_report, run_report, write_report
from netsim.reports.page import script_json
from netsim.reports.run_report import LABELS
from netsim.results.result import Result

MakeResult = Callable[..., Result]
NAN = float("nan")
HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>"


def strip_scripts(html: str) -> str:
    """The page without its scripts."""
    return re.sub(r"<script>.*?</script>", "", html, flags=re.DOTALL)


def test_the_report_is_one_small_file(make_result: MakeResult, tmp_path: Path) -> None:
    path = write_report(make_result(finished=5000), tmp_path / "deep" / "run_report.html")
    assert path.stat().st_size < 6e6
    assert [entry.name for entry in path.parent.iterdir()] == ["run_report.html"]


def test_the_report_contains_no_external_address(make_result: MakeResult) -> None:
    page = strip_scripts(render_report(make_result()))
    assert not re.search(r"""(src|href|action)=|https?://|@import|url\(""", page)


def test_the_headline_contains_accuracy_time_bits_and_digest(make_result: MakeResult) -> None:
    page = render_report(make_result(finished=1, depth=1))
    headline = dict(re.findall(r"<div><dt>(.*?)</dt><dd>(.*?)</dd></div>", page))
    assert headline["Final accuracy"] == "0.270"
    assert (headline["Simulated time"], headline["Sent up"], headline["Sent down"]) == (
        "750 ms",
        "4.02 Mbit",
        "16 Mbit",
    )
    assert (headline["Stopped by"], headline["Digest"]) == ("rounds", "4f2a9c01d2e3b4a5")


@pytest.mark.parametrize("field", ["name", "digest", "stopped_by", "versions", "scenario_text"])
def test_hostile_text_is_escaped_in_every_place(make_result: MakeResult, field: str) -> None:
    manifest = dict(make_result().manifest)
    run = (
        make_result(scenario_text=HOSTILE)
        if field == "scenario_text"
        else make_result(manifest=manifest | {field: HOSTILE})
    )
    page = render_report(run)
    assert HOSTILE not in page
    assert "<img" not in strip_scripts(page)
    assert page.count("<script") - page.count("<script>document") == render_report(make_result()).count(
        "<script"
    )


def test_json_inside_a_script_element_cannot_end_it() -> None:
    text = script_json({"name": HOSTILE + "<!--&"})
    assert not set("<>&") & set(text)
    assert json.loads(text) == {"name": HOSTILE + "<!--&"}


def test_a_task_without_accuracy_has_a_loss_curve_and_a_note(make_result: MakeResult) -> None:
    page = render_report(make_result(rounds=make_result().rounds.assign(accuracy=NAN)))
    assert "This run has no accuracy:" in page
    assert 'id="plot-loss"' in page
    assert 'id="plot-accuracy"' not in page


def test_a_timing_run_states_that_nothing_was_evaluated(make_result: MakeResult) -> None:
    page = render_report(make_result(rounds=make_result().rounds.assign(accuracy=NAN, loss=NAN)))
    assert "simulated for its timing only" in page
    assert 'id="plot-path"' in page


@pytest.mark.parametrize("rows", [0, 1])
def test_a_run_without_a_finished_round_states_so(make_result: MakeResult, rows: int) -> None:
    page = render_report(make_result(finished=0, rounds=make_result(finished=0).rounds.iloc[:rows]))
    assert "No global round finished" in page
    assert "No message was sent" in page


def test_a_run_stopped_in_its_first_round_shows_the_initial_model(make_result: MakeResult) -> None:
    messages = make_result(finished=1).messages
    page = render_report(make_result(finished=0, messages=messages))
    assert "<dt>Initial accuracy</dt><dd>0.100</dd>" in page
    assert "evaluated only once" in page
    assert "sent within the unfinished round" in page


def test_a_loss_that_overflowed_is_shown_as_not_finite(make_result: MakeResult) -> None:
    rounds = make_result(finished=3).rounds
    page = render_report(make_result(rounds=rounds.assign(loss=[2.3, 90.0, NAN, NAN])))
    assert "<dt>Final loss</dt><dd>not finite</dd>" in page


def test_long_curves_are_thinned_with_a_note(make_result: MakeResult) -> None:
    page = render_report(make_result(finished=1500, depth=1))
    assert "The curves show 1,000 evenly spaced rounds of 1,501." in page


def test_a_long_scenario_is_truncated_with_a_note(
    make_result: MakeResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_report, "_MAX_SCENARIO_LENGTH", 10)
    page = render_report(make_result(scenario_text="0123456789abcdef"))
    assert "0123456789</pre>" in page
    assert "first 10 of 16 characters" in page


def test_figures_have_a_text_alternative(make_result: MakeResult) -> None:
    page = render_report(make_result(finished=1, depth=1))
    assert 'aria-label="Accuracy from 0.1 at the start to 0.27 at the end of the run."' in page
    assert (
        "The mean round takes 750 ms: layer 1 downlink 50 ms, compute 500 ms, layer 1 uplink 200 ms." in page
    )


def test_a_report_is_replaced_atomically(
    make_result: MakeResult, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_report(make_result(), tmp_path / "run_report.html")
    before = path.read_bytes()

    def fails(result: Result, round_number: int | None) -> str:
        raise KeyError(result.name, round_number)

    monkeypatch.setattr(run_report, "render_report", fails)
    with pytest.raises(KeyError):
        write_report(make_result(), path)
    assert path.read_bytes() == before


def test_provenance_has_labels_in_place_of_the_manifest_s_keys(make_result: MakeResult) -> None:
    run = make_result()
    provenance = {
        "scenario_digest": "1f",
        "algorithm": {"name": "qmlhfl", "tau": [5, 2, 2]},
        "task": {"description": "digits", "provenance": "scikit-learn", "parameters": 385},
        "numerics": {"engine": "batched", "device": "cpu", "precision": "float32", "strategy": "fused"},
        "versions": {
            "python": "3.12",
            "netsim-hfl": "1",
            "torch": "2",
            "numpy": "2",
            "simpy": "4",
            "numba": "1",
        },
        "started": "2026-01-01",
        "host_time_s": 12.0,
        "odd_key": {"in_s": 3.0},
    }
    page = render_report(replace(run, manifest={**run.manifest, **provenance}))
    displayed = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page))
    assert (displayed["Data"], displayed["Parameters of the model"]) == ("scikit-learn", "385")
    assert displayed["Host run time"] == "12 s"
    assert displayed["odd key: in"] == "3 s"
    assert set(LABELS.values()) <= set(displayed)
