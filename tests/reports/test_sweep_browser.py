"""The pages of sweeps and timelines in a real browser: their choosers, sliders and buttons, and who can use them."""

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
from tests.reports.conftest import Opened, OpenPage

MakePoints = Callable[..., pd.DataFrame]
AXES = ["cell.uplink", "algorithm.tau"]
SIZES = [pytest.param(1920, 1080, marks=pytest.mark.slow), (1280, 800), (390, 844)]


@pytest.fixture
def open_sweep(open_page: OpenPage, make_points: MakePoints, tmp_path: Path) -> Callable[..., Opened]:
    def opened(name: str = "sweep", table: pd.DataFrame | None = None, **how: Any) -> Opened:
        page = render_comparison(make_points() if table is None else table, AXES, name)
        return open_page(write_page(page, tmp_path / "report.html"), **how)

    return opened


OpenSweep = Callable[..., Opened]


def slide(seen: Opened, name: str, key: str) -> None:
    seen.page.get_by_role("slider", name=name).focus()
    seen.page.keyboard.press(key)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_page_is_quiet_and_fits_every_screen(
    open_sweep: OpenSweep, width: int, height: int, tmp_path: Path
) -> None:
    seen = open_sweep(width=width, height=height)
    assert seen.said == []
    assert seen.asked == [(tmp_path / "report.html").as_uri()]
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    assert len(seen.page.screenshot(full_page=True)) > 50_000


def test_curves_change_their_axis(open_sweep: OpenSweep) -> None:
    seen = open_sweep()
    for label, title in (
        ("Local steps", "Local SGD steps of a device"),
        ("Energy", "Energy of all nodes (J)"),
    ):
        seen.page.locator("#curves").get_by_text(label, exact=True).click()
        for plot in ("accuracy", "loss"):
            seen.shows(plot, "_fullLayout.xaxis.title.text", title)
    seen.shows("loss", "data[4].x.at(-1)", 20.0)


def test_the_second_half_is_shown_larger_and_the_whole_comes_back(open_sweep: OpenSweep) -> None:
    # From round 5 on the lowest is 0.99 - 0.8^5, the highest 1 - 0.8^10, with a twentieth of room.
    seen = open_sweep()
    seen.page.get_by_text("Second half of the rounds", exact=True).click()
    low, high = 0.99 - 0.8**5, 1 - 0.8**10
    seen.shows("accuracy", "_fullLayout.yaxis.range[0]", low - 0.05 * (high - low))
    seen.page.get_by_text("Whole", exact=True).click()
    seen.shows("accuracy", "_fullLayout.yaxis.range[0] < 0.01", True)


def test_the_deadline_moves_every_figure_of_its_section(open_sweep: OpenSweep) -> None:
    # The slider's first option is a thirtieth of 50 s: 1 MHz and tau 1 have finished one round by 1.67 s.
    seen = open_sweep()
    slide(seen, "Deadline", "Home")
    seen.shows("front-sim_time_s", "data[0].x", [1.0])
    seen.shows("deadline-0", "data[0].y[0]", 0.195)
    seen.shows("deadline-heat", "data[0].z[0][0]", 0.195)
    seen.shows("front-sim_time_s", "_fullLayout.shapes[0].x0", 50 / 30)


def test_the_target_moves_every_figure_of_its_section(open_sweep: OpenSweep) -> None:
    seen = open_sweep()
    seen.shows("target-0", "data[0].y", [4.0, 0.8])
    slide(seen, "Target accuracy", "Home")
    seen.shows("target-0", "data[0].y", [1.0, 0.2])
    seen.shows("target-heat", "data[0].z[0]", [1.0, 0.2])


def test_a_button_hides_line_and_band_of_a_setting(open_sweep: OpenSweep) -> None:
    seen = open_sweep()
    seen.page.locator("#curves").get_by_role("button", name="uplink 1 MHz, tau 5").first.press("Enter")
    hidden = [False, True, False, False, False, True, False, False]
    seen.shows("accuracy", "data.map(t => t.visible === false)", hidden)


def test_hostile_settings_are_shown_and_not_run(open_sweep: OpenSweep, make_points: MakePoints) -> None:
    hostile = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    seen = open_sweep(hostile, make_points(uplinks=(f"1 {hostile}", f"5 {hostile}")))
    assert seen.page.title() == f"{hostile} · netsim"
    assert seen.page.locator("img").count() == 0
    assert seen.said == []


def test_the_timeline_and_the_tree_obey_their_choosers(
    star_run: Result, open_page: OpenPage, tmp_path: Path
) -> None:
    seen = open_page(write_report(star_run, tmp_path / "report.html"))
    assert seen.said == []
    assert seen.page.locator("#plot-gantt .ytick").all_text_contents() == ["d0", "d1"]
    seen.page.get_by_text("Compute", exact=True).click()
    seen.shows("tree", "_fullLayout.xaxis.visible", False)
    seen.shows("tree", "data[1].marker.color.toSorted()", [0, 1, 2])


def serious(seen: Opened) -> list[tuple[str, str]]:
    """Violations that axe-core calls serious or critical: rule and element."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="the extra `test` installs axe")
    found = axe.Axe().run(seen.page).response["violations"]
    grave = [violation for violation in found if violation["impact"] in ("serious", "critical")]
    return [(violation["id"], node["html"]) for violation in grave for node in violation["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_barrier(
    open_sweep: OpenSweep, open_page: OpenPage, star_run: Result, tmp_path: Path, scheme: str
) -> None:
    assert serious(open_sweep(scheme=scheme)) == []
    assert serious(open_page(write_report(star_run, tmp_path / "run.html"), scheme=scheme)) == []


def test_axe_finds_a_barrier_where_there_is_one(
    open_sweep: OpenSweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netsim.reports.html._slider", lambda chooser: '<input type="range">')
    assert ("label", '<input type="range">') in serious(open_sweep())
