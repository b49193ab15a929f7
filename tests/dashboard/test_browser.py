"""The dashboard in a real browser: no console messages or external requests, keyboard operation, all buttons."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

pytest.importorskip("dash", reason="the dashboard needs the extra `dashboard`")

from netsim.dashboard.state import DashboardState
from netsim.results.result import Result
from tests.dashboard.conftest import DashboardBrowser, OpenDashboard
from tests.dashboard.test_command import LONG
from tests.reports.conftest import TIMEOUT_MS, OpenedPage
from tests.reports.test_sweep_browser import serious_violations

sync_api = pytest.importorskip("playwright.sync_api", reason="the extra `test` installs playwright")
expect = sync_api.expect
expect.set_options(timeout=TIMEOUT_MS)
SIZES = [pytest.param(1920, 1080, marks=pytest.mark.slow), (1280, 800), (390, 844)]
HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"


def pages(old_run: Result) -> dict[str, str]:
    """Every page with a selector of an element that is present when the page is drawn."""
    run = f"quickstart%2F{old_run.digest}"
    return {
        "/": "#runs table",
        f"/compare?runs={run}": "#plot-accuracy .main-svg",
        "/follow": "main p",
        "/edit?scenario=quickstart": "#numbers input",
        f"/retime?run={run}": "#plot-accuracy .main-svg",
        "/plan?scenario=quickstart": "#plot-landscape .main-svg",
        "/nowhere": "main [role=alert]",
    }


def slide(opened: DashboardBrowser, name: str, key: str, times: int = 1) -> None:
    slider = opened.page.get_by_role("slider", name=name)
    slider.focus()
    for _ in range(times):
        opened.page.keyboard.press(key)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_page_logs_nothing_requests_nothing_external_and_fits_the_screen(
    open_dashboard: OpenDashboard, state: DashboardState, old_run: Result, width: int, height: int
) -> None:
    opened = open_dashboard(state, width=width, height=height)
    for path, drawn in pages(old_run).items():
        opened.go(path)
        opened.page.wait_for_selector(drawn)
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert len(opened.page.screenshot(full_page=True)) > 5_000
    assert (opened.console, opened.external_requests) == ([], [])


@pytest.mark.parametrize("scheme", ["light", pytest.param("dark", marks=pytest.mark.slow)])
def test_axe_reports_no_serious_violation(
    open_dashboard: OpenDashboard, state: DashboardState, old_run: Result, scheme: str
) -> None:
    opened = open_dashboard(state, scheme=scheme)
    for path, drawn in pages(old_run).items():
        opened.go(path)
        opened.page.wait_for_selector(drawn)
        assert serious_violations(OpenedPage(opened.page)) == [], path


def test_selected_runs_are_compared_over_the_selected_axis_and_deadline(
    open_dashboard: OpenDashboard, state: DashboardState
) -> None:
    opened = open_dashboard(state)
    opened.page.wait_for_selector("#runs table")
    for box in opened.page.locator("#runs input[type=checkbox]").all():
        box.press("Space")
    opened.page.get_by_role("button", name="Compare").press("Enter")
    opened.page.wait_for_selector("#plot-accuracy .main-svg")
    assert re.search(r"/compare\?runs=", opened.page.url)
    opened.page.locator("#curves").get_by_text("Rounds", exact=True).click()
    opened.wait_for("accuracy", "_fullLayout.xaxis.title.text", "Global rounds")
    slide(opened, "Deadline", "Home")
    expect(opened.page.locator("output").first).not_to_be_empty()
    assert opened.console == []


def test_a_comparison_without_a_selected_run_shows_the_remedy(
    open_dashboard: OpenDashboard, state: DashboardState
) -> None:
    opened = open_dashboard(state)
    opened.page.get_by_role("button", name="Compare").click()
    expect(opened.page.locator("#compare-status")).to_have_text("Select at least one run.")


def test_the_filter_limits_the_list(
    open_dashboard: OpenDashboard, state: DashboardState, old_run: Result
) -> None:
    opened = open_dashboard(state)
    expect(opened.page.locator("#runs tbody tr")).to_have_count(2)
    opened.page.get_by_label("Filter").fill(old_run.digest)
    expect(opened.page.locator("#runs tbody tr")).to_have_count(1)


def test_a_slider_re_times_the_run_and_shows_both_curves(
    open_dashboard: OpenDashboard, state: DashboardState, old_run: Result
) -> None:
    opened = open_dashboard(state, f"/retime?run=quickstart%2F{old_run.digest}")
    opened.page.wait_for_selector("#plot-accuracy .main-svg")
    opened.wait_for("accuracy", "data.length", 1)
    slide(opened, "Layer 1 cell uplink", "ArrowLeft", 10)
    expect(opened.page.locator("#retime-status")).to_contain_text("nothing was trained")
    slider = opened.page.get_by_role("slider", name="uplink")
    expect(slider).to_have_attribute("aria-valuetext", "2 MHz")
    opened.wait_for("accuracy", "data.length", 2)
    opened.page.get_by_role("button", name="Open as a new scenario").click()
    expect(opened.page.locator("#check")).to_contain_text("valid. ")
    expect(opened.page.locator("#text")).to_have_value(re.compile("uplink: 2 MHz"))


def test_the_deadline_slider_changes_the_plan_and_the_plan_opens_in_the_editor(
    open_dashboard: OpenDashboard, state: DashboardState
) -> None:
    opened = open_dashboard(state, "/plan?scenario=quickstart")
    opened.page.wait_for_selector("#plot-landscape .main-svg")
    before = opened.page.locator(".key-values").first.inner_text()
    slide(opened, "Deadline", "ArrowLeft", 8)
    expect(opened.page.locator("#plan-deadline-value")).to_have_text("1.11 s")
    expect(opened.page.locator(".key-values").first).not_to_have_text(before, use_inner_text=True)
    opened.page.get_by_role("button", name="Open the plan as a scenario").click()
    expect(opened.page.locator("#check")).to_contain_text("valid. ")
    expect(opened.page.locator("#text")).to_have_value(re.compile(r"deadline: 1\.11 s"))


def test_a_number_field_changes_the_text_and_an_invalid_value_shows_an_error(
    open_dashboard: OpenDashboard, state: DashboardState
) -> None:
    opened = open_dashboard(state, "/edit?scenario=quickstart")
    message, run = opened.page.locator("#check"), opened.page.get_by_role("button", name="Run", exact=True)
    field = opened.page.get_by_label("network[1].wired.rate")
    field.fill("5 parsecs")
    expect(message).to_contain_text(
        "quickstart.yaml:16:19: network[1].wired.rate: unknown rate unit 'parsecs'"
    )
    expect(run).to_be_disabled()
    field.fill("50 Mbit/s")
    expect(message).to_contain_text("valid. ")
    expect(opened.page.locator("#text")).to_have_value(re.compile(r"\{rate: 50 Mbit/s, latency: 5 ms\}"))
    opened.page.locator("#text").fill("name: x\nstop: {rounds: 0}\n")
    expect(message).to_contain_text("stop.rounds")
    expect(opened.page.get_by_label("stop.rounds")).to_have_value("0")
    assert opened.console == []


def test_a_run_is_started_displayed_and_cancelled(
    open_dashboard: OpenDashboard, empty_state: DashboardState
) -> None:
    opened = open_dashboard(empty_state, "/edit?scenario=quickstart")
    opened.page.locator("#text").fill(LONG)
    expect(opened.page.locator("#check")).to_contain_text("at most 100000 rounds")
    opened.page.get_by_role("button", name="Run", exact=True).click()
    opened.page.wait_for_selector("#plot-accuracy .main-svg")
    first = opened.page.locator("#state").inner_text()
    expect(opened.page.locator("#state")).not_to_have_text(first)
    opened.page.get_by_text("Rounds", exact=True).click()
    opened.page.get_by_role("button", name="Cancel").press("Enter")
    expect(opened.page.locator("#state")).to_contain_text("Interrupted")
    # The selected axis is kept when rows are added.
    opened.wait_for("accuracy", "_fullLayout.xaxis.title.text", "Global rounds")
    opened.page.get_by_text("Start it again").click()
    expect(opened.page.locator("#check")).to_contain_text("at most 100000 rounds")
    assert (opened.console, opened.external_requests) == ([], [])


def test_hostile_addresses_and_names_are_displayed_and_not_executed(
    open_dashboard: OpenDashboard, empty_state: DashboardState
) -> None:
    run = empty_state.folder / "mine" / "0123456789abcdef"
    run.mkdir(parents=True)
    manifest = {
        "schema": 1,
        "stopped_by": HOSTILE,
        "algorithm": {"name": HOSTILE},
        "rounds": 1,
        "sim_time_s": 1.0,
    }
    (run / "manifest.json").write_text(json.dumps(manifest))
    (empty_state.folder / f"{HOSTILE.replace('/', '')}.yaml").write_text(f"name: {HOSTILE}\n")
    opened = open_dashboard(empty_state)
    for path in (
        "/",
        f"/follow?run={HOSTILE}",
        f"/retime?run={HOSTILE}",
        "/compare?runs=../../etc/passwd",
        "/edit",
    ):
        opened.go(path)
        opened.page.wait_for_load_state("networkidle")
        assert opened.page.title() == "netsim"
        assert opened.page.locator("img").count() == 0
    assert opened.console == []


def test_a_report_is_rendered_again_and_sandboxed(
    open_dashboard: OpenDashboard, state: DashboardState, old_run: Result
) -> None:
    opened = open_dashboard(state)
    response = opened.page.goto(f"{opened.home}/report/quickstart/{old_run.digest}")
    assert response.headers["content-security-policy"] == "sandbox allow-scripts allow-downloads"
    opened.page.wait_for_selector("#plot-accuracy .main-svg")
    assert opened.page.evaluate("self.origin") == "null"
    assert opened.console == []


def test_the_dark_theme_applies_and_every_control_is_reachable_by_keyboard(
    open_dashboard: OpenDashboard, state: DashboardState
) -> None:
    opened = open_dashboard(state, scheme="dark")
    assert opened.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 28)"
    reached: list[Any] = []
    for _ in range(12):
        opened.page.keyboard.press("Tab")
        reached.append(
            opened.page.evaluate("document.activeElement.textContent || document.activeElement.id")
        )
    assert {"Runs", "Running", "New run", "Re-time", "Plan", "words", "Compare"} <= set(reached)
