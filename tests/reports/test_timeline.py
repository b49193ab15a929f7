"""A round's timeline, the tree and link use tell what the messages tell."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from netsim.reports.link_utilisation import busy_shares, size_distribution_figure, utilisation_figure
from netsim.reports.timeline import RoundActivities, timeline_figure, timeline_chooser, timeline
from netsim.reports.tree_figure import tree_figure
from netsim.reports.tree_layout import tree_from_messages, depth_first_order, node_positions
from netsim.results.result import Result

MakeResult = Callable[..., Result]


def test_the_tree_is_read_from_the_messages(star_run: Result) -> None:
    tree = tree_from_messages(star_run)
    assert depth_first_order(tree) == ["cloud", "d0", "d1"]
    assert node_positions(tree) == {"d0": (0.25, 0.0), "d1": (0.75, 0.0), "cloud": (0.5, 1.0)}


def test_every_second_of_a_node_has_a_name(star_run: Result) -> None:
    told = RoundActivities(star_run, tree_from_messages(star_run)).spans(["d0", "d1"], 1)
    assert [(s.node, s.kind, s.begin_s, s.end_s) for s in told] == [
        ("d0", "downlink", 0.0, 1.0), ("d0", "compute", 1.0, 3.0), ("d0", "queueing", 3.0, 3.5), ("d0", "uplink", 3.5, 4.5),
        ("d1", "downlink", 0.0, 1.0), ("d1", "compute", 1.0, 2.0), ("d1", "uplink", 2.0, 3.0), ("d1", "waiting", 3.0, 4.5),
    ]  # fmt: skip


def test_stretches_agree_with_the_nodes_table(star_run: Result) -> None:
    told = RoundActivities(star_run, tree_from_messages(star_run)).spans(["d0", "d1"], 1)
    for row in star_run.nodes[star_run.nodes["level"] == 0].itertuples():
        mine = {kind: sum(s.end_s - s.begin_s for s in told if (s.node, s.kind) == (row.node, kind))
                for kind in ("downlink", "compute", "uplink", "queueing", "waiting")}  # fmt: skip
        assert mine["uplink"] + mine["queueing"] == pytest.approx(row.uplink_s)
        assert [mine["downlink"], mine["compute"], mine["waiting"]] == pytest.approx(
            [row.downlink_s, row.compute_s, row.waiting_s]
        )


def test_the_chart_draws_the_stretches_in_the_unit_of_its_axis(star_run: Result) -> None:
    found = timeline(star_run)
    assert found is not None
    assert timeline_chooser(found).options == ["round 1"]
    bars = {trace["name"]: trace for trace in timeline_figure(found, 1).traces}
    assert (bars["compute"]["base"], bars["compute"]["x"], bars["compute"]["y"]) == (
        [1.0, 1.0],
        [2.0, 1.0],
        [0, 1],
    )
    assert (bars["layer 1 queueing"]["base"], bars["layer 1 queueing"]["x"]) == ([3.0], [0.5])


def test_an_asked_for_round_is_on_the_slider(star_run: Result, make_result: MakeResult) -> None:
    rounds = make_result(finished=5000, depth=1).rounds
    found = timeline(
        Result(star_run.scenario_text, rounds, star_run.messages, star_run.nodes, star_run.manifest), 1234
    )
    assert found is not None
    assert 1234 in found.rounds
    assert len(found.rounds) <= 401


def test_the_tree_has_the_colours_of_the_chosen_quantity(star_run: Result) -> None:
    found = tree_figure(star_run)
    assert found is not None
    chooser, figure = found
    assert chooser.options == [
        "ProcessGenerator",
        "Compute",
        "Uplink",
        "Downlink",
        "Serving",
        "Bits sent up",
        "Bits sent down",
    ]
    colours = figure.changes["quantity"][1].traces["marker.color"][1]
    assert sorted(colours) == [0.0, 1.0, 2.0]


def test_a_link_is_busy_while_a_message_is_under_way(star_run: Result) -> None:
    up, down = (star_run.messages[star_run.messages["direction"] == way] for way in ("up", "down"))
    assert busy_shares(up).tolist() == [2.5]
    assert busy_shares(down).tolist() == [1.0]
    figure = utilisation_figure(star_run)
    assert figure is not None
    assert [trace["y"] for trace in figure.traces] == [
        [pytest.approx(100 * 2.5 / 2 / 4.5, rel=1e-5)],
        [pytest.approx(100 / 4.5, rel=1e-5)],
    ]


def test_transfers_of_one_sender_that_overlap_count_once(star_run: Result) -> None:
    # 1 to 4 s, within it 2 to 3 s, and 3.5 to 5 s: busy from 1 to 5 s.
    three = star_run.messages.assign(src="d0", sent_s=[1.0, 2.0, 3.5], arrived_s=[4.0, 3.0, 5.0])
    assert busy_shares(three).tolist() == [4.0]


def test_the_distribution_rises_to_all_messages(star_run: Result) -> None:
    sizes = star_run.messages.assign(payload_bits=[800, 100, 400])
    figure = size_distribution_figure(
        Result(star_run.scenario_text, star_run.rounds, sizes, star_run.nodes, star_run.manifest)
    )
    assert figure is not None
    assert (figure.traces[0]["x"], figure.traces[0]["y"]) == ([100, 100, 400], [0.0, 50.0, 100.0])
