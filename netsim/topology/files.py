"""Reading topology files: a YAML tree, node-link YAML or JSON, GraphML.

A YAML tree (`children` lists or `devices: 5` for that many unnamed ones; edge attributes sit at the child):

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

from netsim.topology.attributes import CHILD_KEYS, edge_of, place_of
from netsim.topology.graph import branches
from netsim.topology.tree import DEEPEST, LARGEST, Branch, Topology, TopologyError, grow

if TYPE_CHECKING:
    import networkx as nx


@dataclass(frozen=True)
class File:
    """A topology file: `.yaml`, `.yml`, `.json` or `.graphml`; a bare NAME means `topologies/NAME.yaml`."""

    path: str

    def grow(self, search: Sequence[Path]) -> Topology:
        """Read the file. Raises TopologyError naming the file and, where there is one, the node."""
        return read(find(self.path, search))


def find(path: str, search: Sequence[Path]) -> Path:
    """The file that `path` names: as given if absolute, else the first hit in a folder of `search`.

    Raises:
        TopologyError: no such file; the message lists where it was looked for.
    """
    given = Path(path) if Path(path).suffix else Path("topologies") / f"{path}.yaml"
    folders = [Path()] if given.is_absolute() else list(search)
    tries = [folder / name for folder in folders for name in (given, Path("topologies") / given)]
    found = next((candidate for candidate in tries if candidate.is_file()), None)
    if found is None:
        places = ", ".join(str(folder) for folder in folders) or "(no folder)"
        raise TopologyError(
            f"no topology file {str(given)!r} in {places}; write the path of one, the name of one that ships "
            "(`netsim list topologies`), or a tree of your own such as {fanout: [2, 4, 5]}"
        )
    return found


def read(path: Path) -> Topology:
    """The topology in a file, by its suffix. Raises TopologyError."""
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
        raise TopologyError(f"{path}: nested too deeply; at most {DEEPEST} layers are supported") from None
    return grow(root, str(path))


def _yaml(path: Path) -> Branch:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        data = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except YAMLError as error:
        raise TopologyError(f"{path}: not YAML: {error}") from error
    except (TypeError, AttributeError, ArithmeticError) as error:  # a list as a key, a year 0, ...
        raise TopologyError(f"{path}: not YAML that can be read: {error}") from error
    return _tree_or_graph(data, path)


def _json(path: Path) -> Branch:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise TopologyError(f"{path}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from error
    return _tree_or_graph(data, path)


def _graphml(path: Path) -> Branch:
    return branches(read_graphml(path), str(path))


def read_graphml(path: Path) -> nx.Graph[Any]:
    """The graph in a GraphML file, with or without directions and parallel edges. Raises TopologyError."""
    from xml.etree.ElementTree import ParseError

    import networkx as nx

    try:
        graph: nx.Graph[Any] = nx.read_graphml(path)
    except (ParseError, nx.NetworkXError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
        raise TopologyError(f"{path}: not GraphML: {error}") from error  # encodings and types nobody knows
    return graph


def _tree_or_graph(data: Any, path: Path) -> Branch:
    if not isinstance(data, Mapping):
        raise TopologyError(f"{path}: a topology is a mapping with `children` or with `nodes` and `edges`")
    return _graph(data, path) if "nodes" in data else tree_of(data, str(path))


def _graph(data: Mapping[str, Any], path: Path) -> Branch:
    import networkx as nx

    edges = "links" if "links" in data and "edges" not in data else "edges"
    try:
        graph = nx.node_link_graph({"directed": True, "multigraph": False, **data}, edges=edges)
    except (KeyError, TypeError, AttributeError, nx.NetworkXError) as error:
        raise TopologyError(
            f"{path}: not node-link data ({error}); each node needs `id`, each edge `source` and `target`"
        ) from error
    return branches(graph, str(path))


def tree_of(data: Any, source: str) -> Branch:
    """A tree written as nested mappings with `children` or `devices`. Raises TopologyError naming `source`."""
    if (nodes := _count(data, {})) > LARGEST:
        raise TopologyError(
            f"{source}: {nodes:,} nodes, whatever an alias repeats included; at most {LARGEST:,} are supported"
        )
    return _branch(data, source, 0)


def _count(data: Any, known: dict[int, int]) -> int:
    """Nodes of a tree, counted without making them; a node that aliases repeat is looked at once."""
    if not isinstance(data, Mapping):
        return 1
    if id(data) not in known:
        known[id(data)] = 0  # an alias of its own ancestor, which is refused later, adds nothing
        devices, children = data.get("devices"), data.get("children")
        below = devices if isinstance(devices, int) else 0
        inner = sum(_count(child, known) for child in children) if isinstance(children, list) else 0
        known[id(data)] = 1 + below + inner
    return known[id(data)]


def _branch(data: Any, source: str, depth: int) -> Branch:
    if not isinstance(data, Mapping):
        raise TopologyError(f"{source}: a child is a mapping such as {{name: edge_a}}, got {data!r}")
    if depth > DEEPEST:
        raise TopologyError(
            f"{source}: more than {DEEPEST} layers, the most there may be; does an alias point at its own ancestor?"
        )
    name = None if data.get("name") is None else str(data["name"])
    title = name if name is not None else f"an unnamed node {depth} below the cloud"
    rest = {key: value for key, value in data.items() if key not in CHILD_KEYS}
    place, edge = place_of(rest, source, title), edge_of(rest, source, title, strict=True)
    return Branch(name, edge=edge, children=_children(data, source, title, depth), **place)


def _children(data: Mapping[str, Any], source: str, title: str, depth: int) -> list[Branch]:
    children, devices = data.get("children"), data.get("devices")
    if children is not None and devices is not None:
        raise TopologyError(f"{source}: {title} has both `children` and `devices`; write one of them")
    if devices is not None:
        if isinstance(devices, bool) or not isinstance(devices, int) or devices < 1:
            raise TopologyError(f"{source}: devices of {title} must be a whole number >= 1, got {devices!r}")
        return [Branch() for _ in range(devices)]
    if children is not None and not isinstance(children, list):
        raise TopologyError(
            f"{source}: children of {title} must be a list, got {children!r}; or write devices: 5"
        )
    return [_branch(child, source, depth + 1) for child in children or ()]
