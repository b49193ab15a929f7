"""The timeline of real runs: who was at what, and when, as the simulation itself counted it."""

from __future__ import annotations

from functools import cache

import pytest

from netsim.protocol.polling import LOSS_BITS
from netsim.protocol.trace import Trace
from netsim.reports.node_activity import POLL_ANSWER_BITS, NodeActivities
from netsim.reports.timeline import RoundActivities
from netsim.reports.tree_layout import tree_from_messages
from netsim.results.addressing import format_receivers, parse_receivers
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
LADDER = (
    "{leaf: {learning_rate: 0.2, batch_size: 8}, "
    "layers: [{tau: 2, up: none, rule: mean, echo: true}, {tau: 2, up: none, rule: mean}]}"
)
SCENES: dict[str, dict[str, str]] = {
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
        "algorithm": LADDER,
        "wait": "[{first: {count: 2}}, all]",
    },
    "poll": {"selection": "[{power_of_choice: {count: 2, candidates: 3}}, all]"},
}
Times = dict[str, list[tuple[float, int | None]]]


@cache
def ran(name: str) -> tuple[Result, Times]:
    """A tiny run, and every change of what a node was at."""
    more = {"devices": SLOW, "rounds": "3", "algorithm": FAVG, **SCENES[name]}
    rounds = more.pop("rounds")
    keys = "".join(f"{key}: {value}\n" for key, value in more.items())
    text = (
        "name: tiny\nseed: 5\ntopology: {fanout: [2, 5]}\n"
        "task: {dataset: digits, partition: {dirichlet: {alpha: 0.5}}, model: {mlp: {hidden: [5]}}}\n"
        "network:\n  - cell: {preset: wifi}\n  - wired: {rate: 10 Mbit/s, latency: 3 ms}\n"
        f"stop: {{rounds: {rounds}}}\n{keys}"
    )
    seen: Times = {}

    def at(self: Trace, node: Node, doing: int | None, now_s: float) -> None:
        seen.setdefault(node.name, []).append((now_s, doing))
        plain(self, node, doing, now_s)

    plain = Trace.at
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trace, "at", at)
        return simulate(load_text(text, "tiny.yaml"), device="cpu"), seen


@pytest.mark.parametrize("name", SCENES)
def test_a_node_is_drawn_at_each_thing_for_as_long_as_the_nodes_table_says(name: str) -> None:
    run, _ = ran(name)
    lives, tree = NodeActivities(run, tree_from_messages(run)), tree_from_messages(run)
    for row in run.nodes.to_dict("records"):
        round_number, node = int(row["round"]), str(row["node"])
        if node not in tree or not tree.in_degree(node):
            continue
        stays = lives.intervals(node, round_number)
        drawn = [sum(s.length_s for s in stays if s.at == at) for at in ("hearing", "busy", "sending")]
        description = [row["downlink_s"], row["compute_s"] + row["below_s"], row["uplink_s"]]
        assert drawn == pytest.approx(description, abs=1e-9), (round_number, node)


@pytest.mark.parametrize("name", SCENES)
def test_a_node_is_drawn_at_each_thing_when_it_was_at_it(name: str) -> None:
    run, seen = ran(name)
    lives, tree, end_s = NodeActivities(run, tree_from_messages(run)), tree_from_messages(run), run.sim_time_s
    for node in [node for node in tree if tree.in_degree(node)]:
        true = [
            (("hearing", "busy", "sending")[doing], begin_s, over_s)
            for (begin_s, doing), (over_s, _) in zip(
                seen[node], [*seen[node][1:], (end_s, None)], strict=True
            )
            if doing is not None
        ]
        for stay in (
            stay for round_number in range(1, run.finished_rounds + 1) for stay in lives.intervals(node, round_number)
        ):
            held = [min(stay.end_s, e) - max(stay.begin_s, b) for at, b, e in true if at == stay.at]
            assert sum(max(0.0, part) for part in held) == pytest.approx(stay.length_s, abs=1e-9), (
                node,
                stay,
            )


@pytest.mark.parametrize("name", SCENES)
def test_the_stretches_of_a_node_fill_the_round(name: str) -> None:
    run, _ = ran(name)
    tree, ends = tree_from_messages(run), run.rounds["sim_time_s"].tolist()
    node = next(node for node in tree if not tree.out_degree(node))
    for round_number in range(1, run.finished_rounds + 1):
        told = [s for s in RoundActivities(run, tree).spans([node], round_number) if s.doing not in ("down", "handover")]
        assert [s.begin_s for s in told[1:]] == pytest.approx([s.end_s for s in told[:-1]], abs=1e-9)
        assert told[-1].end_s == pytest.approx(ends[round_number] - ends[round_number - 1])


def test_a_downlink_names_those_told_where_not_all_were() -> None:
    few, everybody = (
        run.messages[(run.messages["direction"] == "down") & (run.messages["layer"] == 1)]
        for run in (ran("selection")[0], ran("all")[0])
    )
    assert set(everybody["dst"]) == {"*"}
    assert [len(dst.split(" ")) for dst in few["dst"]] == few["receivers"].tolist() == [2] * len(few)


def test_a_name_with_a_space_is_one_name() -> None:
    assert parse_receivers(format_receivers(["New York", "Bonn"])) == ["New York", "Bonn"]
    assert format_receivers(["d1", "d2"]) == "d1 d2"


def test_an_answer_to_a_poll_is_known_by_its_size() -> None:
    assert POLL_ANSWER_BITS == LOSS_BITS
