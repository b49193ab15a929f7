"""A rooted tree of nodes: devices at level 0, the cloud at level N, every device equally deep."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b

LEVEL_NAMES = ("device", "edge", "region")
"""Names of the lowest levels; a node at a higher level l is called `l3-0` and so on, the root `cloud`."""

DEEPEST = 64
"""Layers; real hierarchies have two to five."""
LARGEST = 10_000_000
"""Nodes; a mistyped number is refused before it fills the memory."""

BOUNDS = {"lat_deg": 90.0, "lon_deg": 180.0}
"""Largest magnitude of a geographic coordinate, degrees."""


class TopologyError(ValueError):
    """A topology that is not a tree of equally deep devices, or a file that does not describe one."""


@dataclass(frozen=True, eq=False)
class Node:
    """One device, server or cloud."""

    name: str
    level: int
    """0 is a device, N the cloud."""
    ordinal: int
    """Position within the level, in tree order; a device's ordinal is its leaf ordinal."""
    children: tuple[Node, ...] = ()
    x_m: float | None = None
    y_m: float | None = None
    edge: Mapping[str, float] = field(default_factory=dict)
    """Attributes of the edge to the parent, SI: any of `rate_bps`, `latency_s`, `distance_m`."""
    lat_deg: float | None = None
    lon_deg: float | None = None
    """Geographic position (WGS 84 degrees, north and east positive), for great-circle latencies."""

    def __repr__(self) -> str:
        return f"Node({self.name!r}, level={self.level}, children={len(self.children)})"


@dataclass(frozen=True, eq=False)
class Topology:
    """A tree seen from its root; made by `grow`, which checks the laws."""

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
        """The node above; None for the cloud."""
        return self._parents.get(node.name)

    @cached_property
    def fingerprint(self) -> str:
        """128-bit hex digest of shape, names, positions and edge attributes: what a run depends on."""
        digest = blake2b(digest_size=16)
        for node in (node for row in self.levels for node in row):
            edge = sorted(node.edge.items())
            where = (node.x_m, node.y_m, *(() if node.lat_deg is None else (node.lat_deg, node.lon_deg)))
            digest.update(repr((node.name, node.level, len(node.children), *where, edge)).encode())
        return digest.hexdigest()


@dataclass
class Branch:
    """A node before the laws are checked, which every format is read into; `name` None asks for a default."""

    name: str | None = None
    x_m: float | None = None
    y_m: float | None = None
    edge: dict[str, float] = field(default_factory=dict)
    children: list[Branch] = field(default_factory=list)
    lat_deg: float | None = None
    lon_deg: float | None = None


def grow(root: Branch, source: str) -> Topology:
    """Check the laws and number the nodes.

    Args:
        root: the cloud.
        source: where it was written, for messages (a file name, `fanout`).

    Raises:
        TopologyError: no device below the cloud, devices at different depths, two nodes of one name, or a
            number that is not finite (or not positive where it must be), or more than DEEPEST layers; the
            message names source and node.
    """
    rows = _rows(root, source)
    below: Iterator[Node] = iter(())
    names: set[str] = set()
    for level, row in enumerate(reversed(rows)):
        made = [_node(branch, level, ordinal, len(rows) - 1, below) for ordinal, branch in enumerate(row)]
        for node in made:
            if node.name in names:
                raise TopologyError(f"{source}: two nodes are called {node.name!r}; names must be unique")
            names.add(node.name)
            _check_numbers(node, source)
        below = iter(made)
    return Topology(next(below))


def _rows(root: Branch, source: str) -> list[list[Branch]]:
    rows = [[root]]
    while any(branch.children for branch in rows[-1]):
        childless = next((branch for branch in rows[-1] if not branch.children), None)
        if childless is not None:
            raise TopologyError(
                f"{source}: devices must be equally deep, but {_title(childless, rows[-1])} has no children "
                f"{len(rows) - 1} below the cloud while others there do; give it children or a node above it"
            )
        rows.append([child for branch in rows[-1] for child in branch.children])
        if len(rows) - 1 > DEEPEST:
            raise TopologyError(
                f"{source}: more than {DEEPEST} layers, the most that are supported; remove some"
            )
    if len(rows) == 1:
        raise TopologyError(
            f"{source}: {root.name or 'the cloud'} has no children; a topology needs a device"
        )
    return rows


def _title(branch: Branch, row: Sequence[Branch]) -> str:
    place = next(i for i, other in enumerate(row) if other is branch)
    return repr(branch.name) if branch.name is not None else f"unnamed node {place} of its level"


def _node(branch: Branch, level: int, ordinal: int, depth: int, below: Iterator[Node]) -> Node:
    children = tuple(next(below) for _ in branch.children)
    name = branch.name if branch.name is not None else default_name(level, ordinal, depth)
    places = (branch.lat_deg, branch.lon_deg)
    return Node(name, level, ordinal, children, branch.x_m, branch.y_m, branch.edge, *places)


def default_name(level: int, ordinal: int, depth: int) -> str:
    """`cloud`, `device17`, `edge3`, `region0`, and `l3-0` for higher levels."""
    if level == depth:
        return "cloud"
    return f"{LEVEL_NAMES[level]}{ordinal}" if level < len(LEVEL_NAMES) else f"l{level}-{ordinal}"


def _check_numbers(node: Node, source: str) -> None:
    places = {key: getattr(node, key) for key in ("x_m", "y_m", *BOUNDS)}
    for key, value in {**places, **node.edge}.items():
        if value is not None and not math.isfinite(value):
            raise TopologyError(f"{source}: {key} of {node.name!r} must be finite, got {value}")
    for key, value in node.edge.items():
        if value < 0 or (value == 0 and key != "latency_s"):
            rule = ">= 0" if key == "latency_s" else "> 0"
            raise TopologyError(f"{source}: {key} of {node.name!r} must be {rule}, got {value:g}")
    for key, bound in BOUNDS.items():
        if places[key] is not None and abs(places[key]) > bound:
            raise TopologyError(
                f"{source}: {key} of {node.name!r} must be in [-{bound:g}, {bound:g}], got {places[key]:g}"
            )
    for one, other in (("x_m", "y_m"), tuple(BOUNDS)):
        if (places[one] is None) != (places[other] is None):
            raise TopologyError(
                f"{source}: {node.name!r} has only one of {one} and {other}; give both or neither"
            )
