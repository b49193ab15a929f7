"""Interfaces of client selection: which children take part in an aggregation, and with which weights."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeGuard

from learning.engine import IterationIndex, LossQuery
from netsim.devices.clock import Clock
from netsim.network import ParentLinks
from netsim.topology import Node

SelectedChildren: TypeAlias = Sequence[tuple[Node, float | None]]
"""Children in order, each with its final weight; None stands for its share among the children that answer."""


class Selector(Protocol):
    """A selection in a run."""

    def choose(
        self,
        node: Node,
        children: Sequence[Node],
        shares: Sequence[float],
        busy: Collection[str],
        iteration: IterationIndex,
    ) -> SelectedChildren:
        """The children that take part in this iteration of `node`, in order, with their weights; none is `busy`.

        Args:
            node: the parent.
            children: its available children, the `busy` ones included.
            shares: weights of the children, summing to 1.
            busy: names of children that still work for an earlier iteration.
            iteration: the iteration.
        """
        ...


class PollingSelector(Selector, Protocol):
    """A selector that first collects losses: candidates receive the model and answer with one number each."""

    def candidates(
        self, node: Node, children: Sequence[Node], busy: Collection[str], iteration: IterationIndex
    ) -> Sequence[Node]:
        """The children that are polled, in order, none of the `busy`; without candidates there is no poll."""
        ...

    def loss_request(self, device: Node, iteration: IterationIndex) -> tuple[LossQuery, int]:
        """The samples over which a candidate computes its loss, and their number."""
        ...

    def select_by_loss(
        self, node: Node, children: Sequence[Node], busy: Collection[str], losses: Mapping[str, float]
    ) -> SelectedChildren:
        """The children that take part, given the losses received (by name)."""
        ...


def needs_polling(selector: Selector) -> TypeGuard[PollingSelector]:
    """Whether the selector needs losses of candidates."""
    return hasattr(selector, "candidates")


class CurrentTree(Protocol):
    """The tree as it is now, as far as a selector uses it: children and links of each node."""

    @property
    def ports(self) -> Mapping[str, ParentLinks]:
        """The links of each parent to its children, by the parent's name; in the order of `children`."""
        ...

    def children(self, node: Node) -> Sequence[Node]:
        """The children attached to a node."""
        ...


@dataclass(frozen=True, eq=False)
class SelectionContext:
    """The data that selectors may use in a run; all constant, except for the attachment of children to parents."""

    seed: int
    membership: CurrentTree
    samples: Sequence[int]
    """Training samples of each device."""
    clock: Clock
    """Clock of the devices."""

    def sample_count(self, child: Node) -> int:
        """Number of training samples at the child, or at all devices below it."""
        return sum(self.samples[device.ordinal] for device in self._devices(child))

    def mean_step_s(self, child: Node) -> float:
        """Mean duration of a local step of a device, or of the slowest device below a server, s."""
        return max((self.clock.mean_step_s(d.ordinal) for d in self._devices(child)), default=0.0)

    def rates_bps(self, node: Node, children: Sequence[Node]) -> list[float]:
        """Mean uplink rates of some of the node's children, each without contention, bit/s."""
        links = self.membership.ports[node.name].up
        indices = {child.name: k for k, child in enumerate(self.membership.children(node))}
        return [links[indices[child.name]].channel.mean_rate_bps for child in children]

    def _devices(self, node: Node) -> list[Node]:
        if not node.level:
            return [node]
        return [device for child in self.membership.children(node) for device in self._devices(child)]


class Selection(Protocol):
    """An entry of `selection`: how the parents at the top of one layer select their children."""

    @property
    def unbiased(self) -> bool:
        """Whether weights are shares over inclusion probabilities, which must not be normalised to 1."""
        ...

    @property
    def may_be_empty(self) -> bool:
        """Whether a selection can contain no child."""
        ...

    @property
    def max_children(self) -> int:
        """The largest number of children given explicitly; 0 for a fraction."""
        ...

    def make_selector(self, context: SelectionContext) -> Selector | None:
        """The selector in a run; None selects all children."""
        ...

    def describe(self) -> str:
        """A few words for `netsim check`."""
        ...
