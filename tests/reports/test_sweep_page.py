"""The sweep page: results at a deadline, cost to reach a target, metrics over the swept values."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from netsim.reports import comparison_sections, sweep_axes, write_comparison
from netsim.reports.comparison import render_comparison
from netsim.reports.metrics_at import accuracy_by_deadline, target_levels, time_to_target
from netsim.reports.page_parts import Figure
from netsim.reports.settings import group_settings, parse_number
from netsim.reports.several_runs import table_of_runs
from netsim.reports.sweep_figures import figures_of_sweep
from netsim.reports.target_tables import cost_to_accuracy_tables
from netsim.results.result import Result
from netsim.results.run_folder import ResultError

MakePoints = Callable[..., pd.DataFrame]
MakeResult = Callable[..., Result]
AXES = ["cell.uplink", "algorithm.tau"]
HOSTILE = "</script><script>document.title='owned'</script>"


def figures_of(table: pd.DataFrame) -> list[Figure]:
    parts = [part for section in comparison_sections(table, AXES) for part in section.parts]
    return [part for part in parts if isinstance(part, Figure)]


def test_points_that_differ_in_the_seed_only_form_one_setting(make_points: MakePoints) -> None:
    settings = group_settings(make_points(), AXES)
    assert [s.label for s in settings] == [
        "uplink 1 MHz, tau 1", "uplink 1 MHz, tau 5", "uplink 5 MHz, tau 1", "uplink 5 MHz, tau 5",
    ]  # fmt: skip
    assert [len(s.runs) for s in settings] == [2, 2, 2, 2]


def test_the_result_at_a_deadline_is_the_last_model_before_it(make_points: MakePoints) -> None:
    # tau 5 at 1 MHz: a round takes 5 s, so two are done by 14.9 s and three by 15 s.
    slow = group_settings(make_points(), AXES)[1]
    assert slow.at_deadline(14.9).tolist() == pytest.approx([1 - 0.8**2, 0.99 - 0.8**2])
    assert slow.at_deadline(15.0).tolist() == pytest.approx([1 - 0.8**3, 0.99 - 0.8**3])
    assert slow.at_deadline(14.9, "energy_j").tolist() == [4.0, 4.0]


def test_a_run_that_ended_before_the_deadline_has_its_last_model(make_points: MakePoints) -> None:
    assert group_settings(make_points(), AXES)[0].at_deadline(1e9)[0] == pytest.approx(1 - 0.8**10)


def test_the_cost_to_reach_a_target_is_that_of_its_first_round(make_points: MakePoints) -> None:
    # 1 - 0.8^4 = 0.5904 and 1 - 0.8^3 = 0.488: the fourth round reaches 0.5 for both seeds.
    slow = group_settings(make_points(), AXES)[1]
    assert slow.cost_to_reach(0.5).tolist() == [20.0, 20.0]
    assert slow.cost_to_reach(0.5, "bits").tolist() == [12_000, 12_000]
    assert np.isnan(slow.cost_to_reach(0.99)).all()


def test_a_line_connects_settings_that_differ_in_its_axis_only(make_points: MakePoints) -> None:
    settings = group_settings(make_points(), AXES)
    query = time_to_target(settings, 0.5)
    assert query is not None
    uplink, tau, heat = figures_of_sweep(settings, AXES, query)
    assert [(t["name"], t["x"], t["y"]) for t in uplink.traces] == [
        ("tau 1", [1e6, 5e6], [4.0, 0.8]), ("tau 5", [1e6, 5e6], [20.0, 4.0]),
    ]  # fmt: skip
    assert [t["name"] for t in tau.traces] == ["uplink 1 MHz", "uplink 5 MHz"]
    assert heat.traces[0]["z"] == [[4.0, 0.8], [20.0, 4.0]]


def test_a_line_has_a_gap_where_a_seed_never_reaches_the_target(make_points: MakePoints) -> None:
    # The first seed ends at 0.8926, the second at 0.8826.
    settings = group_settings(make_points(), AXES)
    query = time_to_target(settings, 0.89)
    assert query is not None
    assert figures_of_sweep(settings, AXES, query)[0].traces[0]["y"] == [None, None]


def test_axes_that_vary_together_have_no_heat_map(make_points: MakePoints) -> None:
    table = make_points(uplinks=("1 MHz", "2 MHz", "3 MHz"), taus=(1, 2, 3))
    paired = table[table["cell.uplink"].str[0].astype(int) == table["algorithm.tau"]]
    settings = group_settings(paired, AXES)
    query = accuracy_by_deadline(settings)
    assert query is not None
    assert not [f for f in figures_of_sweep(settings, AXES, query) if "heat" in f.key]


def test_targets_increase_up_to_the_highest_accuracy_and_include_the_preset(make_points: MakePoints) -> None:
    levels = target_levels(group_settings(make_points(), AXES), 0.5)
    assert levels == sorted(set(levels))
    assert 0.5 in levels
    assert 0 < levels[0] < levels[-1] <= 1 - 0.8**10


def test_tables_contain_the_cost_of_an_accuracy_and_the_number_of_runs_that_reached_it(
    make_points: MakePoints,
) -> None:
    times, bits, joules = cost_to_accuracy_tables(group_settings(make_points(), AXES), 0.5)
    column = times.header.index("0.500")
    assert [table.rows[1][column] for table in (times, bits, joules)] == ["20 s", "12 kbit", "8 J"]
    assert times.rows[0][-1] == "10 s (1 of 2)"


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("5 MHz", 5e6),
        ("20 ms", 0.02),
        (3, 3.0),
        (0.5, 0.5),
        ("[1, 2]", None),
        ("qsgd", None),
        (True, None),
        (None, None),
    ],
)
def test_swept_values_with_a_unit_are_numbers(value: object, number: float | None) -> None:
    assert parse_number(value) == (None if number is None else pytest.approx(number))


@pytest.mark.parametrize("without", ["accuracy", "energy_j", "seeds", "one round"])
def test_plotly_accepts_every_figure(make_points: MakePoints, without: str) -> None:
    table = make_points(seeds=1 if without == "seeds" else 2, rounds=1 if without == "one round" else 10)
    if without == "accuracy":
        table = table.assign(accuracy=math.nan, target_accuracy=math.nan, time_to_accuracy_s=math.nan)
    if without == "energy_j":
        table = table.drop(columns="energy_j")
    figures = figures_of(table)
    for figure in figures:
        go.Figure(data=list(figure.traces), layout=dict(figure.layout))
    assert {"loss"} <= {figure.key for figure in figures}
    json.dumps([[vars(c) for cs in f.changes.values() for c in cs] for f in figures], allow_nan=False)


def test_every_option_of_a_slider_has_a_change_in_its_figures(make_points: MakePoints) -> None:
    for section in comparison_sections(make_points(), AXES):
        choosers = {
            part.key: len(part.options)
            for part in section.parts
            if not isinstance(part, Figure) and hasattr(part, "options")
        }
        for figure in (part for part in section.parts if isinstance(part, Figure)):
            assert {key: len(changes) for key, changes in figure.changes.items()}.items() <= choosers.items()


def test_two_hundred_runs_of_five_hundred_rounds_fit_a_small_page(make_points: MakePoints) -> None:
    # The numbers of traces and points bound the time in which a browser opens the page.
    table = make_points(tuple(f"{k} MHz" for k in range(1, 41)), (1, 2, 3, 4, 5), seeds=1, rounds=500)
    assert table["point"].nunique() == 200
    page = render_comparison(table, AXES, "many")
    assert len(page.encode()) < 6e6
    (drawn,) = re.findall(r'<script[^>]*id="netsim-figures"[^>]*>(.*?)</script>', page, re.DOTALL)
    assert 200 < sum(len(figure["traces"]) for figure in json.loads(drawn)["figures"].values()) < 600


def test_hostile_settings_are_escaped(make_points: MakePoints) -> None:
    page = render_comparison(make_points(uplinks=(f"1 {HOSTILE}", f"5 {HOSTILE}")), AXES, HOSTILE)
    assert HOSTILE not in page
    assert len(re.findall("<script", page)) == len(
        re.findall("<script", render_comparison(make_points(), AXES, "x"))
    )


def test_hostile_settings_are_escaped_in_hover_texts(make_points: MakePoints) -> None:
    for figure in figures_of(make_points(uplinks=("1 <b>bold</b>%{x}", "5 <b>"))):
        assert "<b>" not in json.dumps([t.get("hovertemplate") for t in figure.traces])


def test_the_axes_of_a_sweep_are_read_from_its_file(make_points: MakePoints, tmp_path: Path) -> None:
    make_points().to_parquet(tmp_path / "points.parquet")
    assert sweep_axes(tmp_path / "points.parquet") == AXES
    assert write_comparison(tmp_path / "points.parquet", AXES, "s", tmp_path / "r.html").stat().st_size < 6e6
    (tmp_path / "points.parquet").write_bytes(b"no table")
    with pytest.raises(ResultError, match="run the sweep again"):
        sweep_axes(tmp_path / "points.parquet")


def run_of(
    make_result: MakeResult, digest: str, text: str, name: str = "a", recipe: str | None = None
) -> Result:
    manifest = dict(make_result().manifest) | {"digest": digest, "name": name, "algorithm": {"name": recipe}}
    return make_result(scenario_text=text, manifest=manifest)


def test_a_difference_between_runs_is_an_axis(make_result: MakeResult) -> None:
    texts = [f"seed: {seed}\nnet:\n- cell: {{uplink: {up} MHz}}\n" for up in (5, 1) for seed in (1, 2)]
    runs = [run_of(make_result, f"{k}", text) for k, text in enumerate(texts)]
    table, axes = table_of_runs(runs)
    assert axes == ["net[0].cell.uplink"]
    assert [s.label for s in group_settings(table, axes)] == ["uplink 1 MHz", "uplink 5 MHz"]
    assert table["target_accuracy"].iloc[0] == 0.94


def test_runs_with_many_differences_are_labelled_by_name(make_result: MakeResult) -> None:
    runs = [run_of(make_result, f"{k}", "".join(f"p{i}: {k}\n" for i in range(9)), f"n{k}") for k in (1, 2)]
    assert table_of_runs(runs)[1] == ["name"]


def test_runs_of_different_algorithms_are_labelled_by_algorithm(make_result: MakeResult) -> None:
    # The resolved algorithms differ in ten paths; within one recipe only the rate differs.
    written = [("sgd", 1, 0.1), ("sgd", 1, 0.2), ("sign", 2, 0.3)]
    runs = []
    for k, (recipe, inner, rate) in enumerate(written):
        text = "algorithm:\n" + "".join(f"  p{i}: {inner}\n" for i in range(9)) + f"  rate: {rate}\n"
        runs.append(run_of(make_result, f"{k}", text, recipe=recipe))
    table, axes = table_of_runs(runs)
    assert axes == ["algorithm", "algorithm.rate"]
    assert {s.label for s in group_settings(table, axes)} == {
        "sgd, rate 0.1", "sgd, rate 0.2", "sign",
    }  # fmt: skip


def test_runs_of_one_name_with_many_differences_are_labelled_by_algorithm(make_result: MakeResult) -> None:
    texts = ["".join(f"p{i}: {k}\n" for i in range(9)) for k in (1, 2)]
    runs = [run_of(make_result, f"{k}", text, recipe=f"r{k}") for k, text in enumerate(texts)]
    table, axes = table_of_runs(runs)
    assert [s.label for s in group_settings(table, axes)] == ["r0", "r1"]


def test_a_run_given_twice_is_rejected(make_result: MakeResult) -> None:
    with pytest.raises(ResultError, match="named twice"):
        table_of_runs([make_result(), make_result()])
