"""The comparison page of a sweep: mean curves and bands over seeds, labels of settings, optional columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from netsim.reports import write_comparison
from netsim.reports.accuracy_bands import curve_chooser, metric_figures, range_chooser
from netsim.reports.page_parts import Figure
from netsim.reports.palette import setting_colours
from netsim.reports.settings import Setting

NAN = float("nan")


def bands(settings: list[Setting], target: float) -> Figure:
    """The first metric figure."""
    return metric_figures(settings, target)[0]


def points(*runs: dict[str, Any], rounds: int = 3) -> pd.DataFrame:
    """A points table with `rounds` rows per run: accuracy rises by `step` per round of `round_s` seconds."""
    tables = []
    for index, run in enumerate(runs):
        k = np.arange(run.pop("rounds", rounds))
        step, round_s = run.pop("step", 0.1), run.pop("round_s", 1.0)
        columns = {"point": index, "seed": index, "round": k, "sim_time_s": round_s * k, "accuracy": step * k}
        columns |= {"loss": 1.0 - step * k, "bits": 1e6 * k, "bits_up_1": 4e5 * k}
        tables.append(pd.DataFrame({**columns, "target_accuracy": 0.1, "time_to_accuracy_s": round_s, **run}))
    return pd.concat(tables, ignore_index=True)


def page(table: pd.DataFrame, folder: Path, axes: tuple[str, ...] = ("a.b",)) -> str:
    table.to_parquet(folder / "points.parquet")
    path = write_comparison(folder / "points.parquet", axes, "sample", folder / "report.html")
    return path.read_text()


def test_a_band_covers_the_range_of_the_seeds_in_each_round() -> None:
    table = points({"step": 0.1, "round_s": 1.0}, {"step": 0.3, "round_s": 3.0})
    figure = bands([Setting("both", "#0072B2", table)], 0.1)
    band, line = figure.traces
    assert line["x"] == [0, 2, 4]
    assert line["y"] == [0, 0.2, 0.4]
    assert band["y"] == [0, 0.3, 0.6, 0.2, 0.1, 0]
    assert band["x"] == [0, 2, 4, 4, 2, 0]


def test_a_band_ends_with_the_shortest_of_its_seeds() -> None:
    figure = bands([Setting("both", "#0072B2", points({"rounds": 5}, {"rounds": 2}))], NAN)
    assert figure.traces[1]["x"] == [0, 1]
    assert "shapes" not in figure.layout


def test_a_curve_of_seeds_without_a_common_evaluation_ends_at_the_mean_of_their_last_models() -> None:
    table = points({"rounds": 5}, {"rounds": 4})
    table.loc[[1, 2, 3, 6, 7], "accuracy"] = NAN
    band, line = bands([Setting("both", "#0072B2", table)], NAN).traces
    assert (line["x"], line["y"]) == ([0, 3.5], [0, pytest.approx(0.35)])
    assert band["y"] == [0, pytest.approx(0.4), pytest.approx(0.3), 0]


def test_rounds_without_an_evaluation_leave_no_gap() -> None:
    table = points({"rounds": 5})
    table.loc[[1, 3], "accuracy"] = NAN
    (line,) = bands([Setting("one", "#0072B2", table)], NAN).traces
    assert (line["x"], line["y"]) == ([0, 2, 4], [0, 0.2, 0.4])


def test_lines_are_above_all_bands_and_a_legend_entry_hides_the_line_and_band_of_its_setting() -> None:
    settings = [Setting(name, "#0072B2", points({}, {})) for name in ("one", "two")]
    figure = bands(settings, NAN)
    assert ["fill" in trace for trace in figure.traces] == [True, True, False, False]
    assert [entry.traces for entry in figure.legend] == [[0, 2], [1, 3]]


def test_the_axis_chooser_changes_every_trace() -> None:
    settings = [Setting("one", "#0072B2", points({}, {})), Setting("two", "#0072B2", points({}))]
    figure = bands(settings, NAN)
    axis, vertical = curve_chooser(settings), range_chooser()
    assert axis.options == ["Simulated time", "Rounds", "Total bits"]
    assert len(figure.changes["part"]) == len(vertical.options)
    bits = figure.changes["axis"][2]
    assert bits.layout["xaxis.title.text"] == "Payload of all layers, up and down (Mbit)"
    assert [len(x) for x in bits.traces["x"]] == [len(trace["y"]) for trace in figure.traces]
    assert bits.traces["x"][2] == [0, 1, 2]


def test_a_task_without_accuracy_has_a_loss_figure_only() -> None:
    table = points({}).assign(accuracy=NAN, target_accuracy=NAN, time_to_accuracy_s=NAN)
    settings = [Setting("one", "#0072B2", table)]
    assert bands(settings, NAN).traces[0]["y"] == [1, 0.9, 0.8]
    assert [figure.key for figure in metric_figures(settings, NAN)] == ["loss"]


def test_settings_are_labelled_by_key_and_value_and_a_missing_value_is_as_written(tmp_path: Path) -> None:
    html = page(points({"a.b": "5 MHz"}, {"a.b": None}), tmp_path)
    assert '<th scope="row">b 5 MHz</th>' in html
    assert '<th scope="row">as written</th>' in html


def test_energy_is_a_column_only_if_it_is_modelled(tmp_path: Path) -> None:
    table = points({"a.b": 1}, {"a.b": 2})
    assert '<th scope="col">Energy</th>' not in page(table, tmp_path)
    assert "<td>2 kJ</td>" in page(table.assign(energy_j=1e3 * table["round"]), tmp_path)


def test_a_sweep_over_seeds_only_is_one_setting(tmp_path: Path) -> None:
    html = page(points({}, {"step": 0.2}), tmp_path, axes=())
    assert '<th scope="row">all seeds</th><td>2</td>' in html


def test_time_to_accuracy_states_how_many_runs_reached_the_target(tmp_path: Path) -> None:
    table = points({"a.b": 1}, {"a.b": 1, "time_to_accuracy_s": NAN}, {"a.b": 2, "time_to_accuracy_s": NAN})
    html = page(table, tmp_path)
    assert "<td>1 s (1 of 2 runs)</td>" in html
    assert "<td>not reached</td>" in html


def test_a_page_without_a_target_states_so(tmp_path: Path) -> None:
    table = points({"a.b": 1}, {"a.b": 2}).assign(target_accuracy=NAN, time_to_accuracy_s=NAN)
    assert "No target accuracy could be chosen" in page(table, tmp_path)
    assert "No target accuracy could be chosen" not in page(table.assign(accuracy=NAN), tmp_path)


@pytest.mark.parametrize("count", [1, 5, 6, 20])
def test_every_setting_has_a_different_colour(count: int) -> None:
    assert len(set(setting_colours(count))) == count
