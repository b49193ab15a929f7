"""Who takes part: the children a parent asks in one of its aggregations, and what their answers count."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeGuard

from learning.engine import IterationIndex, Look
from netsim.devices.clock import Clock
from netsim.protocol.membership import Membership
from netsim.topology import Node

Asked: TypeAlias = Sequence[tuple[Node, float | None]]
"""Children in order, each with its final weight; None stands for its share among those who answer."""


class Selector(Protocol):
    """A selection at work in a run."""

    def choose(
        self,
        node: Node,
        children: Sequence[Node],
        shares: Sequence[float],
        busy: Collection[str],
        iteration: IterationIndex,
    ) -> Asked:
        """Those whom `node` asks in this visit, in order, none of the `busy`, with their weights.

        `children` can be asked or are `busy` with what they were asked before; `shares`, summing to 1, are theirs.
        """
        ...


class PollingSelector(Selector, Protocol):
    """A choice that asks for losses first: candidates hear the model and answer one number each."""

    def candidates(
        self, node: Node, children: Sequence[Node], busy: Collection[str], iteration: IterationIndex
    ) -> Sequence[Node]:
        """Those who are told the model and asked for their loss, in order, none of the `busy`; () spares the poll."""
        ...

    def look(self, device: Node, iteration: IterationIndex) -> tuple[Look, int]:
        """Over which samples a candidate's loss is taken, and how many these are."""
        ...

    def preferred(
        self, node: Node, children: Sequence[Node], busy: Collection[str], losses: Mapping[str, float]
    ) -> Asked:
        """Those who shall work, by the losses that arrived (by name)."""
        ...


def needs_polling(choice: Selector) -> TypeGuard[PollingSelector]:
    """Whether the choice wants losses."""
    return hasattr(choice, "candidates")


@dataclass(frozen=True, eq=False)
class SelectionContext:
    """What a selection may go by in a run; all of it known before the run, but for who is below whom.

    `samples` and `clock` are the devices'.
    """

    seed: int
    membership: Membership
    samples: Sequence[int]
    clock: Clock

    def data(self, child: Node) -> int:
        """Training samples at the child, or at all devices below it."""
        return sum(self.samples[device.ordinal] for device in self._devices(child))

    def step_s(self, child: Node) -> float:
        """Mean seconds of a local step there; of the slowest device below a server."""
        return max((self.clock.mean_step_s(d.ordinal) for d in self._devices(child)), default=0.0)

    def rates_bps(self, node: Node, children: Sequence[Node]) -> list[float]:
        """Mean rates of the uplinks of some of the node's children, each alone on its medium."""
        links = self.membership.ports[node.name].up
        return [links[place].channel.mean_rate_bps for place in self.membership.places(node, children)]

    def _devices(self, node: Node) -> list[Node]:
        if not node.level:
            return [node]
        return [device for child in self.membership.children(node) for device in self._devices(child)]


class Selection(Protocol):
    """What `selection[n]` names: how a parent at the top of layer n + 1 chooses whom it asks."""

    @property
    def unbiased(self) -> bool:
        """Whether weights are shares over inclusion probabilities, which nothing may bring back to 1."""
        ...

    @property
    def empty(self) -> bool:
        """Whether nobody may be chosen."""
        ...

    @property
    def most(self) -> int:
        """The most children that it asks for by number; 0 where it names a fraction."""
        ...

    def choice(self, context: SelectionContext) -> Selector | None:
        """The selection in a run; None: everybody."""
        ...

    def describe(self) -> str:
        """A few words for `netsim check`."""
        ...
