"""Topology sources by name: fan-outs, files, and Topology Zoo graphs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from netsim.topology.files import File
from netsim.topology.topology_zoo import Zoo
from netsim.topology.tree import MAX_DEPTH, MAX_NODES, Node, NodeSpec, Topology, TopologyError, grow

__all__ = ["TOPOLOGIES", "Fanout", "File", "Node", "Topology", "TopologyError", "TopologyPart", "Zoo"]


class TopologyPart(Protocol):
    """A source of a topology: the section `topology` of a scenario."""

    def grow(self, search: Sequence[Path]) -> Topology:
        """Build the tree. `search`: folders in which relative file names are looked up. Raises TopologyError."""
        ...


@dataclass(frozen=True)
class Fanout:
    """A balanced tree from the cloud down: `[2, 4, 5]` is 2 regions of 4 edges of 5 devices (N = 3)."""

    fanout: list[int]

    def __post_init__(self) -> None:
        if not self.fanout:
            raise TopologyError("fanout must name at least one layer, got []; write e.g. [4, 5]")
        if len(self.fanout) > MAX_DEPTH:
            raise TopologyError(
                f"fanout has {len(self.fanout)} layers; at most {MAX_DEPTH} are supported: remove some"
            )
        nodes, row = 1, 1
        for index, count in enumerate(self.fanout):
            if isinstance(count, bool) or not isinstance(count, int) or count < 1:
                raise TopologyError(
                    f"fanout must be whole numbers >= 1, got {count!r} (entry {index} of {self.fanout}); "
                    "to skip a layer remove it"
                )
            row *= count
            nodes += row
        if nodes > MAX_NODES:
            raise TopologyError(
                f"fanout {self.fanout} makes {nodes:,} nodes; at most {MAX_NODES:,} are supported"
            )

    def grow(self, search: Sequence[Path] = ()) -> Topology:
        """Build the balanced tree with nodes `cloud`, ..., `edge3`, `device17`; `search` is not used."""
        rows = [[NodeSpec()]]
        for count in self.fanout:
            for spec in rows[-1]:
                spec.children = [NodeSpec() for _ in range(count)]
            rows.append([child for spec in rows[-1] for child in spec.children])
        return grow(rows[0][0], "fanout")


TOPOLOGIES: dict[str, type[TopologyPart]] = {"fanout": Fanout, "file": File, "zoo": Zoo}
