"""Geographic positions in topology files, Topology Zoo graphs as trees, and the included topologies."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from pathlib import Path

import pytest

from netsim.scenario.inline_topology import to_inline_tree
from netsim.topology import File, Topology, TopologyError, Zoo
from netsim.topology.geography import great_circle_m
from tests.conftest import REPOSITORY

HEAD = """<?xml version="1.0" encoding="utf-8"?>
<graphml xmlns="http://graphml.graphdrawing.org/xmlns">
  <key attr.name="LinkSpeedRaw" attr.type="double" for="edge" id="speed" />
  <key attr.name="Latitude" attr.type="double" for="node" id="lat" />
  <key attr.name="Longitude" attr.type="double" for="node" id="lon" />
  <key attr.name="Internal" attr.type="int" for="node" id="own" />
  <key attr.name="label" attr.type="string" for="node" id="label" />
  <graph edgedefault="undirected">
"""
DEGREE_M = math.pi / 180 * 6_371_008.8


def zoo(tmp_path: Path, nodes: dict[str, tuple[float, float] | None], links: str, outside: str = "") -> Path:
    """A zoo file on the equator and its meridians; a link is `ab` or `ab:1e9`."""
    text = HEAD
    for name, place in nodes.items():
        at = "" if place is None else f'<data key="lat">{place[0]}</data><data key="lon">{place[1]}</data>'
        own = 0 if name in outside else 1
        text += (
            f'<node id="{name}"><data key="label">town {name}</data><data key="own">{own}</data>{at}</node>\n'
        )
    for link in links.split():
        ends, _, rate = link.partition(":")
        speed = f'<data key="speed">{rate}</data>' if rate else ""
        text += f'<edge source="{ends[0]}" target="{ends[1]}">{speed}</edge>\n'
    file = tmp_path / "zoo.graphml"
    file.write_text(text + "</graph></graphml>")
    return file


LINE = {"a": (0.0, 0.0), "b": (0.0, 1.0), "c": (0.0, 2.0), "d": (0.0, 3.0)}


def shipped(name: str) -> Topology:
    return File(name).grow([REPOSITORY])


def test_oracle_great_circles() -> None:
    """A quarter of a meridian, and Hamburg to Munich (612 km by any atlas)."""
    assert great_circle_m(0, 0, 90, 0) == pytest.approx(90 * DEGREE_M, rel=1e-12)
    assert great_circle_m(53.5511, 9.9937, 48.1351, 11.5820) == pytest.approx(612_000, rel=0.002)
    assert great_circle_m(10, 179.5, 10, -179.5) == pytest.approx(great_circle_m(10, 0, 10, 1), rel=1e-9)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("net.yaml", "{lat_deg: 50, lon_deg: 8.5, children: [{lat_deg: -3, lon_deg: -70, devices: 2}]}"),
        (
            "net.json",
            '{"nodes": [{"id": "cloud", "lat_deg": 50, "lon_deg": 8.5}, {"id": "e", "lat_deg": -3, "lon_deg": -70},'
            ' {"id": "x"}], "edges": [{"source": "cloud", "target": "e"}, {"source": "e", "target": "x"}]}',
        ),
    ],
)
def test_every_format_has_geographic_positions(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    tree = File(name).grow([tmp_path])
    edge = tree.levels[1][0]
    assert (tree.root.lat_deg, tree.root.lon_deg, edge.lat_deg, edge.lon_deg) == (50.0, 8.5, -3.0, -70.0)
    assert tree.devices[0].lat_deg is None
    assert to_inline_tree(tree).grow().fingerprint == tree.fingerprint


def test_graphml_accepts_the_zoos_names_of_coordinates(tmp_path: Path) -> None:
    zoo(tmp_path, {"cloud": (1.0, 2.0), "b": (3.0, 4.0)}, "")
    text = (
        (tmp_path / "zoo.graphml")
        .read_text()
        .replace("</graph>", '<edge source="cloud" target="b"/></graph>')
    )
    (tmp_path / "zoo.graphml").write_text(text)
    tree = File("zoo.graphml").grow([tmp_path])
    assert [(n.name, n.lat_deg, n.lon_deg) for n in (tree.root, *tree.devices)] == [
        ("cloud", 1, 2),
        ("b", 3, 4),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{lat_deg: 91, lon_deg: 0, devices: 1}", "lat_deg of 'cloud' must be in [-90, 90], got 91"),
        ("{lat_deg: 9, lon_deg: -181, devices: 1}", "lon_deg of 'cloud' must be in [-180, 180], got -181"),
        ("{lat_deg: 9, devices: 1}", "'cloud' has only one of lat_deg and lon_deg; give both or neither"),
        ("{lat_deg: .nan, lon_deg: 1, devices: 1}", "lat_deg of 'cloud' must be finite, got nan"),
        (
            "{lat_deg: north, lon_deg: 1, devices: 1}",
            "lat_deg of an unnamed node 0 below the cloud must be a number in deg",
        ),
        (
            "{lat_deg: 1, Latitude: 1, lon_deg: 1, devices: 1}",
            "has both lat_deg and Latitude; write one of them",
        ),
    ],
)
def test_an_invalid_geographic_position_is_rejected(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "net.yaml").write_text(text)
    with pytest.raises(TopologyError, match=re.escape(message)):
        File("net.yaml").grow([tmp_path])


def test_the_fingerprint_depends_on_geographic_positions(tmp_path: Path) -> None:
    texts = ["{devices: 1}", "{lat_deg: 1, lon_deg: 2, devices: 1}", "{lat_deg: 2, lon_deg: 1, devices: 1}"]
    prints = set()
    for text in [*texts, "{x_m: 1, y_m: 2, devices: 1}"]:
        (tmp_path / "net.yaml").write_text(text)
        prints.add(File("net.yaml").grow([tmp_path]).fingerprint)
    assert len(prints) == 4


def test_distances_follow_the_links_and_the_rate_is_that_of_the_slowest_link(tmp_path: Path) -> None:
    file = zoo(tmp_path, LINE, "ab:1e9 bc:2e8 cd:5e9")
    tree = Zoo(str(file), devices=3, cloud="town a").grow()
    b, c, d = tree.levels[1]
    assert [e.edge["distance_m"] / DEGREE_M for e in (b, c, d)] == pytest.approx([1, 2, 3])
    assert [e.edge["rate_bps"] for e in (b, c, d)] == [1e9, 2e8, 2e8]
    assert (len(tree.devices), d.name, d.lon_deg, tree.root.lon_deg) == (9, "town d", 3.0, 0.0)


def test_the_shortest_path_can_have_more_links_and_the_graph_can_have_cycles(tmp_path: Path) -> None:
    places = {"a": (0.0, 0.0), "b": (40.0, 1.0), "c": (0.0, 2.0), "d": (0.0, 3.0)}
    tree = Zoo(str(zoo(tmp_path, places, "ab bc cd da")), cloud="town a").grow()
    assert [e.edge["distance_m"] / DEGREE_M for e in tree.levels[1]][1:] == pytest.approx([4, 3])


def test_a_link_without_a_rate_uses_link_rate_or_the_rate_of_the_layer(tmp_path: Path) -> None:
    file = str(zoo(tmp_path, LINE, "ab:1e9 bc cd:5e9"))
    without = [e.edge.get("rate_bps") for e in Zoo(file, cloud="town a").grow().levels[1]]
    given = [e.edge.get("rate_bps") for e in Zoo(file, cloud="town a", link_rate=3e8).grow().levels[1]]
    assert (without, given) == ([1e9, None, None], [1e9, 3e8, 3e8])


def test_parallel_links_count_as_the_faster(tmp_path: Path) -> None:
    tree = Zoo(str(zoo(tmp_path, LINE, "ab:1e9 ab:4e9 bc:9e9 cd:9e9")), cloud="town a").grow()
    assert tree.levels[1][0].edge["rate_bps"] == 4e9


def test_the_default_cloud_is_central_and_hubs_minimise_distances(tmp_path: Path) -> None:
    places = {name: (0.0, float(k)) for k, name in enumerate("abcdefg")}
    file = str(zoo(tmp_path, places, "ab bc cd de ef fg"))
    assert Zoo(file).grow().root.lon_deg == 3.0
    hubs = Zoo(file, regions=2).grow().levels[2]
    assert {tuple(child.name[-1] for child in hub.children) for hub in hubs} == {tuple("abc"), tuple("efg")}
    assert min(child.edge["distance_m"] for hub in hubs for child in hub.children) == 1000.0


def test_nodes_of_other_networks_are_left_out(tmp_path: Path) -> None:
    tree = Zoo(str(zoo(tmp_path, {**LINE, "z": None}, "ab bc cd cz", outside="z")), cloud="town a").grow()
    assert [e.name for e in tree.levels[1]] == ["town b", "town c", "town d"]


@pytest.mark.parametrize(
    ("nodes", "links", "how", "message"),
    [
        ({**LINE, "e": None}, "ab bc cd de", {}, "'town e' has no Latitude and Longitude; add them"),
        (LINE, "ab cd", {}, "'town c' is not connected to 'town a'"),
        (LINE, "ab bc cd", {"cloud": "Ulm"}, "no node is called 'Ulm'; there are town a, town b"),
        (LINE, "ab bc cd", {"regions": 4}, "3 nodes besides the cloud, but 4 are needed"),
        ({"a": (0.0, 0.0)}, "", {}, "0 nodes besides the cloud, but 1 are needed"),
        ({}, "", {}, "no nodes"),
        (LINE, "ab bc cd", {"devices": 0}, "devices must be >= 1, got 0"),
        (LINE, "ab bc cd", {"regions": -1}, "regions must be >= 0, got -1"),
    ],
)
def test_an_invalid_zoo_graph_is_rejected(
    tmp_path: Path,
    nodes: dict[str, tuple[float, float] | None],
    links: str,
    how: dict[str, object],
    message: str,
) -> None:
    file = zoo(tmp_path, nodes, links)
    with pytest.raises(ValueError, match=re.escape(message)):
        Zoo(str(file), **how).grow()  # type: ignore[arg-type]


def test_abilene_is_shipped_and_its_links_make_distances() -> None:
    tree = Zoo("abilene.graphml", devices=2, cloud="Chicago", regions=3).grow([REPOSITORY])
    assert [len(level) for level in tree.levels] == [20, 10, 3, 1]
    chicago = Zoo("abilene.graphml", cloud="Chicago").grow([REPOSITORY])
    ways = {edge.name: edge.edge for edge in chicago.levels[1]}
    assert ways["Seattle"]["distance_m"] > great_circle_m(41.85, -87.65, 47.61, -122.33)
    assert all(way["rate_bps"] == 1e10 for way in ways.values())


@pytest.mark.parametrize("name", ["city", "national"])
def test_a_generated_topology_is_what_its_script_writes(name: str, tmp_path: Path) -> None:
    script = tmp_path / f"make_{name}.py"
    script.write_text((REPOSITORY / "topologies" / script.name).read_text())
    subprocess.run([sys.executable, str(script)], check=True)
    assert (tmp_path / f"{name}.yaml").read_text() == (REPOSITORY / "topologies" / f"{name}.yaml").read_text()


def test_the_city_has_21_cells_whose_devices_38901_covers() -> None:
    tree = shipped("city")
    ways = [math.hypot(d.x_m - s.x_m, d.y_m - s.y_m) for s in tree.levels[1] for d in s.children]  # type: ignore[operator]
    assert [len(level) for level in tree.levels] == [63, 21, 3, 1]
    assert min(ways) > 10
    assert max(ways) < 231


def test_the_national_network_has_four_layers_at_real_distances() -> None:
    tree = shipped("national")
    assert [len(level) for level in tree.levels] == [96, 24, 12, 4, 1]
    hubs = {hub.name: great_circle_m(hub.lat_deg, hub.lon_deg, 50.1109, 8.6821) for hub in tree.levels[3]}  # type: ignore[arg-type]
    assert hubs["Hamburg hub"] == pytest.approx(393e3, rel=0.01)
    assert hubs["Munich hub"] == pytest.approx(304e3, rel=0.01)
    for city in tree.levels[2]:
        for station in city.children:
            way = great_circle_m(city.lat_deg, city.lon_deg, station.lat_deg, station.lon_deg)  # type: ignore[arg-type]
            assert 990 < way < 8010


def test_the_iot_tree_has_unequal_fanouts_at_every_level() -> None:
    tree = shipped("iot")
    assert [len(level) for level in tree.levels] == [76, 8, 4, 1]
    assert sorted({len(node.children) for node in tree.levels[1]}) == [1, 3, 8, 9, 12, 16, 24]
    assert sorted(len(node.children) for node in tree.levels[2]) == [1, 1, 2, 4]
