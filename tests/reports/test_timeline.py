"""The timeline of a round, the tree, and link utilisation, compared with the messages."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from netsim.reports.link_utilisation import busy_seconds, utilisation_figure
from netsim.reports.message_sizes import size_distribution_figure
from netsim.reports.timeline import RoundActivities, select_timeline, timeline_chooser, timeline_figure
from netsim.reports.tree_figure import tree_figure
from netsim.reports.tree_layout import depth_first_order, node_positions, tree_from_messages
from netsim.results.result import Result

MakeResult = Callable[..., Result]


def test_the_tree_is_derived_from_the_messages(star_run: Result) -> None:
    tree = tree_from_messages(star_run)
    assert depth_first_order(tree) == ["cloud", "d0", "d1"]
    assert node_positions(tree) == {"d0": (0.25, 0.0), "d1": (0.75, 0.0), "cloud": (0.5, 1.0)}


def test_the_spans_of_a_node_cover_the_whole_round(star_run: Result) -> None:
    spans = RoundActivities(star_run, tree_from_messages(star_run)).spans(["d0", "d1"], 1)
    assert [(s.node, s.kind, s.begin_s, s.end_s) for s in spans] == [
        ("d0", "downlink", 0.0, 1.0), ("d0", "compute", 1.0, 3.0), ("d0", "queueing", 3.0, 3.5), ("d0", "uplink", 3.5, 4.5),
        ("d1", "downlink", 0.0, 1.0), ("d1", "compute", 1.0, 2.0), ("d1", "uplink", 2.0, 3.0), ("d1", "waiting", 3.0, 4.5),
    ]  # fmt: skip


def test_spans_agree_with_the_nodes_table(star_run: Result) -> None:
    spans = RoundActivities(star_run, tree_from_messages(star_run)).spans(["d0", "d1"], 1)
    for row in star_run.nodes[star_run.nodes["level"] == 0].itertuples():
        seconds = {kind: sum(s.end_s - s.begin_s for s in spans if (s.node, s.kind) == (row.node, kind))
                for kind in ("downlink", "compute", "uplink", "queueing", "waiting")}  # fmt: skip
        assert seconds["uplink"] + seconds["queueing"] == pytest.approx(row.uplink_s)
        assert [seconds["downlink"], seconds["compute"], seconds["waiting"]] == pytest.approx(
            [row.downlink_s, row.compute_s, row.waiting_s]
        )


def test_the_chart_has_the_spans_in_the_unit_of_its_axis(star_run: Result) -> None:
    selected = select_timeline(star_run)
    assert selected is not None
    assert timeline_chooser(selected).options == ["round 1"]
    bars = {trace["name"]: trace for trace in timeline_figure(selected, 1).traces}
    assert (bars["compute"]["base"], bars["compute"]["x"], bars["compute"]["y"]) == (
        [1.0, 1.0],
        [2.0, 1.0],
        [0, 1],
    )
    assert (bars["layer 1 queueing"]["base"], bars["layer 1 queueing"]["x"]) == ([3.0], [0.5])


def test_a_requested_round_is_on_the_slider(star_run: Result, make_result: MakeResult) -> None:
    rounds = make_result(finished=5000, depth=1).rounds
    selected = select_timeline(
        Result(star_run.scenario_text, rounds, star_run.messages, star_run.nodes, star_run.manifest), 1234
    )
    assert selected is not None
    assert 1234 in selected.rounds
    assert len(selected.rounds) <= 401


def test_the_tree_has_the_colours_of_the_selected_quantity(star_run: Result) -> None:
    selected = tree_figure(star_run)
    assert selected is not None
    chooser, figure = selected
    assert chooser.options == [
        "Waiting",
        "Compute",
        "Uplink",
        "Downlink",
        "Serving",
        "Bits sent up",
        "Bits sent down",
    ]
    colours = figure.changes["quantity"][1].traces["marker.color"][1]
    assert sorted(colours) == [0.0, 1.0, 2.0]


def test_a_link_is_busy_while_a_message_is_in_transit(star_run: Result) -> None:
    up, down = (
        star_run.messages[star_run.messages["direction"] == direction] for direction in ("up", "down")
    )
    assert busy_seconds(up).tolist() == [2.5]
    assert busy_seconds(down).tolist() == [1.0]
    figure = utilisation_figure(star_run)
    assert figure is not None
    assert [trace["y"] for trace in figure.traces] == [
        [pytest.approx(100 * 2.5 / 2 / 4.5, rel=1e-5)],
        [pytest.approx(100 / 4.5, rel=1e-5)],
    ]


def test_overlapping_transfers_of_one_sender_are_counted_once(star_run: Result) -> None:
    # 1 to 4 s, within it 2 to 3 s, and 3.5 to 5 s: busy from 1 to 5 s.
    three = star_run.messages.assign(src="d0", sent_s=[1.0, 2.0, 3.5], arrived_s=[4.0, 3.0, 5.0])
    assert busy_seconds(three).tolist() == [4.0]


def test_the_size_distribution_ends_at_all_messages(star_run: Result) -> None:
    sizes = star_run.messages.assign(payload_bits=[800, 100, 400])
    figure = size_distribution_figure(
        Result(star_run.scenario_text, star_run.rounds, sizes, star_run.nodes, star_run.manifest)
    )
    assert figure is not None
    assert (figure.traces[0]["x"], figure.traces[0]["y"]) == ([100, 100, 400], [0.0, 50.0, 100.0])
