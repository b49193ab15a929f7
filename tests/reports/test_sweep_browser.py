"""Sweep pages and timelines in a real browser: choosers, sliders, legend buttons, accessibility."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from netsim.reports import write_report
from netsim.reports.comparison import render_comparison
from netsim.reports.page import write_page
from netsim.results.result import Result
from tests.reports.conftest import OpenedPage, OpenPage

MakePoints = Callable[..., pd.DataFrame]
AXES = ["cell.uplink", "algorithm.tau"]
SIZES = [pytest.param(1920, 1080, marks=pytest.mark.slow), (1280, 800), (390, 844)]


@pytest.fixture
def open_sweep(open_page: OpenPage, make_points: MakePoints, tmp_path: Path) -> Callable[..., OpenedPage]:
    def opened(name: str = "sweep", table: pd.DataFrame | None = None, **options: Any) -> OpenedPage:
        page = render_comparison(make_points() if table is None else table, AXES, name)
        return open_page(write_page(page, tmp_path / "report.html"), **options)

    return opened


OpenSweep = Callable[..., OpenedPage]


def slide(opened: OpenedPage, name: str, key: str) -> None:
    opened.page.get_by_role("slider", name=name).focus()
    opened.page.keyboard.press(key)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_page_logs_nothing_and_fits_every_screen(
    open_sweep: OpenSweep, width: int, height: int, tmp_path: Path
) -> None:
    opened = open_sweep(width=width, height=height)
    assert opened.console == []
    assert opened.requests == [(tmp_path / "report.html").as_uri()]
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    assert len(opened.page.screenshot(full_page=True)) > 50_000


def test_the_axis_chooser_changes_both_curves(open_sweep: OpenSweep) -> None:
    opened = open_sweep()
    for label, title in (
        ("Local steps", "Local SGD steps of a device"),
        ("Energy", "Energy of all nodes (J)"),
    ):
        opened.page.locator("#curves").get_by_text(label, exact=True).click()
        for plot in ("accuracy", "loss"):
            opened.wait_for(plot, "_fullLayout.xaxis.title.text", title)
    opened.wait_for("loss", "data[4].x.at(-1)", 20.0)


def test_the_vertical_range_switches_between_all_rounds_and_the_second_half(open_sweep: OpenSweep) -> None:
    # From round 5 on the minimum is 0.99 - 0.8^5 and the maximum 1 - 0.8^10, with a margin of 5 %.
    opened = open_sweep()
    opened.page.get_by_text("Second half of the rounds", exact=True).click()
    low, high = 0.99 - 0.8**5, 1 - 0.8**10
    opened.wait_for("accuracy", "_fullLayout.yaxis.range[0]", low - 0.05 * (high - low))
    opened.page.get_by_text("All rounds", exact=True).click()
    opened.wait_for("accuracy", "_fullLayout.yaxis.range[0] < 0.01", True)


def test_the_deadline_slider_changes_every_figure_of_its_section(open_sweep: OpenSweep) -> None:
    # The slider's first option is a thirtieth of 50 s: 1 MHz and tau 1 have finished one round by 1.67 s.
    opened = open_sweep()
    slide(opened, "Deadline", "Home")
    opened.wait_for("front-sim_time_s", "data[0].x", [1.0])
    opened.wait_for("deadline-0", "data[0].y[0]", 0.195)
    opened.wait_for("deadline-heat", "data[0].z[0][0]", 0.195)
    opened.wait_for("front-sim_time_s", "_fullLayout.shapes[0].x0", 50 / 30)


def test_the_target_slider_changes_every_figure_of_its_section(open_sweep: OpenSweep) -> None:
    opened = open_sweep()
    opened.wait_for("target-0", "data[0].y", [4.0, 0.8])
    slide(opened, "Target accuracy", "Home")
    opened.wait_for("target-0", "data[0].y", [1.0, 0.2])
    opened.wait_for("target-heat", "data[0].z[0]", [1.0, 0.2])


def test_a_legend_button_hides_line_and_band_of_a_setting(open_sweep: OpenSweep) -> None:
    opened = open_sweep()
    opened.page.locator("#curves").get_by_role("button", name="uplink 1 MHz, tau 5").first.press("Enter")
    hidden = [False, True, False, False, False, True, False, False]
    opened.wait_for("accuracy", "data.map(t => t.visible === false)", hidden)


def test_hostile_settings_are_displayed_and_not_executed(
    open_sweep: OpenSweep, make_points: MakePoints
) -> None:
    hostile = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    opened = open_sweep(hostile, make_points(uplinks=(f"1 {hostile}", f"5 {hostile}")))
    assert opened.page.title() == f"{hostile} · netsim"
    assert opened.page.locator("img").count() == 0
    assert opened.console == []


def test_choosers_change_the_timeline_and_the_tree(
    star_run: Result, open_page: OpenPage, tmp_path: Path
) -> None:
    opened = open_page(write_report(star_run, tmp_path / "report.html"))
    assert opened.console == []
    assert opened.page.locator("#plot-gantt .ytick").all_text_contents() == ["d0", "d1"]
    opened.page.get_by_text("Compute", exact=True).click()
    opened.wait_for("tree", "_fullLayout.xaxis.visible", False)
    opened.wait_for("tree", "data[1].marker.color.toSorted()", [0, 1, 2])


def serious_violations(opened: OpenedPage) -> list[tuple[str, str]]:
    """Serious and critical violations that axe-core reports: rule and element."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="the extra `test` installs axe")
    violations = axe.Axe().run(opened.page).response["violations"]
    serious = [violation for violation in violations if violation["impact"] in ("serious", "critical")]
    return [(violation["id"], node["html"]) for violation in serious for node in violation["nodes"]]


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_axe_reports_no_serious_violation(
    open_sweep: OpenSweep, open_page: OpenPage, star_run: Result, tmp_path: Path, scheme: str
) -> None:
    assert serious_violations(open_sweep(scheme=scheme)) == []
    assert serious_violations(open_page(write_report(star_run, tmp_path / "run.html"), scheme=scheme)) == []


def test_axe_reports_a_slider_without_a_label(open_sweep: OpenSweep, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netsim.reports.html._slider", lambda chooser: '<input type="range">')
    assert ("label", '<input type="range">') in serious_violations(open_sweep())
