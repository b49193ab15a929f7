"""The report in a real browser: quiet, offline, usable with a keyboard, readable in both themes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netsim.reports import write_report
from netsim.results.result import Result
from tests.reports.conftest import PATIENCE_MS, Opened, OpenPage

sync_api = pytest.importorskip("playwright.sync_api", reason="the extra `test` installs playwright")
sync_api.expect.set_options(timeout=PATIENCE_MS)

MakeResult = Callable[..., Result]
Open = Callable[..., Opened]
NAN = float("nan")


@pytest.fixture
def open_report(open_page: OpenPage, tmp_path: Path) -> Open:
    def opened(run: Result, **how: Any) -> Opened:
        return open_page(write_report(run, tmp_path / "report.html"), **how)

    return opened


def test_the_page_is_quiet_and_asks_for_nothing_but_itself(
    make_result: MakeResult, open_report: Open, tmp_path: Path
) -> None:
    seen = open_report(make_result())
    assert seen.page.locator(".plot .main-svg").count() >= 6
    assert seen.said == []
    assert seen.asked == [(tmp_path / "report.html").as_uri()]


def test_there_is_no_upload_button_and_no_logo(make_result: MakeResult, open_report: Open) -> None:
    buttons = open_report(make_result()).page.locator(".modebar-btn")
    titles = buttons.evaluate_all("all => all.map(b => (b.getAttribute('data-title') ?? '').toLowerCase())")
    assert "download plot as a png" in titles
    assert not [
        title for title in titles if any(word in title for word in ("share", "plotly", "cloud", "edit"))
    ]


def test_the_chooser_changes_what_both_curves_are_drawn_against(
    make_result: MakeResult, open_report: Open
) -> None:
    seen = open_report(make_result(finished=1, depth=1))
    assert seen.layout("accuracy", "xaxis.title.text") == "Simulated time (ms)"
    seen.page.get_by_text("Uplink bits").click()
    for plot in ("accuracy", "loss"):
        seen.shows(plot, "_fullLayout.xaxis.title.text", "Uplink payload of all layers (Mbit)")
        seen.shows(plot, "data[0].x[1]", 4.0192)


def test_the_chooser_works_with_a_keyboard(make_result: MakeResult, open_report: Open) -> None:
    seen = open_report(make_result())
    seen.page.get_by_label("Simulated time", exact=True).focus()
    seen.page.keyboard.press("ArrowRight")
    seen.shows("accuracy", "_fullLayout.xaxis.title.text", "Global rounds")


def test_the_slider_chooses_a_round_with_a_keyboard(make_result: MakeResult, open_report: Open) -> None:
    rounds = make_result(finished=3).rounds.assign(path_compute_s=[0.0, 0.5, 0.9, 0.7])
    seen = open_report(make_result(rounds=rounds))
    seen.page.get_by_role("slider").focus()
    seen.page.keyboard.press("ArrowRight")
    sync_api.expect(seen.page.get_by_role("slider")).to_have_attribute("aria-valuetext", "round 2")
    seen.shows("path", "data.find(t => t.name === 'compute').y", ["mean round", "round 2"])
    seen.shows("path", "data.find(t => t.name === 'compute').x", [0.7, 0.9])


def test_a_legend_button_hides_its_curve(make_result: MakeResult, open_report: Open) -> None:
    seen = open_report(make_result())
    button = seen.page.locator("#bits").get_by_role("button", name="layer 2 up", exact=True)
    button.press("Enter")
    sync_api.expect(button).to_have_attribute("aria-pressed", "false")
    hidden = [False, False, True, False, False, False]
    seen.shows("traffic", "data.map(t => t.visible === false)", hidden)


def test_the_bits_can_be_read_on_a_logarithmic_scale_and_back(
    make_result: MakeResult, open_report: Open
) -> None:
    seen = open_report(make_result())
    seen.page.get_by_text("Logarithmic", exact=True).click()
    seen.shows("traffic", "_fullLayout.yaxis.type", "log")
    sync_api.expect(seen.page.locator("#plot-traffic .ytick").get_by_text("100 Mbit")).to_be_attached()
    seen.page.get_by_text("Linear", exact=True).click()
    seen.shows("traffic", "_fullLayout.yaxis.type", "linear")
    assert seen.layout("traffic", "yaxis.range")[0] <= 0


def test_hostile_text_is_shown_and_not_run(make_result: MakeResult, open_report: Open) -> None:
    hostile = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    manifest = dict(make_result().manifest) | {"name": hostile, "digest": hostile, "device": hostile}
    seen = open_report(make_result(manifest=manifest, scenario_text=f"name: {hostile}\n"))
    assert seen.page.title() == f"{hostile} · netsim"
    assert seen.page.locator("img").count() == 0
    assert seen.said == []


def test_a_script_that_slipped_in_would_not_run(
    make_result: MakeResult, open_report: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netsim.reports.html.escape", lambda text: text)
    seen = open_report(make_result(scenario_text="<script>document.title='owned'</script>"))
    assert seen.page.title() == "quickstart · netsim"
    assert any("Content Security Policy" in line for line in seen.said)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_plots_have_the_page_behind_them_and_letters_in_its_ink(
    make_result: MakeResult, open_report: Open, scheme: str
) -> None:
    seen = open_report(make_result(), scheme=scheme)
    ink, paper = {"light": ("#1b1f24", "rgb(255, 255, 255)"), "dark": ("#e6e9ed", "rgb(20, 23, 28)")}[scheme]
    assert seen.page.evaluate("getComputedStyle(document.body).backgroundColor") == paper
    assert seen.layout("accuracy", "font.color") == ink
    assert seen.layout("accuracy", "paper_bgcolor") == "rgba(0,0,0,0)"


def test_the_theme_follows_the_reader_while_the_page_is_open(
    make_result: MakeResult, open_report: Open
) -> None:
    seen = open_report(make_result(), scheme="light")
    seen.page.emulate_media(color_scheme="dark")
    for path, colour in (
        ("font.color", "#e6e9ed"),
        ("xaxis.gridcolor", "#3a424d"),
    ):  # TimeoutError where it never does
        seen.page.wait_for_function(f"document.getElementById('plot-path')._fullLayout.{path} === '{colour}'")
    assert seen.layout("path", "xaxis.gridcolor") == "#3a424d"


def test_nothing_sticks_out_of_a_phone(make_result: MakeResult, open_report: Open) -> None:
    seen = open_report(
        make_result(depth=4, name="a_very_long_name_without_any_break_" * 3), width=390, height=844
    )
    assert seen.page.evaluate("document.documentElement.scrollWidth") == 390
    right = seen.page.locator(".plot").evaluate_all("all => all.map(p => p.getBoundingClientRect().right)")
    assert max(right) <= 390


@pytest.mark.parametrize(
    ("finished", "words"), [(0, "evaluated only once"), (1, "This run has no accuracy to show")]
)
def test_a_run_with_hardly_anything_to_draw_opens_quietly(
    make_result: MakeResult, open_report: Open, finished: int, words: str
) -> None:
    rounds = make_result(finished=finished).rounds.assign(accuracy=NAN)
    seen = open_report(make_result(finished=finished, rounds=rounds))
    assert seen.said == []
    assert seen.page.get_by_text(words).count() == 1
