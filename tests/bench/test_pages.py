"""Time to open a large report: 200 runs of 500 rounds in headless Chromium. Run by `make bench`."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from netsim.reports.comparison import render_comparison
from netsim.reports.page import write_page

pytestmark = pytest.mark.bench
CHROMIUM = Path("/usr/bin/chromium")
POINTS, ROUNDS, SEEDS = 200, 500, 5
DRAWN = "document.querySelectorAll('.main-svg').length > 3"


def points() -> pd.DataFrame:
    """The points table of a sweep over bandwidths, with synthetic learning curves."""
    rng, rounds = np.random.default_rng(0), np.arange(1, ROUNDS + 1)
    tables = []
    for point in range(POINTS):
        megahertz = point // SEEDS + 1
        at_s = np.cumsum(0.1 * rng.random(ROUNDS) + 1 / megahertz)
        rows = pd.DataFrame(
            {
                "point": point, "network[0].cell.uplink": f"{megahertz} MHz", "seed": point % SEEDS,
                "round": rounds, "sim_time_s": at_s,
                "accuracy": 0.1 + 0.85 * (1 - np.exp(-rounds / 60)) + rng.normal(0, 0.003, ROUNDS),
                "loss": 2.3 * np.exp(-rounds / 80), "local_steps": 10 * rounds, "bits": 4000 * rounds,
            }
        )  # fmt: skip
        for name in ("bits_up_1", "bits_up_2", "bits_down_1", "bits_down_2"):
            rows[name] = 1000 * rounds
        rows["target_accuracy"], rows["time_to_accuracy_s"] = 0.9, float(at_s[170])
        tables.append(rows)
    return pd.concat(tables, ignore_index=True)


def test_time_to_open_a_report_of_two_hundred_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.exists():
        pytest.skip(f"no {CHROMIUM}; install Debian's chromium")
    start_s = time.perf_counter()
    html = render_comparison(points(), ["network[0].cell.uplink"], "big: sweep")
    made_s = time.perf_counter() - start_s
    page = write_page(html, tmp_path / "big.html")
    assert len(html) < 6e6
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        opened = [open_seconds(browser, page) for _ in range(5)]
        browser.close()
    with capsys.disabled():
        summary = (
            f"made in {made_s:.2f} s, {len(html) / 1e6:.1f} MB, drawn after {statistics.median(opened):.2f} s"
        )
        print(f"\n{POINTS} runs of {ROUNDS} rounds: {summary}")


def open_seconds(browser: object, page: Path) -> float:
    """Seconds from the address to four drawn figures."""
    tab = browser.new_page(viewport={"width": 1280, "height": 800})  # type: ignore[attr-defined]
    start_s = time.perf_counter()
    tab.goto(page.as_uri(), wait_until="load")
    tab.wait_for_function(DRAWN)
    spent_s = time.perf_counter() - start_s
    tab.close()
    return spent_s
