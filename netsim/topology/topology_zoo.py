"""Graphs of the Internet Topology Zoo as trees: servers at their nodes, distances along their links."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from netsim.topology.attributes import parse_position
from netsim.topology.files import find_topology_file, read_graphml
from netsim.topology.geography import great_circle_m
from netsim.topology.tree import NodeSpec, Topology, TopologyError, grow
from netsim.units import RateBps, check_quantities

if TYPE_CHECKING:
    import networkx as nx

MIN_DISTANCE_M = 1000.0
"""Smallest length of an edge, e.g. between a hub and the edge server of the same town."""

Site = Hashable
Positions = Mapping[Site, dict[str, float]]


@dataclass(frozen=True)
class Zoo:
    """A GraphML file of topology-zoo.org as a tree: cloud, optional regional hubs, an edge server per node, devices.

    Knight et al., IEEE JSAC 29(9), 2011. The graph may have cycles. Every node except the cloud's becomes an edge
    server with `devices` devices; `regions` hubs are placed so that the sum of the distances to the nearest one is
    small (greedy). An edge of the tree has the length of the shortest path in the graph (great circles between the
    nodes) as `distance_m`, for `wired: {latency: from_distance}`, and the rate of the slowest link of that path, if
    `LinkSpeedRaw` (bit/s) or `link_rate` gives the rates of all its links. Several paths that share a link do not
    share its capacity.

    Args:
        path: the file, looked up as for `file` topologies.
        devices: number of devices of each edge server.
        cloud: the label of the cloud's node; None for the node with the smallest sum of distances to all others.
        regions: number of hubs between cloud and edge servers (three layers); 0 for two layers.
        link_rate: rate of links without `LinkSpeedRaw`; None leaves such edges to the layer's own rate.
    """

    citations: ClassVar[Mapping[str, str]] = {"knight2011zoo": ""}

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
        """Read the file and build the tree. Raises TopologyError naming the file and, if possible, the node."""
        file = find_topology_file(self.path, search)
        source = str(file)
        paths = _ShortestPaths(read_graphml(file), source, self.link_rate)
        cloud = paths.best(paths.sites, []) if self.cloud is None else paths.labelled(self.cloud)
        edges = [site for site in paths.sites if site != cloud]
        if len(edges) < max(1, self.regions):
            raise TopologyError(
                f"{source}: {len(edges)} nodes besides the cloud, but {max(1, self.regions)} are needed"
            )
        root = NodeSpec("cloud", **paths.positions[cloud], edge={}, children=[])
        hubs: list[Site] = []
        for _ in range(self.regions):
            hubs.append(paths.best(edges, hubs))
        specs = {hub: self._add_child(root, cloud, hub, paths, f"{paths.names[hub]} hub") for hub in hubs}
        for site in edges:
            hub = min(hubs, key=lambda h: paths.metres[h][site], default=None)
            parent = (root, cloud) if hub is None else (specs[hub], hub)
            edge = self._add_child(*parent, site, paths, paths.names[site])
            edge.children = [NodeSpec() for _ in range(self.devices)]
        return grow(root, source)

    def _add_child(
        self, parent: NodeSpec, parent_site: Site, site: Site, paths: _ShortestPaths, name: str
    ) -> NodeSpec:
        child = NodeSpec(name, edge=paths.edge(parent_site, site), children=[], **paths.positions[site])
        parent.children.append(child)
        return child


class _ShortestPaths:
    """The shortest paths of a graph between its internal nodes."""

    def __init__(self, graph: nx.Graph[Any], source: str, link_rate: float | None) -> None:
        import networkx as nx

        self.source = source
        internal: nx.Graph[Any] = nx.Graph()
        for site, data in graph.nodes(data=True):
            if data.get("Internal", 1) != 0:  # 0 marks a node of another network
                internal.add_node(site, **data)
        self.positions = {site: self._position(data, str(site)) for site, data in internal.nodes(data=True)}
        for one, other, data in graph.edges(data=True):
            if one != other and one in internal and other in internal:
                self._add_link(internal, one, other, data.get("LinkSpeedRaw", link_rate))
        self.sites: list[Site] = list(internal)
        self.graph = internal
        self.names = self._names()
        self.metres: dict[Site, dict[Site, float]] = dict(
            nx.all_pairs_dijkstra_path_length(internal, weight="metres")
        )
        self._reject_unconnected()

    def _position(self, data: Mapping[str, Any], site: str) -> dict[str, float]:
        position = parse_position(data, self.source, data.get("label", site))
        if "lat_deg" not in position or "lon_deg" not in position:
            raise TopologyError(
                f"{self.source}: {data.get('label', site)!r} has no Latitude and Longitude; add them, or take a "
                "zoo file in which all nodes have coordinates"
            )
        return position

    def _add_link(self, internal: nx.Graph[Any], one: Site, other: Site, rate: float | None) -> None:
        start, end = self.positions[one], self.positions[other]
        metres = great_circle_m(start["lat_deg"], start["lon_deg"], end["lat_deg"], end["lon_deg"])
        known = [r for r in (rate, internal.get_edge_data(one, other, {}).get("rate")) if r is not None]
        internal.add_edge(
            one, other, metres=metres, rate=max(known, default=None)
        )  # parallel links: the faster

    def _names(self) -> dict[Site, str]:
        labels = {site: str(self.graph.nodes[site].get("label", site)) for site in self.sites}
        shared = [label for label in labels.values() if list(labels.values()).count(label) > 1]
        return {site: f"{label} #{site}" if label in shared else label for site, label in labels.items()}

    def _reject_unconnected(self) -> None:
        if not self.sites:
            raise TopologyError(f"{self.source}: no nodes; a topology needs a cloud and a device")
        first = self.sites[0]
        unconnected = next((site for site in self.sites if site not in self.metres[first]), None)
        if unconnected is not None:
            raise TopologyError(
                f"{self.source}: {self.names[unconnected]!r} is not connected to {self.names[first]!r}"
            )

    def labelled(self, name: str) -> Site:
        """The node with this name. Raises TopologyError."""
        matches = [site for site in self.sites if self.names[site] == name]
        if not matches:
            known = ", ".join(sorted(self.names.values())[:8])
            raise TopologyError(f"{self.source}: no node is called {name!r}; there are {known}")
        return matches[0]

    def best(self, among: Sequence[Site], chosen: Sequence[Site]) -> Site:
        """The node of `among` that, added to those `chosen`, minimises the sum of the distances to the nearest."""
        candidates = [site for site in among if site not in chosen]
        return min(candidates, key=lambda s: sum(min(self.metres[h][e] for h in (*chosen, s)) for e in among))

    def edge(self, parent: Site, child: Site) -> dict[str, float]:
        """Length and, if known for all its links, rate of the shortest path."""
        import networkx as nx

        path = nx.dijkstra_path(self.graph, parent, child, weight="metres")
        rates = [self.graph.edges[link]["rate"] for link in pairwise(path)]
        edge = {"distance_m": max(MIN_DISTANCE_M, self.metres[parent][child])}
        return edge | ({"rate_bps": float(min(rates))} if rates and None not in rates else {})
