"""Topology files: a YAML tree, node-link YAML or JSON, GraphML.

A YAML tree (`children` lists, or `devices: 5` for that many unnamed ones; edge attributes belong to the child):

    {name: cloud, x_m: 0, y_m: 0, children: [{name: edge_a, rate: 1 Gbit/s, latency: 5 ms, devices: 5}]}

Node-link data are networkx's (`nodes`, `edges`); edges point from parent to child, or are undirected with the
root marked by `graph: {root: NAME}`, by a node's `root: true`, or by the name `cloud`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netsim.topology.attributes import CHILD_KEYS, parse_edge, parse_position
from netsim.topology.graph import tree_from_graph
from netsim.topology.tree import MAX_DEPTH, MAX_NODES, NodeSpec, Topology, TopologyError, grow

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True)
class File:
    """A topology file: `.yaml`, `.yml`, `.json` or `.graphml`; a bare NAME means `topologies/NAME.yaml`."""

    path: str

    def grow(self, search: Sequence[Path]) -> Topology:
        """Read the file. Raises TopologyError naming the file and, if possible, the node."""
        return read_topology(find_topology_file(self.path, search))


def find_topology_file(path: str, search: Sequence[Path]) -> Path:
    """The file named `path`: itself if absolute, else the first match in the folders of `search`.

    Raises:
        TopologyError: no such file; the message lists the folders.
    """
    given = Path(path) if Path(path).suffix else Path("topologies") / f"{path}.yaml"
    folders = [Path()] if given.is_absolute() else list(search)
    candidates = [folder / name for folder in folders for name in (given, Path("topologies") / given)]
    file = next((candidate for candidate in candidates if candidate.is_file()), None)
    if file is None:
        tried = ", ".join(str(folder) for folder in folders) or "(no folder)"
        raise TopologyError(
            f"no topology file {str(given)!r} in {tried}; write the path of a file, the name of an included topology "
            "(`netsim list topologies`), or a tree of your own such as {fanout: [2, 4, 5]}"
        )
    return file


def read_topology(path: Path) -> Topology:
    """Read the topology in a file, by its suffix. Raises TopologyError."""
    readers = {".yaml": _yaml, ".yml": _yaml, ".json": _json, ".graphml": _graphml}
    if path.suffix not in readers:
        raise TopologyError(f"{path}: unknown suffix {path.suffix!r}; use one of {', '.join(readers)}")
    try:
        root = readers[path.suffix](path)
    except (TopologyError, OSError):
        raise
    except (ValueError, KeyError) as error:
        raise TopologyError(f"{path}: {error}") from error
    except RecursionError:
        raise TopologyError(f"{path}: nested too deeply; at most {MAX_DEPTH} layers are supported") from None
    return grow(root, str(path))


def _yaml(path: Path) -> NodeSpec:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        data = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except YAMLError as error:
        raise TopologyError(f"{path}: not YAML: {error}") from error
    except (TypeError, AttributeError, ArithmeticError) as error:  # a list as a key, a year 0, ...
        raise TopologyError(f"{path}: not YAML that can be read: {error}") from error
    return _tree_or_graph(data, path)


def _json(path: Path) -> NodeSpec:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise TopologyError(f"{path}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from error
    return _tree_or_graph(data, path)


def _graphml(path: Path) -> NodeSpec:
    return tree_from_graph(read_graphml(path), str(path))


def read_graphml(path: Path) -> nx.Graph[Any]:
    """Read the graph of a GraphML file, directed or not, with or without parallel edges. Raises TopologyError."""
    from xml.etree.ElementTree import ParseError

    import networkx as nx

    try:
        graph: nx.Graph[Any] = nx.read_graphml(path)
    except (ParseError, nx.NetworkXError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise TopologyError(f"{path}: not GraphML: {error}") from error  # also unknown encodings and types
    return graph


def _tree_or_graph(data: Any, path: Path) -> NodeSpec:
    if not isinstance(data, Mapping):
        raise TopologyError(f"{path}: a topology is a mapping with `children` or with `nodes` and `edges`")
    return _parse_graph(data, path) if "nodes" in data else parse_tree(data, str(path))


def _parse_graph(data: Mapping[str, Any], path: Path) -> NodeSpec:
    import networkx as nx

    edges = "links" if "links" in data and "edges" not in data else "edges"
    try:
        graph = nx.node_link_graph({"directed": True, "multigraph": False, **data}, edges=edges)
    except (KeyError, TypeError, AttributeError, nx.NetworkXError) as error:
        raise TopologyError(
            f"{path}: not node-link data ({error}); each node needs `id`, each edge `source` and `target`"
        ) from error
    return tree_from_graph(graph, str(path))


def parse_tree(data: Any, source: str) -> NodeSpec:
    """Parse a tree of nested mappings with `children` or `devices`. Raises TopologyError naming `source`."""
    if (nodes := _count(data, {})) > MAX_NODES:
        raise TopologyError(
            f"{source}: {nodes:,} nodes, repetitions by aliases included; at most {MAX_NODES:,} are supported"
        )
    return _parse_node(data, source, 0)


def _count(data: Any, counts: dict[int, int]) -> int:
    """Number of nodes of a tree, counted without building it; a node repeated by aliases is visited once."""
    if not isinstance(data, Mapping):
        return 1
    if id(data) not in counts:
        counts[id(data)] = 0  # an alias of its own ancestor, which is rejected later, adds nothing
        devices, children = data.get("devices"), data.get("children")
        unnamed = devices if isinstance(devices, int) else 0
        named = sum(_count(child, counts) for child in children) if isinstance(children, list) else 0
        counts[id(data)] = 1 + unnamed + named
    return counts[id(data)]


def _parse_node(data: Any, source: str, depth: int) -> NodeSpec:
    if not isinstance(data, Mapping):
        raise TopologyError(f"{source}: a child is a mapping such as {{name: edge_a}}, got {data!r}")
    if depth > MAX_DEPTH:
        raise TopologyError(
            f"{source}: more than {MAX_DEPTH} layers, the maximum; does an alias point at its own ancestor?"
        )
    name = None if data.get("name") is None else str(data["name"])
    title = name if name is not None else f"an unnamed node {depth} below the cloud"
    rest = {key: value for key, value in data.items() if key not in CHILD_KEYS}
    position, edge = parse_position(rest, source, title), parse_edge(rest, source, title, strict=True)
    return NodeSpec(name, edge=edge, children=_parse_children(data, source, title, depth), **position)


def _parse_children(data: Mapping[str, Any], source: str, title: str, depth: int) -> list[NodeSpec]:
    children, devices = data.get("children"), data.get("devices")
    if children is not None and devices is not None:
        raise TopologyError(f"{source}: {title} has both `children` and `devices`; write one of them")
    if devices is not None:
        if isinstance(devices, bool) or not isinstance(devices, int) or devices < 1:
            raise TopologyError(f"{source}: devices of {title} must be a whole number >= 1, got {devices!r}")
        return [NodeSpec() for _ in range(devices)]
    if children is not None and not isinstance(children, list):
        raise TopologyError(
            f"{source}: children of {title} must be a list, got {children!r}; or write devices: 5"
        )
    return [_parse_node(child, source, depth + 1) for child in children or ()]
