"""The dashboard in a real browser: quiet, offline, usable with a keyboard, and it does what its buttons say."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

pytest.importorskip("dash", reason="the dashboard needs the extra `dashboard`")

from netsim.dashboard.state import DashboardState
from netsim.results.result import Result
from tests.dashboard.conftest import IterationIndex, Visiting
from tests.dashboard.test_command import LONG
from tests.reports.conftest import PATIENCE_MS, Opened
from tests.reports.test_sweep_browser import serious

sync_api = pytest.importorskip("playwright.sync_api", reason="the extra `test` installs playwright")
expect = sync_api.expect
expect.set_options(timeout=PATIENCE_MS)
SIZES = [pytest.param(1920, 1080, marks=pytest.mark.slow), (1280, 800), (390, 844)]
HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"


def pages(old: Result) -> dict[str, str]:
    """Every page, and what is there once it is drawn."""
    run = f"quickstart%2F{old.digest}"
    return {
        "/": "#runs table",
        f"/compare?runs={run}": "#plot-accuracy .main-svg",
        "/follow": "main p",
        "/edit?scenario=quickstart": "#numbers input",
        f"/retime?run={run}": "#plot-accuracy .main-svg",
        "/plan?scenario=quickstart": "#plot-landscape .main-svg",
        "/nowhere": "main [role=alert]",
    }


def slide(seen: IterationIndex, name: str, key: str, times: int = 1) -> None:
    slider = seen.page.get_by_role("slider", name=name)
    slider.focus()
    for _ in range(times):
        seen.page.keyboard.press(key)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_page_is_quiet_offline_and_fits_the_screen(
    iteration: Visiting, desk: DashboardState, old: Result, width: int, height: int
) -> None:
    seen = iteration(desk, width=width, height=height)
    for path, drawn in pages(old).items():
        seen.go(path)
        seen.page.wait_for_selector(drawn)
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert len(seen.page.screenshot(full_page=True)) > 5_000
    assert (seen.said, seen.elsewhere) == ([], [])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_barrier(
    iteration: Visiting, desk: DashboardState, old: Result, scheme: str
) -> None:
    seen = iteration(desk, scheme=scheme)
    for path, drawn in pages(old).items():
        seen.go(path)
        seen.page.wait_for_selector(drawn)
        assert serious(Opened(seen.page)) == [], path


def test_ticked_runs_are_compared_against_the_chosen_axis_and_deadline(
    iteration: Visiting, desk: DashboardState
) -> None:
    seen = iteration(desk)
    seen.page.wait_for_selector("#runs table")
    for box in seen.page.locator("#runs input[type=checkbox]").all():
        box.press("Space")
    seen.page.get_by_role("button", name="Compare").press("Enter")
    seen.page.wait_for_selector("#plot-accuracy .main-svg")
    assert re.search(r"/compare\?runs=", seen.page.url)
    seen.page.locator("#curves").get_by_text("Rounds", exact=True).click()
    seen.shows("accuracy", "_fullLayout.xaxis.title.text", "Global rounds")
    slide(seen, "Deadline", "Home")
    expect(seen.page.locator("output").first).not_to_be_empty()
    assert seen.said == []


def test_comparing_nothing_says_what_to_do(iteration: Visiting, desk: DashboardState) -> None:
    seen = iteration(desk)
    seen.page.get_by_role("button", name="Compare").click()
    expect(seen.page.locator("#compare-told")).to_have_text("Tick at least one run.")


def test_the_filter_narrows_the_list(iteration: Visiting, desk: DashboardState, old: Result) -> None:
    seen = iteration(desk)
    expect(seen.page.locator("#runs tbody tr")).to_have_count(2)
    seen.page.get_by_label("Filter").fill(old.digest)
    expect(seen.page.locator("#runs tbody tr")).to_have_count(1)


def test_a_slider_re_times_the_run_beside_the_old_one(
    iteration: Visiting, desk: DashboardState, old: Result
) -> None:
    seen = iteration(desk, f"/retime?run=quickstart%2F{old.digest}")
    seen.page.wait_for_selector("#plot-accuracy .main-svg")
    seen.shows("accuracy", "data.length", 1)
    slide(seen, "Layer 1 cell uplink", "ArrowLeft", 10)
    expect(seen.page.locator("#retime-told")).to_contain_text("nothing was trained")
    slider = seen.page.get_by_role("slider", name="uplink")
    expect(slider).to_have_attribute("aria-valuetext", "2 MHz")
    seen.shows("accuracy", "data.length", 2)
    seen.page.get_by_role("button", name="Open as a new scenario").click()
    expect(seen.page.locator("#verdict")).to_contain_text("fine")
    expect(seen.page.locator("#text")).to_have_value(re.compile("uplink: 2 MHz"))


def test_the_planner_follows_its_slider_and_its_plan_opens_in_the_editor(
    iteration: Visiting, desk: DashboardState
) -> None:
    seen = iteration(desk, "/plan?scenario=quickstart")
    seen.page.wait_for_selector("#plot-landscape .main-svg")
    before = seen.page.locator(".facts").first.inner_text()
    slide(seen, "Deadline", "ArrowLeft", 8)
    expect(seen.page.locator("#plan-deadline-told")).to_have_text("1.11 s")
    expect(seen.page.locator(".facts").first).not_to_have_text(before, use_inner_text=True)
    seen.page.get_by_role("button", name="Open the plan as a scenario").click()
    expect(seen.page.locator("#verdict")).to_contain_text("fine")
    expect(seen.page.locator("#text")).to_have_value(re.compile(r"deadline: 1\.11 s"))


def test_a_number_s_field_changes_the_text_and_a_wrong_one_is_told(
    iteration: Visiting, desk: DashboardState
) -> None:
    seen = iteration(desk, "/edit?scenario=quickstart")
    verdict, run = seen.page.locator("#verdict"), seen.page.get_by_role("button", name="Run", exact=True)
    field = seen.page.get_by_label("network[1].wired.rate")
    field.fill("5 parsecs")
    expect(verdict).to_contain_text(
        "quickstart.yaml:16:19: network[1].wired.rate: unknown rate unit 'parsecs'"
    )
    expect(run).to_be_disabled()
    field.fill("50 Mbit/s")
    expect(verdict).to_contain_text("fine")
    expect(seen.page.locator("#text")).to_have_value(re.compile(r"\{rate: 50 Mbit/s, latency: 5 ms\}"))
    seen.page.locator("#text").fill("name: x\nstop: {rounds: 0}\n")
    expect(verdict).to_contain_text("stop.rounds")
    expect(seen.page.get_by_label("stop.rounds")).to_have_value("0")
    assert seen.said == []


def test_a_run_is_launched_followed_and_cancelled(iteration: Visiting, own: DashboardState) -> None:
    seen = iteration(own, "/edit?scenario=quickstart")
    seen.page.locator("#text").fill(LONG)
    expect(seen.page.locator("#verdict")).to_contain_text("at most 100000 rounds")
    seen.page.get_by_role("button", name="Run", exact=True).click()
    seen.page.wait_for_selector("#plot-accuracy .main-svg")
    first = seen.page.locator("#state").inner_text()
    expect(seen.page.locator("#state")).not_to_have_text(first)
    seen.page.get_by_text("Rounds", exact=True).click()
    seen.page.get_by_role("button", name="Cancel").press("Enter")
    expect(seen.page.locator("#state")).to_contain_text("Interrupted")
    # What was chosen outlives every new row.
    seen.shows("accuracy", "_fullLayout.xaxis.title.text", "Global rounds")
    seen.page.get_by_text("Launch it again").click()
    expect(seen.page.locator("#verdict")).to_contain_text("at most 100000 rounds")
    assert (seen.said, seen.elsewhere) == ([], [])


def test_hostile_addresses_and_names_are_shown_and_not_run(iteration: Visiting, own: DashboardState) -> None:
    run = own.folder / "mine" / "0123456789abcdef"
    run.mkdir(parents=True)
    manifest = {
        "schema": 1,
        "stopped_by": HOSTILE,
        "algorithm": {"name": HOSTILE},
        "rounds": 1,
        "sim_time_s": 1.0,
    }
    (run / "manifest.json").write_text(json.dumps(manifest))
    (own.folder / f"{HOSTILE.replace('/', '')}.yaml").write_text(f"name: {HOSTILE}\n")
    seen = iteration(own)
    for path in (
        "/",
        f"/follow?run={HOSTILE}",
        f"/retime?run={HOSTILE}",
        "/compare?runs=../../etc/passwd",
        "/edit",
    ):
        seen.go(path)
        seen.page.wait_for_load_state("networkidle")
        assert seen.page.title() == "netsim"
        assert seen.page.locator("img").count() == 0
    assert seen.said == []


def test_a_report_is_drawn_anew_and_cannot_reach_the_dashboard(
    iteration: Visiting, desk: DashboardState, old: Result
) -> None:
    seen = iteration(desk)
    answer = seen.page.goto(f"{seen.home}/report/quickstart/{old.digest}")
    assert answer.headers["content-security-policy"] == "sandbox allow-scripts allow-downloads"
    seen.page.wait_for_selector("#plot-accuracy .main-svg")
    assert seen.page.evaluate("self.origin") == "null"
    assert seen.said == []


def test_the_theme_and_the_keyboard_reach_everything(iteration: Visiting, desk: DashboardState) -> None:
    seen = iteration(desk, scheme="dark")
    assert seen.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 28)"
    reached: list[Any] = []
    for _ in range(12):
        seen.page.keyboard.press("Tab")
        reached.append(seen.page.evaluate("document.activeElement.textContent || document.activeElement.id"))
    assert {"Runs", "Under way", "New run", "Re-time", "Plan", "words", "Compare"} <= set(reached)
