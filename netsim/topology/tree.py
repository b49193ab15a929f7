"""The tree of nodes: devices at level 0, the cloud at level N, all devices at the same depth."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b

LEVEL_NAMES = ("device", "edge", "region")
"""Names of the lowest levels; a node at a higher level l is called `l3-0` and so on, the root `cloud`."""

MAX_DEPTH = 64
"""Maximum number of layers; real hierarchies have two to five."""
MAX_NODES = 10_000_000
"""Maximum number of nodes; a mistyped number is rejected before it fills the memory."""

MAX_DEGREES = {"lat_deg": 90.0, "lon_deg": 180.0}
"""Largest magnitude of a geographic coordinate, degrees."""


class TopologyError(ValueError):
    """An invalid topology: not a tree with all devices at one depth, or a file that does not describe one."""


@dataclass(frozen=True, eq=False)
class Node:
    """One device, server or cloud."""

    name: str
    level: int
    """0 for devices, N for the cloud."""
    ordinal: int
    """Position within the level, in tree order; a device's ordinal is its leaf ordinal."""
    children: tuple[Node, ...] = ()
    x_m: float | None = None
    y_m: float | None = None
    edge: Mapping[str, float] = field(default_factory=dict)
    """Attributes of the edge to the parent, in SI units: any of `rate_bps`, `latency_s`, `distance_m`."""
    lat_deg: float | None = None
    lon_deg: float | None = None
    """Geographic position (WGS 84 degrees, north and east positive), for great-circle latencies."""

    def __repr__(self) -> str:
        return f"Node({self.name!r}, level={self.level}, children={len(self.children)})"


@dataclass(frozen=True, eq=False)
class Topology:
    """A rooted tree; made by `grow`, which validates it."""

    root: Node

    @property
    def depth(self) -> int:
        """N: the number of layers, which is the level of the cloud."""
        return self.root.level

    @cached_property
    def levels(self) -> tuple[tuple[Node, ...], ...]:
        """Nodes by level, each in tree order: `levels[0]` are the devices, `levels[N]` is `(cloud,)`."""
        rows: list[tuple[Node, ...]] = [(self.root,)]
        while rows[-1][0].children:
            rows.append(tuple(child for node in rows[-1] for child in node.children))
        return tuple(reversed(rows))

    @property
    def devices(self) -> tuple[Node, ...]:
        """`levels[0]`."""
        return self.levels[0]

    @cached_property
    def groups(self) -> tuple[int, ...]:
        """For each device, in order, the ordinal of its parent (its edge server)."""
        return tuple(node.ordinal for node in self.levels[1] for _ in node.children)

    @cached_property
    def _parents(self) -> dict[str, Node]:
        return {child.name: node for row in self.levels[1:] for node in row for child in node.children}

    def parent(self, node: Node) -> Node | None:
        """The parent of a node; None for the cloud."""
        return self._parents.get(node.name)

    @cached_property
    def fingerprint(self) -> str:
        """128-bit hex digest of shape, names, positions and edge attributes, all that a run depends on."""
        digest = blake2b(digest_size=16)
        for node in (node for row in self.levels for node in row):
            edge = sorted(node.edge.items())
            position = (node.x_m, node.y_m, *(() if node.lat_deg is None else (node.lat_deg, node.lon_deg)))
            digest.update(repr((node.name, node.level, len(node.children), *position, edge)).encode())
        return digest.hexdigest()


@dataclass
class NodeSpec:
    """A node before validation, the common form of all formats; `name` None stands for the default name."""

    name: str | None = None
    x_m: float | None = None
    y_m: float | None = None
    edge: dict[str, float] = field(default_factory=dict)
    children: list[NodeSpec] = field(default_factory=list)
    lat_deg: float | None = None
    lon_deg: float | None = None


def grow(root: NodeSpec, source: str) -> Topology:
    """Build the topology: validate the tree and number its nodes.

    Args:
        root: the cloud.
        source: the file or the argument that describes it, for messages.

    Raises:
        TopologyError: no device below the cloud, devices at different depths, two nodes with one name, a
            number that is not finite (or not positive where it must be), or more than MAX_DEPTH layers; the
            message names source and node.
    """
    rows = _rows(root, source)
    children: Iterator[Node] = iter(())
    names: set[str] = set()
    for level, row in enumerate(reversed(rows)):
        nodes = [_node(spec, level, ordinal, len(rows) - 1, children) for ordinal, spec in enumerate(row)]
        for node in nodes:
            if node.name in names:
                raise TopologyError(f"{source}: two nodes are called {node.name!r}; names must be unique")
            names.add(node.name)
            _check_numbers(node, source)
        children = iter(nodes)
    return Topology(next(children))


def _rows(root: NodeSpec, source: str) -> list[list[NodeSpec]]:
    rows = [[root]]
    while any(spec.children for spec in rows[-1]):
        childless = next((spec for spec in rows[-1] if not spec.children), None)
        if childless is not None:
            raise TopologyError(
                f"{source}: devices must be equally deep, but {_title(childless, rows[-1])} has no children "
                f"{len(rows) - 1} below the cloud while others there do; give it children or a node above it"
            )
        rows.append([child for spec in rows[-1] for child in spec.children])
        if len(rows) - 1 > MAX_DEPTH:
            raise TopologyError(
                f"{source}: more than {MAX_DEPTH} layers, the most that are supported; remove some"
            )
    if len(rows) == 1:
        raise TopologyError(
            f"{source}: {root.name or 'the cloud'} has no children; a topology needs a device"
        )
    return rows


def _title(spec: NodeSpec, row: Sequence[NodeSpec]) -> str:
    index = next(i for i, other in enumerate(row) if other is spec)
    return repr(spec.name) if spec.name is not None else f"unnamed node {index} of its level"


def _node(spec: NodeSpec, level: int, ordinal: int, depth: int, nodes_below: Iterator[Node]) -> Node:
    children = tuple(next(nodes_below) for _ in spec.children)
    name = spec.name if spec.name is not None else default_name(level, ordinal, depth)
    geographic = (spec.lat_deg, spec.lon_deg)
    return Node(name, level, ordinal, children, spec.x_m, spec.y_m, spec.edge, *geographic)


def default_name(level: int, ordinal: int, depth: int) -> str:
    """The default name of a node: `cloud`, `device17`, `edge3`, `region0`, and `l3-0` for higher levels."""
    if level == depth:
        return "cloud"
    return f"{LEVEL_NAMES[level]}{ordinal}" if level < len(LEVEL_NAMES) else f"l{level}-{ordinal}"


def _check_numbers(node: Node, source: str) -> None:
    coordinates = {key: getattr(node, key) for key in ("x_m", "y_m", *MAX_DEGREES)}
    for key, value in {**coordinates, **node.edge}.items():
        if value is not None and not math.isfinite(value):
            raise TopologyError(f"{source}: {key} of {node.name!r} must be finite, got {value}")
    for key, value in node.edge.items():
        if value < 0 or (value == 0 and key != "latency_s"):
            rule = ">= 0" if key == "latency_s" else "> 0"
            raise TopologyError(f"{source}: {key} of {node.name!r} must be {rule}, got {value:g}")
    for key, bound in MAX_DEGREES.items():
        if coordinates[key] is not None and abs(coordinates[key]) > bound:
            raise TopologyError(
                f"{source}: {key} of {node.name!r} must be in [-{bound:g}, {bound:g}], got {coordinates[key]:g}"
            )
    for one, other in (("x_m", "y_m"), tuple(MAX_DEGREES)):
        if (coordinates[one] is None) != (coordinates[other] is None):
            raise TopologyError(
                f"{source}: {node.name!r} has only one of {one} and {other}; give both or neither"
            )
