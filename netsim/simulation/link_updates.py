"""Links that change in a run: built anew for whoever is attached and where they are, on the media that are there."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import simpy

from netsim.dynamics.attachment import Option
from netsim.network import Cell, Downlink, LayerNetwork, Link, Ports
from netsim.network.links import continued
from netsim.network.media import Medium
from netsim.network.message_loss import Direction
from netsim.network.radio.cell_radio import RadioLink
from netsim.protocol.membership import Membership
from netsim.rng import generator
from netsim.topology import Node, Topology

DevicePositions: TypeAlias = Callable[[Node], Node]
"""A node with the coordinates it has now."""

STATION = -5
"""Path element of what is drawn about a child at a station that is not its own; negative, so that it is no ordinal."""


@dataclass
class LinkUpdates:
    """Rebuilds links. `clearance_m`: no child is nearer to its parent than that, as the link sees it.

    What the channel draws about a child (sight, shadowing, fading) belongs to child and parent: at its own parent the
    scenario's draws, at any other draws of their own. Messages are numbered on, so that no dice fall twice.
    """

    env: simpy.Environment
    topology: Topology
    network: Sequence[LayerNetwork]
    seed: int
    membership: Membership
    where: DevicePositions
    clearance_m: float = 0.0
    _numbers: dict[tuple[str, Direction], Iterator[int]] = field(default_factory=dict)
    _known: dict[tuple[float, str, str], RadioLink | None] = field(default_factory=dict)
    homes: dict[str, Node] = field(init=False)
    """The parent of each child as the run begins."""

    def rebuild(self, parent: Node) -> None:
        """New links for all children of `parent`. Raises ValueError where one of them cannot be built."""
        children = self.membership.children(parent)
        if not children:
            return
        before, layer = self.membership.ports[parent.name], self.network[parent.level - 1]
        here = self.where(parent)
        there = [self._placed(child, here) for child in children]
        own = [self.homes[child.name] is parent for child in children]
        built = {True: layer.connect(self.env, here, there, self.seed)}
        if not all(own):
            built[False] = layer.connect(self.env, here, there, self.seed_at(parent))
        ups = [built[mine].up[k] for k, mine in enumerate(own)]
        downs = [built[mine].down.links[k] for k, mine in enumerate(own)]
        up = self._continued(ups, _one(built[True].up, before.up), children, "up")
        down = self._continued(downs, _one(built[True].down.links, before.down.links), children, "down")
        self.membership.ports[parent.name] = Ports(up, Downlink(down, built[True].down.broadcast))

    def seed_at(self, parent: Node) -> int:
        """The seed of what is drawn about strangers at `parent`."""
        drawn = generator(self.seed, "channel", parent.level, STATION, parent.ordinal)
        return int(drawn.integers(2**62))

    def options(
        self, child: Node, parents: Sequence[Node], present: Node | None, home: Node | None
    ) -> list[tuple[Node, Option]]:
        """The parents that serve a child where it is, as it sees them."""
        found = []
        for parent in parents:
            load = sum(one is not child for one in self.membership.children(parent))
            option = self._option(child, parent, Option(load, parent is present, parent is home))
            if option is not None:
                found.append((parent, option))
        return found

    def _option(self, child: Node, parent: Node, bare: Option) -> Option | None:
        here, layer = self.where(parent), self.network[parent.level - 1]
        there = self._placed(child, here)
        if None in (here.x_m, here.y_m, there.x_m, there.y_m):
            return bare
        away_m = math.dist((here.x_m, here.y_m), (there.x_m, there.y_m))  # type: ignore[arg-type]
        option = replace(bare, distance_m=away_m)
        if not isinstance(layer, Cell) or "rate_bps" in child.edge:
            return option
        key = self.env.now, child.name, parent.name
        if key not in self._known:
            self.listen([child], [parent])
        heard = self._known[key]
        if heard is None or heard.up is None or not heard.served:
            return None
        return replace(option, snr_db=10.0 * math.log10(heard.snr_up), rate_bps=heard.up.mean_rate_bps)

    def listen(self, children: Sequence[Node], parents: Sequence[Node]) -> None:
        """Find out how all of these hear each other now, at once: `options` asked at this instant look it up."""
        self._known = {key: heard for key, heard in self._known.items() if key[0] == self.env.now}
        for parent in parents:
            layer = self.network[parent.level - 1]
            if isinstance(layer, Cell):
                here = self.where(parent)
                for mine in (True, False):
                    those = [one for one in children if (self.homes[one.name] is parent) is mine]
                    seed = self.seed if mine else self.seed_at(parent)
                    self._known |= {
                        (self.env.now, one.name, parent.name): heard
                        for one, heard in zip(those, self._reached(layer, here, those, seed), strict=True)
                    }

    def _reached(
        self, cell: Cell, here: Node, children: Sequence[Node], seed: int
    ) -> Sequence[RadioLink | None]:
        """How each hears the station; None for those too far for its path loss."""
        there = [self._placed(child, here) for child in children]
        try:
            return cell.reach(here, there, seed) if there else []
        except ValueError:
            if len(children) == 1:
                return [None]
            return [self._reached(cell, here, [child], seed)[0] for child in children]

    def _placed(self, child: Node, parent: Node) -> Node:
        """The child where it is now, but outside the clearance; a distance to another parent is no distance to this."""
        found = self.where(child)
        if None in (parent.x_m, parent.y_m, found.x_m, found.y_m):
            return found
        dx, dy = found.x_m - parent.x_m, found.y_m - parent.y_m  # type: ignore[operator]
        away_m = math.hypot(dx, dy)
        if away_m < self.clearance_m:
            turn = (dx / away_m, dy / away_m) if away_m else (1.0, 0.0)
            dx, dy = (self.clearance_m * part for part in turn)
        edge = {name: value for name, value in found.edge.items() if name != "distance_m"}
        return replace(found, x_m=parent.x_m + dx, y_m=parent.y_m + dy, edge=edge)  # type: ignore[operator]

    def _continued(
        self, links: Sequence[Link], medium: Medium | None, children: Sequence[Node], way: Direction
    ) -> list[Link]:
        """The links with their messages numbered on, all on one medium, or (None) on what they have."""
        return [
            continued(link, medium or link.medium, self._numbers[child.name, way])
            for child, link in zip(children, links, strict=True)
        ]

    def __post_init__(self) -> None:
        self.homes = {}
        for row in self.topology.levels[1:]:
            for parent in row:
                ports, children = self.membership.ports[parent.name], self.membership.children(parent)
                for child, up, down in zip(children, ports.up, ports.down.links, strict=True):
                    self.homes[child.name] = parent
                    self._numbers[child.name, "up"] = up._numbers
                    self._numbers[child.name, "down"] = down._numbers


def _one(links: Sequence[Link], before: Sequence[Link]) -> Medium | None:
    """The medium that was there, where all links share one."""
    return before[0].medium if len({id(link.medium) for link in links}) == 1 else None


def around(topology: Topology) -> tuple[float, float]:
    """The middle of the edge servers. Raises ValueError for one without coordinates."""
    places = []
    for server in topology.levels[1]:
        if server.x_m is None or server.y_m is None:
            raise ValueError(
                f"devices that move need to know where the edge servers stand, but {server.name!r} has no coordinates; "
                "give it x_m and y_m"
            )
        places.append((server.x_m, server.y_m))
    middle = [sum(axis) / len(places) for axis in zip(*places, strict=True)]
    return middle[0], middle[1]
