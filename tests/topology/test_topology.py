"""Topologies: a rooted tree of equally deep devices, from fan-outs and files."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx as nx
import pytest

from netsim.topology import TOPOLOGIES, Fanout, File, Topology, TopologyError

TREE = """
name: cloud
x_km: 0
y_km: 0
children:
  - {name: edge_a, rate: 100 Mbit/s, latency: 5 ms, x_m: 300, y_m: 400, devices: 2}
  - name: edge_b
    rate_bps: 1.0e9
    children: [{name: phone, distance: 30 m}, {}, {}]
"""


def grown(tmp_path: Path, text: str, name: str = "net.yaml") -> Topology:
    (tmp_path / name).write_text(text)
    return File(name).grow([tmp_path])


def names(topology: Topology) -> list[list[str]]:
    return [[node.name for node in row] for row in topology.levels]


def test_a_fanout_is_written_from_the_cloud_down() -> None:
    topology = Fanout([2, 1, 3]).grow()
    assert names(topology) == [
        [f"device{i}" for i in range(6)],
        ["edge0", "edge1"],
        ["region0", "region1"],
        ["cloud"],
    ]
    assert (topology.depth, topology.groups) == (3, (0, 0, 0, 1, 1, 1))


def test_levels_above_the_third_are_named_by_number() -> None:
    assert names(Fanout([2, 1, 1, 1]).grow())[3] == ["l3-0", "l3-1"]


def test_level_ordinal_and_parent_of_every_node() -> None:
    topology = Fanout([3, 4]).grow()
    device = topology.devices[7]
    parent = topology.parent(device)
    assert (device.level, device.ordinal) == (0, 7)
    assert parent is topology.levels[1][1]
    assert topology.parent(topology.root) is None


@pytest.mark.parametrize("fanout", [[], [0], [2, -1], [True], [2.0], ["3"], [4000, 4000]])
def test_an_invalid_fanout_is_rejected(fanout: list[Any]) -> None:
    with pytest.raises(TopologyError, match="fanout"):
        Fanout(fanout)


def test_building_a_hundred_thousand_devices_takes_work_linear_in_their_number() -> None:
    assert len(Fanout([10, 10, 1000]).grow().devices) == 100_000
    small, large = (calls(lambda n=n: Fanout([10, 10, n]).grow()) for n in (10, 100))
    assert large < 11 * small


def calls(action: Callable[[], object]) -> int:
    """Calls of functions, Python's and C's, that the action makes."""
    count = 0

    def counted(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        action()
    finally:
        sys.setprofile(before)
    return count


def test_a_yaml_tree_is_read_with_units_places_and_unnamed_devices(tmp_path: Path) -> None:
    topology = grown(tmp_path, TREE)
    a, b = topology.levels[1]
    assert names(topology)[0] == ["device0", "device1", "phone", "device3", "device4"]
    assert (a.edge, b.edge) == ({"rate_bps": 1e8, "latency_s": 0.005}, {"rate_bps": 1e9})
    assert (a.x_m, a.y_m, topology.root.x_m) == (300.0, 400.0, 0.0)
    assert topology.devices[2].edge == {"distance_m": 30.0}


def test_node_link_graphml_and_yaml_describe_the_same_tree(tmp_path: Path) -> None:
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_node("cloud", x_m=0.0, y_m=0.0)
    graph.add_node("e", x_m=3.0, y_m=4.0)
    graph.add_edge("cloud", "e", rate_bps=1e8, latency_s=0.005)
    graph.add_edge("e", "d", distance_m=30.0)
    nx.write_graphml(graph, tmp_path / "net.graphml")
    (tmp_path / "net.json").write_text(json.dumps(nx.node_link_data(graph, edges="edges")))
    edge = "{name: e, x_m: 3, y_m: 4, rate: 100 Mbit/s, latency: 5 ms, children: [{name: d, distance: 30 m}]}"
    tree = f"{{x_m: 0, y_m: 0, children: [{edge}]}}"
    prints = {
        grown(tmp_path, tree).fingerprint,
        *(File(n).grow([tmp_path]).fingerprint for n in ("net.json", "net.graphml")),
    }
    assert len(prints) == 1


@pytest.mark.parametrize(
    "mark", [{"graph": {"root": "hub"}}, {"nodes": [{"id": "a"}, {"id": "hub", "root": True}]}]
)
def test_an_undirected_graph_needs_a_marked_root(tmp_path: Path, mark: dict[str, Any]) -> None:
    data = {
        "directed": False,
        "nodes": [{"id": "a"}, {"id": "hub"}],
        "edges": [{"source": "a", "target": "hub"}],
    }
    assert grown(tmp_path, json.dumps(data | mark), "g.json").root.name == "hub"
    with pytest.raises(TopologyError, match="0 roots in an undirected graph"):
        grown(tmp_path, json.dumps(data), "g.json")


def graph(*edges: str, directed: bool = True, nodes: str = "") -> str:
    ids = sorted({*nodes, *"".join(edges)})
    links = [{"source": a, "target": b} for a, b in map(tuple, edges)]
    return json.dumps(
        {"directed": directed, "nodes": [{"id": i} for i in ids], "edges": links, "graph": {"root": "r"}}
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (graph("ra", "ab", "ba"), "the cycle a -> b -> a"),
        (graph("ra", "rb", "ab", directed=False), "has the cycle"),
        (graph("aa", "ra"), "the cycle a -> a"),
        (graph("ra", "rb", "ac", "bc"), "has the cycle"),
        (graph("ra", "sa"), "exactly one node may have no parent, but 2 have none (r, s)"),
        (graph("ra", directed=False, nodes="z"), "'z' is not connected to the root 'r'"),
        (graph("ra", "rb", "bc"), "devices must be equally deep, but 'a' has no children 1 below the cloud"),
        (graph(nodes="r"), "r has no children; a topology needs a device"),
        ('{"nodes": [], "edges": []}', "no nodes"),
        ('{"nodes": [{"id": "a"}], "edges": [{"source": "a"}]}', "not node-link data ('target')"),
        ('{"nodes": [1,', "g.json:1:14: not JSON"),
        ("[]", "a topology is a mapping"),
    ],
)
def test_a_graph_that_is_not_a_tree_is_rejected_with_the_node(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(TopologyError, match=re.escape(message)) as caught:
        grown(tmp_path, text, "g.json")
    assert "g.json" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{devices: 0}", "devices of an unnamed node 0 below the cloud must be a whole number >= 1, got 0"),
        ("{devices: 1, children: []}", "both `children` and `devices`"),
        ("{name: c}", "c has no children"),
        ("{children: [{name: a, devices: 1}, {name: b}]}", "but 'b' has no children"),
        ("{children: [{name: a}, {name: a}]}", "two nodes are called 'a'"),
        ("{children: [{name: a, rate: 100}]}", "rate of a: a rate needs a unit, got 100"),
        ("{children: [{name: a, rate_bps: 100 Mbit/s}]}", "with a unit the key is `rate`"),
        ("{children: [{name: a, rate_bps: 0}]}", "rate_bps of 'a' must be > 0, got 0"),
        ("{children: [{name: a, latency_s: -1}]}", "latency_s of 'a' must be >= 0, got -1"),
        ("{children: [{name: a, latency_s: .nan}]}", "latency_s of 'a' must be finite"),
        ("{children: [{name: a, latency_s: 1, latency: 1 s}]}", "gives latency_s twice"),
        ("{children: [{name: a, latncy: 1 s}]}", "unknown key 'latncy' of a; did you mean 'latency'?"),
        ("{children: [{name: a, x_m: 1}]}", "only one of x_m and y_m"),
        ("{children: [{name: a, x_m: 1, x_km: 1}]}", "has both x_m and x_km"),
        ("&a {children: [*a]}", "does an alias point at its own ancestor?"),
        ("{children: 5}", "must be a list, got 5; or write devices: 5"),
        ("{children: [5]}", "a child is a mapping such as {name: edge_a}, got 5"),
        ("{children: [", "not YAML"),
    ],
)
def test_an_invalid_yaml_tree_is_rejected_with_file_and_node(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(TopologyError, match=re.escape(message)) as caught:
        grown(tmp_path, text)
    assert "net.yaml" in str(caught.value)


def test_a_bare_name_is_a_file_under_topologies(tmp_path: Path) -> None:
    (tmp_path / "topologies").mkdir()
    (tmp_path / "topologies" / "town.yaml").write_text("{devices: 3}")
    assert len(File("town").grow([tmp_path / "nowhere", tmp_path]).devices) == 3
    with pytest.raises(TopologyError, match=re.escape("no topology file 'topologies/city.yaml' in")):
        File("city").grow([tmp_path])


def test_unknown_attributes_are_accepted_in_graphs_but_misspelt_ones_are_not(tmp_path: Path) -> None:
    nodes = '[{"id": 0, "name": "cloud", "Country": "DE"}, {"id": 1}]'
    text = f'{{"nodes": {nodes}, "edges": [{{"source": 0, "target": 1, "%s": 1}}]}}'
    assert grown(tmp_path, text % "LinkLabel", "g.json").devices[0].edge == {}
    with pytest.raises(TopologyError, match="did you mean 'rate_bps'"):
        grown(tmp_path, text % "rate_bsp", "g.json")


def test_the_fingerprint_depends_on_every_number_and_name(tmp_path: Path) -> None:
    texts = ["{devices: 2}", "{devices: 3}", "{name: c, devices: 2}", "{x_m: 1, y_m: 0, devices: 2}"]
    texts += ["{children: [{rate_bps: 1}, {}]}", "{children: [{}, {rate_bps: 1}]}"]
    assert len({grown(tmp_path, text).fingerprint for text in texts}) == len(texts)


def test_the_registry_contains_the_parts() -> None:
    assert set(TOPOLOGIES) == {"fanout", "file", "zoo"}
