"""Who is below whom, over which links, and how much each child counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from netsim.network import Ports
from netsim.topology import Node


@dataclass
class Roster:
    """The tree as it is now: children in order of their ordinals, and the links to them in the same order.

    `masses` says for each layer 1 ... N how much every device counts in it, by leaf ordinal, in whole numbers.
    """

    ports: dict[str, Ports]
    below: dict[str, tuple[Node, ...]]
    masses: Sequence[Sequence[int]]
    _shares: dict[str, tuple[float, ...]] = field(default_factory=dict)

    def children(self, node: Node) -> tuple[Node, ...]:
        """Those attached to `node`."""
        return self.below.get(node.name, ())

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
            counts = self.masses[node.level - 1]
            masses = [mass_of(child, counts, self.children) for child in self.children(node)]
            whole = sum(masses)
            known = self._shares[node.name] = tuple(mass / whole for mass in masses)
        return known


def mass_of(node: Node, masses: Sequence[int], children: Callable[[Node], Sequence[Node]]) -> int:
    """What all devices below `node` count together."""
    if not node.level:
        return masses[node.ordinal]
    return sum(mass_of(child, masses, children) for child in children(node))
