"""Who is below whom, over which links, how much each child counts, and who can be asked now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import simpy

from learning.engine import Place
from netsim.network import Ports
from netsim.topology import Node


@dataclass(eq=False)
class Outage:
    """A link that is down until `over` fires; `stalls`: uploads wait for that instead of failing."""

    over: simpy.Event
    stalls: bool = False


@dataclass
class Membership:
    """The tree as it is now: children in order of their ordinals, and the links to them in the same order.

    `masses` says for each layer 1 ... N how much every device counts in it, by leaf ordinal, in whole numbers.
    `changed` fires when somebody leaves, comes back or moves, and is a new event then; call `change` after a change
    of `below` or `away`.
    """

    ports: dict[str, Ports]
    below: dict[str, tuple[Node, ...]]
    masses: Sequence[Sequence[int]]
    away: set[str] = field(default_factory=set)
    """Not to be asked now."""
    lost: set[str] = field(default_factory=set)
    """Whoever of these will not come back."""
    silent: set[str] = field(default_factory=set)
    """Down, but nobody knows yet: they are asked, and say nothing."""
    outages: dict[str, Outage] = field(default_factory=dict)
    """Children whose link is down."""
    owing: set[str] = field(default_factory=set)
    """Children that moved to a parent which lacks the memory that their compressor shares with it."""
    roaming: bool = False
    """Whether devices move, so that anybody may come within reach."""
    met: set[str] = field(default_factory=set)
    """Children whose answers have arrived somewhere, so that they may share a memory with a parent."""
    changed: simpy.Event | None = None
    moved: bool = False
    """Whether anybody has another parent than at first, or has had."""
    _reasons: dict[str, set[str]] = field(default_factory=dict)
    _shares: dict[str, tuple[float, ...]] = field(default_factory=dict)
    _within_reach: dict[str, bool] = field(default_factory=dict)

    def children(self, node: Node) -> tuple[Node, ...]:
        """Those attached to `node`."""
        return self.below.get(node.name, ())

    def present(self, node: Node) -> tuple[Node, ...]:
        """Those of them that can be asked now: not away themselves, nor everybody below them."""
        children = self.children(node)
        if not self.away and not self.moved:
            return children
        return tuple(child for child in children if self.reaches(child))

    def reaches(self, node: Node) -> bool:
        """Whether a device can be asked through `node` (or is it) now."""
        known = self._within_reach.get(node.name)
        if known is None:
            known = node.name not in self.away
            known = known and (not node.level or any(map(self.reaches, self.children(node))))
            self._within_reach[node.name] = known
        return known

    def hopes(self, node: Node) -> bool:
        """Whether a device could be asked through `node` if all who may come back were here."""
        if node.name in self.lost:
            return False
        return self.roaming or not node.level or any(map(self.hopes, self.children(node)))

    def leave(self, node: Node, why: str, *, for_good: bool = False) -> None:
        """`node` is away from now on, for this reason (there may be others)."""
        self._reasons.setdefault(node.name, set()).add(why)
        self.away.add(node.name)
        if for_good:
            self.lost.add(node.name)
        self.change()

    def come(self, node: Node, why: str) -> None:
        """This reason for being away is over."""
        left = self._reasons.get(node.name, set())
        left.discard(why)
        if not left:
            self.away.discard(node.name)
            self.lost.discard(node.name)
        self.change()

    def attach(self, child: Node, before: Node | None, after: Node | None) -> None:
        """`child` goes from one parent to another (None: it has none); the links are not this book's affair."""
        if before is not None:
            self.below[before.name] = tuple(one for one in self.children(before) if one is not child)
        if after is not None:
            joined = (*self.children(after), child)
            self.below[after.name] = tuple(sorted(joined, key=lambda node: node.ordinal))
        self.moved = True
        if child.name in self.met:
            self.owing.add(child.name)
        self.change()

    def answered(self, child: Node) -> None:
        """An answer of the child has arrived: its parent has what it must know to decode the next."""
        self.owing.discard(child.name)
        self.met.add(child.name)

    def change(self) -> None:
        """Whoever waits for a change learns of one."""
        self._shares.clear()
        self._within_reach.clear()
        if self.changed is not None:
            known, self.changed = self.changed, self.changed.env.event()
            known.succeed()

    def places(self, node: Node, children: Sequence[Node]) -> list[int]:
        """Where these children stand among all of the node's."""
        all_of_them = self.children(node)
        if len(children) == len(all_of_them):
            return list(range(len(children)))
        known = {child.name: i for i, child in enumerate(all_of_them)}
        return [known[child.name] for child in children]

    def shares(self, node: Node) -> tuple[float, ...]:
        """The children's weights, summing to 1."""
        known = self._shares.get(node.name)
        if known is None:
            masses = [self.mass(child, node.level) for child in self.children(node)]
            whole = sum(masses) or 1
            known = self._shares[node.name] = tuple(mass / whole for mass in masses)
        return known

    def shares_of(self, node: Node, children: Sequence[Node]) -> Sequence[float]:
        """The weights of some of the children, summing to 1."""
        if len(children) == len(self.children(node)):
            return self.shares(node)
        masses = [self.mass(child, node.level) for child in children]
        whole = sum(masses) or 1
        return tuple(mass / whole for mass in masses)

    def mass(self, node: Node, layer: int) -> int:
        """What all devices below `node` count together in a layer."""
        return mass_of(node, self.masses[layer - 1], self.children)


def mass_of(node: Node, masses: Sequence[int], children: Callable[[Node], Sequence[Node]]) -> int:
    """What all devices below `node` count together."""
    if not node.level:
        return masses[node.ordinal]
    return sum(mass_of(child, masses, children) for child in children(node))


def place(node: Node) -> Place:
    """The node as learning knows it."""
    return node.level, node.ordinal
