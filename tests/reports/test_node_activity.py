"""Activities derived from messages, compared with those that the simulation recorded."""

from __future__ import annotations

from functools import cache

import pytest

from netsim.protocol.polling import LOSS_BITS
from netsim.protocol.trace import Trace
from netsim.reports.node_activity import POLL_ANSWER_BITS, NodeActivities
from netsim.reports.timeline import RoundActivities
from netsim.reports.tree_layout import tree_from_messages
from netsim.results.receivers import format_receivers, parse_receivers
from netsim.results.result import Result
from netsim.scenario import load_text
from netsim.simulation.run import simulate
from netsim.topology import Node

SLOW = "{compute: {flops: {rate: 100 MFLOP/s, efficiency: 0.2, spread: {lognormal: 0.5}, jitter: {lognormal: 1.0}}}}"
AWAY = (
    "{availability: {on_off: {on: 60 ms, off: 20 ms}}, compute: {flops: {rate: 1 GFLOP/s, efficiency: 0.2}}}"
)
FAILS = "[{server_failure: {nodes: [edge1], when: {given: {at: [100 ms]}}, reattach: load_balanced, detection: 10 ms}}]"
FAVG = "{hier_favg: {learning_rate: 0.2, batch_size: 8, tau: [3, 2]}}"
ECHO_ALGORITHM = (
    "{leaf: {learning_rate: 0.2, batch_size: 8}, "
    "layers: [{tau: 2, up: none, rule: mean, echo: true}, {tau: 2, up: none, rule: mean}]}"
)
SCENARIOS: dict[str, dict[str, str]] = {
    "all": {},
    "selection": {"selection": "[{uniform: 0.4}, all]"},
    "drop": {"wait": "[{fraction: {of: 0.6}}, all]"},
    "few, some late": {
        "selection": "[{uniform: 0.6}, all]",
        "wait": "[{first: {count: 1}}, all]",
        "algorithm": FAVG.replace("2]", "4]"),
    },
    "carry": {"wait": "[{deadline: {after: 40 ms, late: carry, staleness: polynomial}}, all]"},
    "async": {"wait": "[{fraction: {of: 0.6}}, asynchronous]", "rounds": "8"},
    "edge_failure": {"faults": FAILS, "rounds": "6"},
    "availability": {"devices": AWAY, "rounds": "5"},
    "echo": {
        "algorithm": ECHO_ALGORITHM,
        "wait": "[{first: {count: 2}}, all]",
    },
    "poll": {"selection": "[{power_of_choice: {count: 2, candidates: 3}}, all]"},
}
RecordedTimes = dict[str, list[tuple[float, int | None]]]


@cache
def simulated(name: str) -> tuple[Result, RecordedTimes]:
    """A tiny run, and every change of a node's activity as recorded by the simulation."""
    keys = {"devices": SLOW, "rounds": "3", "algorithm": FAVG, **SCENARIOS[name]}
    rounds = keys.pop("rounds")
    lines = "".join(f"{key}: {value}\n" for key, value in keys.items())
    text = (
        "name: tiny\nseed: 5\ntopology: {fanout: [2, 5]}\n"
        "task: {dataset: digits, partition: {dirichlet: {alpha: 0.5}}, model: {mlp: {hidden: [5]}}}\n"
        "network:\n  - cell: {preset: wifi}\n  - wired: {rate: 10 Mbit/s, latency: 3 ms}\n"
        f"stop: {{rounds: {rounds}}}\n{lines}"
    )
    recorded: RecordedTimes = {}

    def spy(self: Trace, node: Node, activity: int | None, now_s: float) -> None:
        recorded.setdefault(node.name, []).append((now_s, activity))
        original(self, node, activity, now_s)

    original = Trace.set_activity
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trace, "set_activity", spy)
        return simulate(load_text(text, "tiny.yaml"), device="cpu"), recorded


@pytest.mark.parametrize("name", SCENARIOS)
def test_durations_of_activities_equal_those_of_the_nodes_table(name: str) -> None:
    run, _ = simulated(name)
    activities, tree = NodeActivities(run, tree_from_messages(run)), tree_from_messages(run)
    for row in run.nodes.to_dict("records"):
        round_number, node = int(row["round"]), str(row["node"])
        if node not in tree or not tree.in_degree(node):
            continue
        intervals = activities.intervals(node, round_number)
        drawn = [
            sum(one.duration_s for one in intervals if one.activity == activity)
            for activity in ("receiving", "busy", "sending")
        ]
        expected = [row["downlink_s"], row["compute_s"] + row["below_s"], row["uplink_s"]]
        assert drawn == pytest.approx(expected, abs=1e-9), (round_number, node)


@pytest.mark.parametrize("name", SCENARIOS)
def test_instants_of_activities_equal_those_of_the_simulation(name: str) -> None:
    run, recorded = simulated(name)
    activities, tree, end_s = (
        NodeActivities(run, tree_from_messages(run)),
        tree_from_messages(run),
        run.sim_time_s,
    )
    for node in [node for node in tree if tree.in_degree(node)]:
        true = [
            (("receiving", "busy", "sending")[doing], begin_s, over_s)
            for (begin_s, doing), (over_s, _) in zip(
                recorded[node], [*recorded[node][1:], (end_s, None)], strict=True
            )
            if doing is not None
        ]
        for interval in (
            one
            for round_number in range(1, run.finished_rounds + 1)
            for one in activities.intervals(node, round_number)
        ):
            overlaps = [
                min(interval.end_s, end_s) - max(interval.begin_s, begin_s)
                for activity, begin_s, end_s in true
                if activity == interval.activity
            ]
            total_s = sum(max(0.0, overlap) for overlap in overlaps)
            assert total_s == pytest.approx(interval.duration_s, abs=1e-9), (node, interval)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_spans_of_a_node_fill_the_round(name: str) -> None:
    run, _ = simulated(name)
    tree, ends = tree_from_messages(run), run.rounds["sim_time_s"].tolist()
    node = next(node for node in tree if not tree.out_degree(node))
    for round_number in range(1, run.finished_rounds + 1):
        spans = [
            span
            for span in RoundActivities(run, tree).spans([node], round_number)
            if span.kind not in ("down", "handover")
        ]
        assert [s.begin_s for s in spans[1:]] == pytest.approx([s.end_s for s in spans[:-1]], abs=1e-9)
        assert spans[-1].end_s == pytest.approx(ends[round_number] - ends[round_number - 1])


def test_a_downlink_to_some_children_lists_its_addressees() -> None:
    partial, broadcast = (
        run.messages[(run.messages["direction"] == "down") & (run.messages["layer"] == 1)]
        for run in (simulated("selection")[0], simulated("all")[0])
    )
    assert set(broadcast["dst"]) == {"*"}
    assert (
        [len(dst.split(" ")) for dst in partial["dst"]] == partial["receivers"].tolist() == [2] * len(partial)
    )


def test_a_name_with_a_space_is_a_single_addressee() -> None:
    assert parse_receivers(format_receivers(["New York", "Bonn"])) == ["New York", "Bonn"]
    assert format_receivers(["d1", "d2"]) == "d1 d2"


def test_the_size_of_a_poll_answer_matches_the_protocol() -> None:
    assert POLL_ANSWER_BITS == LOSS_BITS
