"""The report in a real browser: no console messages or requests, keyboard operation, both themes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from netsim.reports import write_report
from netsim.results.result import Result
from tests.reports.conftest import TIMEOUT_MS, OpenedPage, OpenPage

sync_api = pytest.importorskip("playwright.sync_api", reason="the extra `test` installs playwright")
sync_api.expect.set_options(timeout=TIMEOUT_MS)

MakeResult = Callable[..., Result]
Open = Callable[..., OpenedPage]
NAN = float("nan")


@pytest.fixture
def open_report(open_page: OpenPage, tmp_path: Path) -> Open:
    def opened(run: Result, **options: Any) -> OpenedPage:
        return open_page(write_report(run, tmp_path / "report.html"), **options)

    return opened


def test_the_page_logs_nothing_and_requests_only_itself(
    make_result: MakeResult, open_report: Open, tmp_path: Path
) -> None:
    opened = open_report(make_result())
    assert opened.page.locator(".plot .main-svg").count() >= 6
    assert opened.console == []
    assert opened.requests == [(tmp_path / "report.html").as_uri()]


def test_plots_have_no_upload_button_and_no_logo(make_result: MakeResult, open_report: Open) -> None:
    buttons = open_report(make_result()).page.locator(".modebar-btn")
    titles = buttons.evaluate_all("all => all.map(b => (b.getAttribute('data-title') ?? '').toLowerCase())")
    assert "download plot as a png" in titles
    assert not [
        title for title in titles if any(word in title for word in ("share", "plotly", "cloud", "edit"))
    ]


def test_the_chooser_changes_the_horizontal_axis_of_both_curves(
    make_result: MakeResult, open_report: Open
) -> None:
    opened = open_report(make_result(finished=1, depth=1))
    assert opened.layout("accuracy", "xaxis.title.text") == "Simulated time (ms)"
    opened.page.get_by_text("Uplink bits").click()
    for plot in ("accuracy", "loss"):
        opened.wait_for(plot, "_fullLayout.xaxis.title.text", "Uplink payload of all layers (Mbit)")
        opened.wait_for(plot, "data[0].x[1]", 4.0192)


def test_the_chooser_works_with_a_keyboard(make_result: MakeResult, open_report: Open) -> None:
    opened = open_report(make_result())
    opened.page.get_by_label("Simulated time", exact=True).focus()
    opened.page.keyboard.press("ArrowRight")
    opened.wait_for("accuracy", "_fullLayout.xaxis.title.text", "Global rounds")


def test_the_slider_selects_a_round_with_a_keyboard(make_result: MakeResult, open_report: Open) -> None:
    rounds = make_result(finished=3).rounds.assign(path_compute_s=[0.0, 0.5, 0.9, 0.7])
    opened = open_report(make_result(rounds=rounds))
    opened.page.get_by_role("slider").focus()
    opened.page.keyboard.press("ArrowRight")
    sync_api.expect(opened.page.get_by_role("slider")).to_have_attribute("aria-valuetext", "round 2")
    opened.wait_for("path", "data.find(t => t.name === 'compute').y", ["mean round", "round 2"])
    opened.wait_for("path", "data.find(t => t.name === 'compute').x", [0.7, 0.9])


def test_a_legend_button_hides_its_curve(make_result: MakeResult, open_report: Open) -> None:
    opened = open_report(make_result())
    button = opened.page.locator("#bits").get_by_role("button", name="layer 2 up", exact=True)
    button.press("Enter")
    sync_api.expect(button).to_have_attribute("aria-pressed", "false")
    hidden = [False, False, True, False, False, False]
    opened.wait_for("traffic", "data.map(t => t.visible === false)", hidden)


def test_the_scale_of_the_bits_switches_between_linear_and_logarithmic(
    make_result: MakeResult, open_report: Open
) -> None:
    opened = open_report(make_result())
    opened.page.get_by_text("Logarithmic", exact=True).click()
    opened.wait_for("traffic", "_fullLayout.yaxis.type", "log")
    sync_api.expect(opened.page.locator("#plot-traffic .ytick").get_by_text("100 Mbit")).to_be_attached()
    opened.page.get_by_text("Linear", exact=True).click()
    opened.wait_for("traffic", "_fullLayout.yaxis.type", "linear")
    assert opened.layout("traffic", "yaxis.range")[0] <= 0


def test_hostile_text_is_displayed_and_not_executed(make_result: MakeResult, open_report: Open) -> None:
    hostile = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    manifest = dict(make_result().manifest) | {"name": hostile, "digest": hostile, "device": hostile}
    opened = open_report(make_result(manifest=manifest, scenario_text=f"name: {hostile}\n"))
    assert opened.page.title() == f"{hostile} · netsim"
    assert opened.page.locator("img").count() == 0
    assert opened.console == []


def test_the_content_security_policy_blocks_an_injected_script(
    make_result: MakeResult, open_report: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netsim.reports.html.escape", lambda text: text)
    opened = open_report(make_result(scenario_text="<script>document.title='owned'</script>"))
    assert opened.page.title() == "quickstart · netsim"
    assert any("Content Security Policy" in line for line in opened.console)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_plots_are_transparent_and_have_the_text_colour_of_the_page(
    make_result: MakeResult, open_report: Open, scheme: str
) -> None:
    opened = open_report(make_result(), scheme=scheme)
    ink, paper = {"light": ("#1b1f24", "rgb(255, 255, 255)"), "dark": ("#e6e9ed", "rgb(20, 23, 28)")}[scheme]
    assert opened.page.evaluate("getComputedStyle(document.body).backgroundColor") == paper
    assert opened.layout("accuracy", "font.color") == ink
    assert opened.layout("accuracy", "paper_bgcolor") == "rgba(0,0,0,0)"


def test_an_open_page_follows_a_change_of_the_colour_scheme(
    make_result: MakeResult, open_report: Open
) -> None:
    opened = open_report(make_result(), scheme="light")
    opened.page.emulate_media(color_scheme="dark")
    for path, colour in (
        ("font.color", "#e6e9ed"),
        ("xaxis.gridcolor", "#3a424d"),
    ):  # TimeoutError if the colour does not change
        opened.page.wait_for_function(
            f"document.getElementById('plot-path')._fullLayout.{path} === '{colour}'"
        )
    assert opened.layout("path", "xaxis.gridcolor") == "#3a424d"


def test_the_page_fits_a_narrow_screen(make_result: MakeResult, open_report: Open) -> None:
    opened = open_report(
        make_result(depth=4, name="a_very_long_name_without_any_break_" * 3), width=390, height=844
    )
    assert opened.page.evaluate("document.documentElement.scrollWidth") == 390
    right = opened.page.locator(".plot").evaluate_all("all => all.map(p => p.getBoundingClientRect().right)")
    assert max(right) <= 390


@pytest.mark.parametrize(
    ("finished", "words"), [(0, "evaluated only once"), (1, "This run has no accuracy:")]
)
def test_a_run_without_curves_opens_without_console_messages(
    make_result: MakeResult, open_report: Open, finished: int, words: str
) -> None:
    rounds = make_result(finished=finished).rounds.assign(accuracy=NAN)
    opened = open_report(make_result(finished=finished, rounds=rounds))
    assert opened.console == []
    assert opened.page.get_by_text(words).count() == 1
