"""Graphs of the Internet Topology Zoo as trees: servers stand at their nodes, distances follow their links."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netsim.topology.attributes import place_of
from netsim.topology.files import find, read_graphml
from netsim.topology.geography import great_circle_m
from netsim.topology.tree import Branch, Topology, TopologyError, grow
from netsim.units import RateBps, check_quantities

if TYPE_CHECKING:
    import networkx as nx

NEAREST_M = 1000.0
"""Least length of a way: a hub and the edge server of its own town are not in one room."""

Site = Hashable
Places = Mapping[Site, dict[str, float]]


@dataclass(frozen=True)
class Zoo:
    """A GraphML file of topology-zoo.org as a tree: cloud, optional regional hubs, an edge server per node, devices.

    Knight et al., IEEE JSAC 29(9), 2011. The graph may have cycles. Every node but the cloud's becomes an edge
    server with `devices` devices; `regions` hubs stand where the ways to them are shortest in sum. A tree
    edge has the length of the shortest way along the links (great circles between the nodes) as
    `distance_m`, for `wired: {latency: from_distance}`, and the rate of its slowest link, where `LinkSpeedRaw`
    (bit/s) or `link_rate` tells it for all links on the way. That several ways share a link is not modelled.

    Args:
        path: the file, looked up as `file` topologies are.
        devices: below each edge server.
        cloud: the label of its node; None is the node with the shortest ways to all others.
        regions: hubs between cloud and edge servers (three layers); 0 is two layers.
        link_rate: of links that do not state theirs; None leaves such edges to the layer's own rate.
    """

    path: str
    devices: int = 5
    cloud: str | None = None
    regions: int = 0
    link_rate: RateBps | None = None

    def __post_init__(self) -> None:
        check_quantities(self)
        if self.devices < 1:
            raise TopologyError(f"devices must be >= 1, got {self.devices}")
        if self.regions < 0:
            raise TopologyError(f"regions must be >= 0, got {self.regions}; 0 means no layer of hubs")

    def grow(self, search: Sequence[Path] = ()) -> Topology:
        """Read the file and build the tree. Raises TopologyError naming the file and, where there is one, the node."""
        file = find(self.path, search)
        source = str(file)
        ways = _Ways(read_graphml(file), source, self.link_rate)
        cloud = ways.best(ways.sites, []) if self.cloud is None else ways.labelled(self.cloud)
        edges = [site for site in ways.sites if site != cloud]
        if len(edges) < max(1, self.regions):
            raise TopologyError(
                f"{source}: {len(edges)} nodes besides the cloud, but {max(1, self.regions)} are needed"
            )
        root = Branch("cloud", **ways.places[cloud], edge={}, children=[])
        hubs: list[Site] = []
        for _ in range(self.regions):
            hubs.append(ways.best(edges, hubs))
        above = {hub: self._below(root, cloud, hub, ways, f"{ways.names[hub]} hub") for hub in hubs}
        for site in edges:
            hub = min(hubs, key=lambda h: ways.metres[h][site], default=None)
            parent = (root, cloud) if hub is None else (above[hub], hub)
            own = self._below(*parent, site, ways, ways.names[site])
            own.children = [Branch() for _ in range(self.devices)]
        return grow(root, source)

    def _below(self, parent: Branch, at: Site, site: Site, ways: _Ways, name: str) -> Branch:
        child = Branch(name, edge=ways.edge(at, site), children=[], **ways.places[site])
        parent.children.append(child)
        return child


class _Ways:
    """The shortest ways of a graph between its internal nodes."""

    def __init__(self, graph: nx.Graph[Any], source: str, link_rate: float | None) -> None:
        import networkx as nx

        self.source = source
        plain: nx.Graph[Any] = nx.Graph()
        for site, data in graph.nodes(data=True):
            if data.get("Internal", 1) != 0:  # 0 marks another network's node
                plain.add_node(site, **data)
        self.places = {site: self._place(data, str(site)) for site, data in plain.nodes(data=True)}
        for one, other, data in graph.edges(data=True):
            if one != other and one in plain and other in plain:
                self._add(plain, one, other, data.get("LinkSpeedRaw", link_rate))
        self.sites: list[Site] = list(plain)
        self.graph = plain
        self.names = self._names()
        self.metres: dict[Site, dict[Site, float]] = dict(
            nx.all_pairs_dijkstra_path_length(plain, weight="metres")
        )
        self._refuse_island()

    def _place(self, data: Mapping[str, Any], site: str) -> dict[str, float]:
        place = place_of(data, self.source, data.get("label", site))
        if "lat_deg" not in place or "lon_deg" not in place:
            raise TopologyError(
                f"{self.source}: {data.get('label', site)!r} has no Latitude and Longitude; add them, or take a "
                "zoo file in which all nodes have coordinates"
            )
        return place

    def _add(self, plain: nx.Graph[Any], one: Site, other: Site, rate: float | None) -> None:
        here, there = self.places[one], self.places[other]
        metres = great_circle_m(here["lat_deg"], here["lon_deg"], there["lat_deg"], there["lon_deg"])
        known = [r for r in (rate, plain.get_edge_data(one, other, {}).get("rate")) if r is not None]
        plain.add_edge(one, other, metres=metres, rate=max(known, default=None))  # parallel links: the faster

    def _names(self) -> dict[Site, str]:
        labels = {site: str(self.graph.nodes[site].get("label", site)) for site in self.sites}
        shared = [label for label in labels.values() if list(labels.values()).count(label) > 1]
        return {site: f"{label} #{site}" if label in shared else label for site, label in labels.items()}

    def _refuse_island(self) -> None:
        if not self.sites:
            raise TopologyError(f"{self.source}: no nodes; a topology needs a cloud and a device")
        first = self.sites[0]
        island = next((site for site in self.sites if site not in self.metres[first]), None)
        if island is not None:
            raise TopologyError(
                f"{self.source}: {self.names[island]!r} is not connected to {self.names[first]!r}"
            )

    def labelled(self, name: str) -> Site:
        """The node of this name."""
        found = [site for site in self.sites if self.names[site] == name]
        if not found:
            known = ", ".join(sorted(self.names.values())[:8])
            raise TopologyError(f"{self.source}: no node is called {name!r}; there are {known}")
        return found[0]

    def best(self, among: Sequence[Site], chosen: Sequence[Site]) -> Site:
        """The node that, beside those chosen, makes the ways of all in `among` to the nearest shortest in sum."""
        left = [site for site in among if site not in chosen]
        return min(left, key=lambda s: sum(min(self.metres[h][e] for h in (*chosen, s)) for e in among))

    def edge(self, parent: Site, child: Site) -> dict[str, float]:
        """Length and, where known of all links on it, rate of the shortest way."""
        import networkx as nx

        walk = nx.dijkstra_path(self.graph, parent, child, weight="metres")
        rates = [self.graph.edges[link]["rate"] for link in pairwise(walk)]
        edge = {"distance_m": max(NEAREST_M, self.metres[parent][child])}
        return edge | ({"rate_bps": float(min(rates))} if rates and None not in rates else {})
