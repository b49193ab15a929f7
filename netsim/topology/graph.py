"""From a networkx graph to a tree: find the root; report cycles, unconnected nodes and several roots."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

from netsim.topology.attributes import parse_edge, parse_position
from netsim.topology.tree import NodeSpec, TopologyError

if TYPE_CHECKING:
    import networkx as nx

NODE_KEYS = ("root", "name")


def tree_from_graph(graph: nx.Graph[Any], source: str) -> NodeSpec:
    """The rooted tree in a graph, directed from parent to child, or undirected with a root.

    The attribute `name` of a node, if there is one, takes precedence over its id.

    Raises:
        TopologyError: no node, a cycle (`a -> b -> a`), not connected, no root or several; nodes are named.
    """
    if not len(graph):
        raise TopologyError(f"{source}: no nodes; a topology needs a cloud and a device")
    _reject_cycle(graph, source)
    root = _root(graph, source)
    undirected = graph.to_undirected(as_view=True)
    specs = {root: _node_spec(graph.nodes[root], {}, str(root), source)}
    queue = [root]
    for node in queue:
        for child in undirected.neighbors(node):
            if child not in specs:
                edge = _edge(graph, node, child)
                specs[child] = _node_spec(graph.nodes[child], edge, str(child), source)
                specs[node].children.append(specs[child])
                queue.append(child)
    if len(specs) < len(graph):
        unconnected = next(node for node in graph if node not in specs)
        raise TopologyError(f"{source}: {str(unconnected)!r} is not connected to the root {str(root)!r}")
    return specs[root]


def _node_spec(node: Mapping[str, Any], edge: Mapping[str, Any], title: str, source: str) -> NodeSpec:
    own = {key: value for key, value in node.items() if key not in NODE_KEYS}
    attributes = parse_edge(own, source, title, strict=False) | parse_edge(edge, source, title, strict=False)
    position = parse_position(node, source, title)
    return NodeSpec(str(node.get("name", title)), edge=attributes, children=[], **position)


def _edge(graph: nx.Graph[Any], node: Hashable, child: Hashable) -> Mapping[str, Any]:
    data = graph.get_edge_data(node, child) or graph.get_edge_data(child, node) or {}
    return next(iter(data.values())) if graph.is_multigraph() and data else data


def _reject_cycle(graph: nx.Graph[Any], source: str) -> None:
    import networkx as nx

    for view in (graph, graph.to_undirected(as_view=True)):
        try:
            steps = nx.find_cycle(view)
        except nx.NetworkXNoCycle:
            continue
        cycle = " -> ".join(str(node) for node in (*(step[0] for step in steps), steps[0][0]))
        raise TopologyError(f"{source}: a topology is a tree, but it has the cycle {cycle}; remove an edge")


def _root(graph: nx.Graph[Any], source: str) -> Hashable:
    if graph.is_directed():
        return _node_without_parent(graph, source)
    marked = [node for node, data in graph.nodes(data=True) if data.get("root") is True]
    named = graph.graph.get("root", "cloud")
    roots: list[Hashable] = marked or [node for node in graph if str(node) == str(named)]
    if len(roots) != 1:
        raise TopologyError(
            f"{source}: {len(roots)} roots in an undirected graph; mark one with `graph: {{root: NAME}}`, "
            "with `root: true` at the node, or call it cloud"
        )
    return roots[0]


def _node_without_parent(graph: nx.Graph[Any], source: str) -> Hashable:
    children = {child for _, child in graph.edges()}
    roots: list[Hashable] = [node for node in graph if node not in children]
    if len(roots) != 1:
        some = ", ".join(str(node) for node in roots[:4])
        raise TopologyError(
            f"{source}: exactly one node may have no parent, but {len(roots)} have none ({some}); "
            "edges point from parent to child"
        )
    return roots[0]
