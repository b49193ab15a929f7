"""Figures contain the numbers of the tables in the units of their axes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest

from netsim.reports import message_sizes, run_curves, time_breakdown
from netsim.reports.axes import horizontal_axes, log_axis, thin
from netsim.reports.page_parts import Figure
from netsim.results.result import Result

MakeResult = Callable[..., Result]
NAN = float("nan")


def all_figures(run: Result) -> list[Figure]:
    metrics = [run_curves.metric_figure(run, "accuracy"), run_curves.metric_figure(run, "loss")]
    others = [
        time_breakdown.critical_path_figure(run),
        time_breakdown.activity_figure(run),
        run_curves.traffic_figure(run),
    ]
    return [
        figure
        for figure in (*metrics, *others, message_sizes.size_figure(message_sizes.message_sizes(run)))
        if figure
    ]


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_plotly_accepts_all_figures(make_result: MakeResult, depth: int) -> None:
    figures = all_figures(make_result(depth=depth))
    assert len(figures) == 6
    for figure in figures:
        go.Figure(data=list(figure.traces), layout=dict(figure.layout))


def test_every_horizontal_axis_has_a_title_with_its_unit(make_result: MakeResult) -> None:
    titles = [figure.layout["xaxis"]["title"]["text"] for figure in all_figures(make_result())]
    assert titles == [
        "Simulated time (s)",
        "Simulated time (s)",
        "Time of a round (s)",
        "Time of a round (s)",
        "Simulated time (s)",
        "Bits of one message (logarithmic)",
    ]


def test_the_horizontal_axes_are_time_rounds_steps_uplink_and_total_bits(make_result: MakeResult) -> None:
    # One round of one layer: 128 x 31.4 kbit up and 64 x 250 kbit down, 0.75 s.
    axes = horizontal_axes(make_result(finished=1, depth=1))
    assert [axis.title for axis in axes] == [
        "Simulated time (ms)",
        "Global rounds",
        "Local SGD steps of a device",
        "Uplink payload of all layers (Mbit)",
        "Payload of all layers, up and down (Mbit)",
    ]
    assert [axis.values[-1] for axis in axes] == pytest.approx([750, 1, 20, 4.0192, 20.0192])


def test_the_time_axis_of_a_long_run_is_in_minutes(make_result: MakeResult) -> None:
    rounds = make_result(finished=2).rounds.assign(sim_time_s=[0.0, 150.0, 300.0])
    figure = run_curves.metric_figure(make_result(rounds=rounds), "accuracy")
    assert figure is not None
    assert figure.layout["xaxis"]["title"]["text"] == "Simulated time (min)"
    assert figure.traces[0]["x"] == [0.0, 2.5, 5.0]


def test_rounds_that_were_not_evaluated_are_not_drawn(make_result: MakeResult) -> None:
    rounds = make_result(finished=3).rounds.assign(loss=[2.0, NAN, 1.0, NAN])
    figure = run_curves.metric_figure(make_result(rounds=rounds), "loss")
    assert figure is not None
    assert figure.traces[0]["customdata"] == [0, 2]
    assert all(len(change.traces["x"][0]) == 2 for change in figure.changes["axis"])


def test_a_metric_without_an_evaluation_has_no_figure(make_result: MakeResult) -> None:
    rounds = make_result(finished=3).rounds.assign(accuracy=NAN)
    assert run_curves.metric_figure(make_result(rounds=rounds), "accuracy") is None


def test_the_bars_of_the_critical_path_add_up_to_the_duration_of_the_mean_round(
    make_result: MakeResult,
) -> None:
    figure = time_breakdown.critical_path_figure(make_result(depth=3))
    assert figure is not None
    lengths = np.sum([trace["x"] for trace in figure.traces], axis=0)
    assert lengths == pytest.approx([0.5 + 0.05 * 6 + 0.2 * (1 + 1 / 2 + 1 / 3)] * 2, rel=1e-5)


def test_the_critical_path_consists_of_downlinks_computation_and_uplinks(make_result: MakeResult) -> None:
    labels = [segment.label for segment in time_breakdown.path_segments(make_result(depth=2))]
    assert labels == ["layer 2 downlink", "layer 1 downlink", "compute", "layer 1 uplink", "layer 2 uplink"]


def test_the_slider_selects_the_named_round(make_result: MakeResult) -> None:
    rounds = make_result(finished=3).rounds.assign(path_compute_s=[0.0, 0.5, 0.9, 0.7])
    run = make_result(rounds=rounds)
    figure = time_breakdown.critical_path_figure(run)
    assert figure is not None
    assert time_breakdown.round_chooser(run).options == ["round 1", "round 2", "round 3"]
    compute = [trace["name"] for trace in figure.traces].index("compute")
    assert [change.traces["x"][compute] for change in figure.changes["round"]] == [
        [0.7, 0.5],
        [0.7, 0.9],
        [0.7, 0.7],
    ]


def test_the_range_of_the_time_axis_is_the_same_for_all_rounds(make_result: MakeResult) -> None:
    rounds = make_result(finished=2, depth=1).rounds.assign(path_compute_s=[0.0, 0.5, 1.75])
    figure = time_breakdown.critical_path_figure(make_result(depth=1, rounds=rounds))
    assert figure is not None
    assert figure.layout["xaxis"]["range"] == pytest.approx([0, 1.02 * 2.0])


def test_activities_are_means_over_the_nodes_of_a_level(make_result: MakeResult) -> None:
    # Eight devices that wait 0, 20, ... 140 ms, four edge servers 0 ... 60 ms, two servers 0 and 20 ms.
    figure = time_breakdown.activity_figure(make_result(depth=3))
    assert figure is not None
    waiting = next(trace for trace in figure.traces if trace["name"] == "waiting")
    assert waiting["y"] == ["devices (8)", "edge servers (4)", "level-2 servers (2)"]
    assert waiting["x"] == pytest.approx([0.07, 0.03, 0.01])


def test_message_sizes_are_split_by_layer_and_direction_into_payload_and_headers(
    make_result: MakeResult,
) -> None:
    up, down = message_sizes.message_sizes(make_result(finished=2, depth=1))
    assert (up.name, up.messages, up.payload_bits, up.header_bits) == ("layer 1 up", 256, 31_400, 320)
    assert (down.name, down.messages, down.total_bits) == ("layer 1 down", 128, 128 * 250_000)


def test_varying_message_sizes_have_a_range(make_result: MakeResult) -> None:
    messages = make_result(finished=1, depth=1).messages
    messages.loc[messages.index[-1], "payload_bits"] = 8_000
    run = make_result(depth=1, messages=messages)
    row = message_sizes.size_table(message_sizes.message_sizes(run)).rows[0]
    assert row[2] == "31.2 kbit (8 kbit to 31.4 kbit)"


def test_messages_without_headers_have_no_marker_on_a_logarithmic_axis(make_result: MakeResult) -> None:
    messages = make_result(depth=1).messages
    figure = message_sizes.size_figure(
        message_sizes.message_sizes(make_result(messages=messages.assign(wire_bits=messages.payload_bits)))
    )
    assert figure is not None
    assert figure.traces[1]["x"] == [None, None]


def test_ticks_of_a_logarithmic_axis_have_si_prefixes() -> None:
    axis = log_axis(320, 750_000)
    assert axis["ticktext"] == ["100 bit", "1 kbit", "10 kbit", "100 kbit", "1 Mbit"]


def test_logarithmic_ticks_are_in_the_unit_of_the_curves(make_result: MakeResult) -> None:
    # Curves are in Mbit, so the tick with the label 1 Mbit is at 1.
    figure = run_curves.traffic_figure(make_result())
    assert figure is not None
    layout = figure.changes["bits"][1].layout
    ticks = dict(zip(layout["yaxis.ticktext"], layout["yaxis.tickvals"], strict=True))
    assert ticks["1 Mbit"] == pytest.approx(1.0)


def test_thinning_keeps_the_first_and_the_last_point() -> None:
    assert thin(10_000, 5).tolist() == [0, 2500, 5000, 7499, 9999]
    assert thin(3).tolist() == [0, 1, 2]


def test_a_run_without_a_finished_round_has_no_figure_over_time(make_result: MakeResult) -> None:
    run = make_result(finished=0)
    assert run_curves.traffic_figure(run) is None
    assert time_breakdown.critical_path_figure(run) is None
    assert time_breakdown.activity_figure(run) is None
    assert message_sizes.message_sizes(run) == []


def test_a_message_in_transit_without_an_arrival_is_counted(make_result: MakeResult) -> None:
    messages = make_result(finished=1, depth=1).messages
    cut = pd.concat([messages, messages.iloc[-1:].assign(arrived_s=NAN)], ignore_index=True)
    assert message_sizes.message_sizes(make_result(depth=1, messages=cut))[0].messages == 129
