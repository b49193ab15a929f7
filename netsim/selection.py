"""Who takes part: the children a parent asks in one of its aggregations, and what their answers count."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from learning.engine import Visit
from netsim.topology import Node


class Choice(Protocol):
    """A selection at work in a run."""

    def choose(
        self,
        node: Node,
        children: Sequence[Node],
        shares: Sequence[float],
        busy: Collection[str],
        visit: Visit,
    ) -> Sequence[tuple[Node, float | None]]:
        """Those whom `node` asks in this visit, in order, none of the `busy`, with their weights.

        `shares`: of the children, summing to 1. A weight is final; None stands for the child's share among those who
        answer.
        """
        ...
