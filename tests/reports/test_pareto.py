"""Results at a deadline: the Pareto front, positions of settings, and settings without a completed round."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from netsim.reports.comparison import render_comparison
from netsim.reports.pareto import StopPoint, pareto_figures, pareto_front
from netsim.reports.settings import group_settings, untrained_settings
from tests.reports.test_sweep_page import AXES, figures_of

MakePoints = Callable[..., pd.DataFrame]


def test_the_front_consists_of_the_non_dominated_points() -> None:
    rng = np.random.Generator(np.random.Philox(3))
    points = [StopPoint(k, *map(float, rng.integers(0, 1000, 3))) for k in range(60)]
    early = [s for s in points if s.time_s <= 500]
    dominated = {
        s.setting
        for s in early
        for o in early
        if (o.cost <= s.cost and o.accuracy > s.accuracy) or (o.cost < s.cost and o.accuracy >= s.accuracy)
    }
    expected = {(s.cost, s.accuracy) for s in early if s.setting not in dominated}
    assert {(s.cost, s.accuracy) for s in pareto_front(points, 500.0)} == expected


def test_discs_are_at_the_cost_and_accuracy_of_the_settings_at_the_deadline(make_points: MakePoints) -> None:
    # The longest run takes 50 s; the tenth of 30 options is 16.67 s: tau 5 at 1 MHz has done 3 rounds.
    latency, energy = pareto_figures(group_settings(make_points(), AXES))
    tenth = latency.changes["deadline"][9].traces
    assert (tenth["x"][1], tenth["y"][1]) == ([15.0], [pytest.approx(0.995 - 0.8**3, rel=1e-5)])
    assert energy.changes["deadline"][9].traces["x"][1] == [6.0]


def test_no_disc_is_above_the_front(make_points: MakePoints) -> None:
    # One seed is slower than the other, so that at a deadline they have done different rounds.
    table = make_points()
    uneven = table.assign(sim_time_s=table["sim_time_s"] * (1 + 0.3 * table["seed"]))
    for figure in pareto_figures(group_settings(uneven, AXES)):
        for change in figure.changes["deadline"]:
            *discs, front = zip(change.traces["x"], change.traces["y"], strict=True)
            for [x], [y] in ((x, y) for x, y in discs if x != [None]):
                assert max(b for a, b in zip(*front, strict=True) if a <= x + 1e-4) >= y - 1e-5


def test_thinning_a_front_keeps_the_corners_below_its_discs(make_points: MakePoints) -> None:
    # Some 340 corners, of which 80 are drawn: the first setting ends in their middle, the second overtakes it later.
    table = make_points(("1 MHz",), (1, 2), seeds=1, rounds=300)
    table["accuracy"] = table["round"] / 450 * np.where(table["algorithm.tau"] == 1, 1.0, 1.5)
    cut = table[(table["algorithm.tau"] == 2) | (table["round"] <= 137)]
    x, y = ([t[end] for t in pareto_figures(group_settings(cut, AXES))[0].traces] for end in "xy")
    assert (x[0][0], y[0][0]) in zip(x[2], y[2], strict=True)


def test_the_front_contains_points_of_seeds_at_different_rounds(make_points: MakePoints) -> None:
    # The second seed ends after one round of two: stopped at 2 s both have 0.4, spent 2 s and 1 s.
    table = make_points(("1 MHz",), (1,), rounds=2).assign(
        accuracy=lambda t: 0.2 * t["round"] + 0.2 * t["seed"]
    )
    table = table[(table["seed"] == 0) | (table["round"] < 2)]
    x, y = (pareto_figures(group_settings(table, AXES))[0].traces[1][end] for end in "xy")
    assert list(zip(x, y, strict=True))[:2] == [(1.0, 0.3), (1.5, 0.4)]


def test_the_front_extends_to_the_deadline(make_points: MakePoints) -> None:
    for change in pareto_figures(group_settings(make_points(), AXES))[0].changes["deadline"]:
        assert change.traces["x"][-1][-1] == pytest.approx(change.layout["shapes"][0]["x0"], rel=1e-5)


def untrained_table(make_points: MakePoints) -> pd.DataFrame:
    """The slowest setting, tau 5 at 1 MHz, completes no round."""
    table = make_points()
    slow = (table["cell.uplink"] == "1 MHz") & (table["algorithm.tau"] == 5)
    return table[~slow | (table["round"] == 0)]


def test_a_setting_without_a_completed_round_has_no_result(make_points: MakePoints) -> None:
    table = untrained_table(make_points)
    settings = group_settings(table, AXES)
    assert [s.label for s in untrained_settings(settings)] == ["uplink 1 MHz, tau 5"]
    assert np.isnan(settings[1].at_deadline(1e9)).all()
    by_key = {figure.key: figure for figure in figures_of(table)}
    assert by_key["front-sim_time_s"].traces[1]["x"] == [None]
    assert by_key["deadline-heat"].traces[0]["z"][1][0] is None
    page = render_comparison(table, AXES, "s")
    assert "Not shown (no round by the deadline): uplink 1 MHz, tau 5." in page
    assert "<td>2</td><td>no round by the deadline</td><td>-</td>" in page


def test_means_exclude_runs_without_a_completed_round(make_points: MakePoints) -> None:
    table = make_points()
    page = render_comparison(table[(table["seed"] == 0) | (table["round"] == 0)], AXES, "s")
    assert page.count("0.893 (1 of 2 runs, else no round by the deadline)") == 4


def test_short_curves_have_markers(make_points: MakePoints) -> None:
    def lines(table: pd.DataFrame) -> list[tuple[str, str, int]]:
        points = [t for t in figures_of(table)[0].traces if "fill" not in t]
        return [(t["mode"], t["marker"]["symbol"], len(t["y"])) for t in points]

    assert lines(make_points(rounds=11)) == [("lines", "circle", 12)] * 4
    assert lines(make_points(rounds=10)) == [("lines+markers", "circle", 11)] * 4
    assert lines(untrained_table(make_points))[1] == ("lines+markers", "x-thin-open", 1)
