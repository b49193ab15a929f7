"""The current tree: children of each node, their links, their weights, and which of them are available."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import simpy

from learning.engine import NodeIndex
from netsim.network import ParentLinks
from netsim.topology import Node


@dataclass(eq=False)
class Outage:
    """A link that is down until `end` fires. With `stalls`, uploads wait for that instead of failing."""

    end: simpy.Event
    stalls: bool = False


@dataclass
class Membership:
    """The tree as it is now: children in the order of their ordinals, and the links to them in the same order.

    `device_weights[n - 1][k]` is the integer weight of device k in layer n. `change_event` (None: the tree is static)
    fires when a node becomes unavailable or available or gets another parent, and is replaced by a new event; call
    `notify_change` after changing `children_by_parent` or `unavailable` directly.
    """

    ports: dict[str, ParentLinks]
    children_by_parent: dict[str, tuple[Node, ...]]
    device_weights: Sequence[Sequence[int]]
    unavailable: set[str] = field(default_factory=set)
    """Nodes that cannot take part now."""
    permanently_unavailable: set[str] = field(default_factory=set)
    """Those of them that will not return."""
    undetected_failures: set[str] = field(default_factory=set)
    """Nodes that are down without their neighbours having detected it: they still receive work and do not answer."""
    outages: dict[str, Outage] = field(default_factory=dict)
    """Link outages, by child."""
    memory_transfers_due: set[str] = field(default_factory=set)
    """Children whose new parent lacks the memory that their compressor shares with a parent."""
    devices_move: bool = False
    """Whether devices move, so that any device may come within reach of any node."""
    have_answered: set[str] = field(default_factory=set)
    """Children that have completed an upload, so that they may share compressor memory with a parent."""
    change_event: simpy.Event | None = None
    has_reattached: bool = False
    """Whether a node has, or has had, another parent than at the beginning."""
    _absence_reasons: dict[str, set[str]] = field(default_factory=dict)
    _shares: dict[str, tuple[float, ...]] = field(default_factory=dict)
    _reachable: dict[str, bool] = field(default_factory=dict)

    def children(self, node: Node) -> tuple[Node, ...]:
        """Return the children attached to `node`."""
        return self.children_by_parent.get(node.name, ())

    def available_children(self, node: Node) -> tuple[Node, ...]:
        """Return the children that can take part now: available, with an available device at or below them."""
        children = self.children(node)
        if not self.unavailable and not self.has_reattached:
            return children
        return tuple(child for child in children if self.is_reachable(child))

    def is_reachable(self, node: Node) -> bool:
        """Return whether `node` and a device at or below it are available."""
        cached = self._reachable.get(node.name)
        if cached is None:
            cached = node.name not in self.unavailable
            cached = cached and (not node.level or any(map(self.is_reachable, self.children(node))))
            self._reachable[node.name] = cached
        return cached

    def may_become_reachable(self, node: Node) -> bool:
        """Return whether `node` would be reachable if all nodes that may return were available."""
        if node.name in self.permanently_unavailable:
            return False
        return self.devices_move or not node.level or any(map(self.may_become_reachable, self.children(node)))

    def mark_unavailable(self, node: Node, reason: str, *, permanent: bool = False) -> None:
        """Make `node` unavailable for one more reason."""
        self._absence_reasons.setdefault(node.name, set()).add(reason)
        self.unavailable.add(node.name)
        if permanent:
            self.permanently_unavailable.add(node.name)
        self.notify_change()

    def clear_reason(self, node: Node, reason: str) -> None:
        """Remove one reason; `node` is available once none is left."""
        remaining = self._absence_reasons.get(node.name, set())
        remaining.discard(reason)
        if not remaining:
            self.unavailable.discard(node.name)
            self.permanently_unavailable.discard(node.name)
        self.notify_change()

    def reattach(self, child: Node, old_parent: Node | None, new_parent: Node | None) -> None:
        """Move `child` from one parent to another (None: no parent). Links are not changed here."""
        if old_parent is not None:
            remaining = tuple(other for other in self.children(old_parent) if other is not child)
            self.children_by_parent[old_parent.name] = remaining
        if new_parent is not None:
            joined = (*self.children(new_parent), child)
            self.children_by_parent[new_parent.name] = tuple(sorted(joined, key=lambda node: node.ordinal))
        self.has_reattached = True
        if child.name in self.have_answered:
            self.memory_transfers_due.add(child.name)
        self.notify_change()

    def record_answer(self, child: Node) -> None:
        """Record a completed upload: the parent now has the memory that it needs to decode the next one."""
        self.memory_transfers_due.discard(child.name)
        self.have_answered.add(child.name)

    def notify_change(self) -> None:
        """Fire `change_event` and clear caches."""
        self._shares.clear()
        self._reachable.clear()
        if self.change_event is not None:
            fired, self.change_event = self.change_event, self.change_event.env.event()
            fired.succeed()

    def positions(self, node: Node, children: Sequence[Node]) -> list[int]:
        """Return the indices of some children among all children of `node`, which index its ports too."""
        all_children = self.children(node)
        if len(children) == len(all_children):
            return list(range(len(children)))
        index = {child.name: i for i, child in enumerate(all_children)}
        return [index[child.name] for child in children]

    def shares(self, node: Node) -> tuple[float, ...]:
        """Return the weights of all children of `node`, normalised to a sum of 1."""
        cached = self._shares.get(node.name)
        if cached is None:
            cached = self._shares[node.name] = self._normalised(node, self.children(node))
        return cached

    def shares_of(self, node: Node, children: Sequence[Node]) -> Sequence[float]:
        """Return the weights of some children of `node`, normalised to a sum of 1."""
        if len(children) == len(self.children(node)):
            return self.shares(node)
        return self._normalised(node, children)

    def _normalised(self, node: Node, children: Sequence[Node]) -> tuple[float, ...]:
        weights = [self.weight(child, node.level) for child in children]
        total = sum(weights) or 1
        return tuple(weight / total for weight in weights)

    def weight(self, node: Node, layer: int) -> int:
        """Return the total weight of all devices at or below `node` in a layer (1 ... N)."""
        return subtree_weight(node, self.device_weights[layer - 1], self.children)


def subtree_weight(
    node: Node, device_weights: Sequence[int], children: Callable[[Node], Sequence[Node]]
) -> int:
    """Return the total weight of all devices at or below `node`."""
    if not node.level:
        return device_weights[node.ordinal]
    return sum(subtree_weight(child, device_weights, children) for child in children(node))


def place(node: Node) -> NodeIndex:
    """Return the node as the engine names it: (level, ordinal)."""
    return node.level, node.ordinal
