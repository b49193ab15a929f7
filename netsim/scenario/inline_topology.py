"""Inline topologies: `{tree: [{name: edge_a, devices: 5}, ...]}` in a scenario."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from netsim.topology.files import parse_tree
from netsim.topology.tree import Node, Topology, default_name, grow


@dataclass(frozen=True)
class InlineTree:
    """The cloud and the nodes below it, with the keys of a YAML topology file (`children` or `devices: 5`).

    Resolved scenarios include their topology in this form. Children have `name`, a position in metres or degrees, edge
    attributes and children.
    """

    children: list[dict[str, Any]] | None = None
    devices: int | None = None
    name: str | None = None
    x_m: float | None = None
    y_m: float | None = None
    lat_deg: float | None = None
    lon_deg: float | None = None

    def grow(self, search: Sequence[Path] = ()) -> Topology:
        """Return the tree; `search` is not used. Raises TopologyError with the name of the node."""
        text = {field.name: getattr(self, field.name) for field in fields(self)}
        return grow(
            parse_tree({key: value for key, value in text.items() if value is not None}, "tree"), "tree"
        )


def to_inline_tree(topology: Topology) -> InlineTree:
    """Return the topology as a part; growing it gives equal names, positions and edge attributes."""
    return InlineTree(**_branch(topology.root, topology.depth))


def _branch(node: Node, depth: int) -> dict[str, Any]:
    data: dict[str, Any] = {}
    if node.name != default_name(node.level, node.ordinal, depth):
        data["name"] = node.name
    if node.x_m is not None:
        data |= {"x_m": node.x_m, "y_m": node.y_m}
    if node.lat_deg is not None:
        data |= {"lat_deg": node.lat_deg, "lon_deg": node.lon_deg}
    data |= dict(node.edge)
    children = [_branch(child, depth) for child in node.children]
    if children and not any(children):
        return data | {"devices": len(children)}
    return data | {"children": children} if children else data
