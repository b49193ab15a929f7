"""Link updates: the links of a parent are rebuilt for its current children and positions, on the existing media."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import simpy

from netsim.dynamics.attachment import ParentOption
from netsim.network import Cell, Downlink, LayerNetwork, Link, ParentLinks
from netsim.network.links import move_to_medium
from netsim.network.media import Medium
from netsim.network.message_loss import Direction
from netsim.network.radio.cell_radio import RadioLink
from netsim.protocol.membership import Membership
from netsim.rng import generator
from netsim.topology import Node, Topology

NodeAt: TypeAlias = Callable[[Node], Node]
"""Returns a node with its current coordinates."""

FOREIGN_CHILD = -5
"""Path element of the random stream for children at a parent that is not their first; negative, so no ordinal."""


@dataclass
class LinkUpdates:
    """Rebuilds links in a run. No child counts as nearer to its parent than `clearance_m`.

    The random draws of a channel (line of sight, shadowing, fading) belong to the pair of child and parent: with the
    first parent they are those of the scenario's seed, with any other they come from a seed of that parent. Messages
    keep their numbers, so that no draw is used twice.
    """

    env: simpy.Environment
    topology: Topology
    network: Sequence[LayerNetwork]
    seed: int
    membership: Membership
    node_at: NodeAt
    clearance_m: float = 0.0
    homes: dict[str, Node] = field(init=False)
    """Parents at the beginning, by child."""
    _message_numbers: dict[tuple[str, Direction], Iterator[int]] = field(default_factory=dict)
    _radio_links: dict[tuple[float, str, str], RadioLink | None] = field(default_factory=dict)
    """Measured radio links by instant, child and parent; None: outside the range of the path loss model."""

    def __post_init__(self) -> None:
        self.homes = {}
        for level in self.topology.levels[1:]:
            for parent in level:
                ports, children = self.membership.ports[parent.name], self.membership.children(parent)
                for child, up, down in zip(children, ports.up, ports.down.links, strict=True):
                    self.homes[child.name] = parent
                    self._message_numbers[child.name, "up"] = up._numbers
                    self._message_numbers[child.name, "down"] = down._numbers

    def rebuild(self, parent: Node) -> None:
        """Rebuild the links of all children of `parent`. Raises ValueError if one cannot be built."""
        children = self.membership.children(parent)
        if not children:
            return
        old, layer = self.membership.ports[parent.name], self.network[parent.level - 1]
        located = self.node_at(parent)
        located_children = [self._located(child, located) for child in children]
        at_home = [self.homes[child.name] is parent for child in children]
        built = {True: layer.connect(self.env, located, located_children, self.seed)}
        if not all(at_home):
            built[False] = layer.connect(self.env, located, located_children, self.seed_of(parent))
        ups = [built[home].up[k] for k, home in enumerate(at_home)]
        downs = [built[home].down.links[k] for k, home in enumerate(at_home)]
        up = self._continued(ups, _common_medium(built[True].up, old.up), children, "up")
        down_medium = _common_medium(built[True].down.links, old.down.links)
        down = self._continued(downs, down_medium, children, "down")
        self.membership.ports[parent.name] = ParentLinks(up, Downlink(down, built[True].down.broadcast))

    def seed_of(self, parent: Node) -> int:
        """Return the seed of the draws for children whose first parent is another one."""
        stream = generator(self.seed, "channel", parent.level, FOREIGN_CHILD, parent.ordinal)
        return int(stream.integers(2**62))

    def parent_options(
        self, child: Node, parents: Sequence[Node], current: Node | None, home: Node | None
    ) -> list[tuple[Node, ParentOption]]:
        """Return the parents that can serve a child at its position, each with what a policy may compare."""
        options = []
        for parent in parents:
            load = sum(other is not child for other in self.membership.children(parent))
            option = self._option(child, parent, ParentOption(load, parent is current, parent is home))
            if option is not None:
                options.append((parent, option))
        return options

    def _option(self, child: Node, parent: Node, option: ParentOption) -> ParentOption | None:
        located, layer = self.node_at(parent), self.network[parent.level - 1]
        located_child = self._located(child, located)
        if None in (located.x_m, located.y_m, located_child.x_m, located_child.y_m):
            return option
        distance_m = math.dist((located.x_m, located.y_m), (located_child.x_m, located_child.y_m))  # type: ignore[arg-type]
        option = replace(option, distance_m=distance_m)
        if not isinstance(layer, Cell) or "rate_bps" in child.edge:
            return option
        key = self.env.now, child.name, parent.name
        if key not in self._radio_links:
            self.measure([child], [parent])
        link = self._radio_links[key]
        if link is None or link.up is None or not link.served:
            return None
        return replace(option, snr_db=10.0 * math.log10(link.snr_up), rate_bps=link.up.mean_rate_bps)

    def measure(self, children: Sequence[Node], parents: Sequence[Node]) -> None:
        """Compute the radio links of all pairs now, at once; `parent_options` uses them at the same instant."""
        self._radio_links = {key: link for key, link in self._radio_links.items() if key[0] == self.env.now}
        for parent in parents:
            layer = self.network[parent.level - 1]
            if not isinstance(layer, Cell):
                continue
            located = self.node_at(parent)
            for at_home in (True, False):
                group = [child for child in children if (self.homes[child.name] is parent) is at_home]
                seed = self.seed if at_home else self.seed_of(parent)
                links = self._measure_group(layer, located, group, seed)
                for child, link in zip(group, links, strict=True):
                    self._radio_links[self.env.now, child.name, parent.name] = link

    def _measure_group(
        self, cell: Cell, parent: Node, children: Sequence[Node], seed: int
    ) -> Sequence[RadioLink | None]:
        """Return the radio link of each child; None for those outside the range of the path loss model."""
        located = [self._located(child, parent) for child in children]
        try:
            return cell.draw_links(parent, located, seed) if located else []
        except ValueError:
            if len(children) == 1:
                return [None]
            return [self._measure_group(cell, parent, [child], seed)[0] for child in children]

    def _located(self, child: Node, parent: Node) -> Node:
        """Return the child at its position, at least `clearance_m` from the parent, without its given distance."""
        located = self.node_at(child)
        if None in (parent.x_m, parent.y_m, located.x_m, located.y_m):
            return located
        dx, dy = located.x_m - parent.x_m, located.y_m - parent.y_m  # type: ignore[operator]
        distance_m = math.hypot(dx, dy)
        if distance_m < self.clearance_m:
            direction = (dx / distance_m, dy / distance_m) if distance_m else (1.0, 0.0)
            dx, dy = (self.clearance_m * component for component in direction)
        edge = {name: value for name, value in located.edge.items() if name != "distance_m"}
        return replace(located, x_m=parent.x_m + dx, y_m=parent.y_m + dy, edge=edge)  # type: ignore[operator]

    def _continued(
        self, links: Sequence[Link], medium: Medium | None, children: Sequence[Node], direction: Direction
    ) -> list[Link]:
        """Return the links with continued message numbers, all on `medium` (None: each on its own)."""
        return [
            move_to_medium(link, medium or link.medium, self._message_numbers[child.name, direction])
            for child, link in zip(children, links, strict=True)
        ]


def _common_medium(links: Sequence[Link], old: Sequence[Link]) -> Medium | None:
    """Return the existing medium if all links share one, else None."""
    return old[0].medium if len({id(link.medium) for link in links}) == 1 else None


def centre_of_servers(topology: Topology) -> tuple[float, float]:
    """Return the mean position of the edge servers in metres. Raises ValueError for one without coordinates."""
    positions = []
    for server in topology.levels[1]:
        if server.x_m is None or server.y_m is None:
            raise ValueError(
                f"mobility needs the positions of the edge servers, but {server.name!r} has no coordinates; give it "
                "x_m and y_m"
            )
        positions.append((server.x_m, server.y_m))
    centre = [sum(axis) / len(positions) for axis in zip(*positions, strict=True)]
    return centre[0], centre[1]
