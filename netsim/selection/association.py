"""Which edge server a device belongs to: the topology's own, the nearest, or one that balances the labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from learning.tasks.task import Task
from netsim.topology import Node, Topology

Below: TypeAlias = Mapping[str, tuple[Node, ...]]
"""Children by their parent's name, in order of their ordinals."""
Counts: TypeAlias = NDArray[np.float64]
"""Samples of every device by label, [devices, labels]."""

PASSES = 20


class Association(Protocol):
    """What `association` names."""

    @property
    def by_labels(self) -> bool:
        """Whether it needs to know who holds which labels."""
        ...

    def homes(self, topology: Topology, counts: Counts | None) -> Sequence[int]:
        """For every device, by ordinal, that of its edge server. Raises ValueError where something is not known."""
        ...

    def describe(self) -> str:
        """A few words for `netsim check`."""
        ...


@dataclass(frozen=True)
class Given:
    """As the topology says."""

    by_labels: ClassVar[bool] = False

    def homes(self, topology: Topology, counts: Counts | None) -> Sequence[int]:
        """See `Association`."""
        return topology.groups

    def describe(self) -> str:
        """See `Association`."""
        return "as the topology says"


@dataclass(frozen=True)
class Nearest:
    """Every device belongs to the edge server nearest to its coordinates; the first of equally near ones."""

    by_labels: ClassVar[bool] = False

    def homes(self, topology: Topology, counts: Counts | None) -> Sequence[int]:
        """See `Association`. Raises ValueError for nodes without coordinates."""
        devices, edges = (_places(level) for level in topology.levels[:2])
        return [int(k) for k in np.hypot(*(devices[:, None] - edges[None]).transpose(2, 0, 1)).argmin(axis=1)]

    def describe(self) -> str:
        """See `Association`."""
        return "every device with its nearest edge server"


@dataclass(frozen=True)
class ClassBalance:
    """Devices of different edge servers change places until no exchange brings the edges' labels nearer to all.

    What falls is the mean divergence of the edges' label distributions from that of all samples (`divergence`); every
    edge keeps its number of devices. Assigning devices so that edges see alike is the idea of Mhaisen et al.,
    arXiv:2012.05622, and Abdellatif et al., arXiv:2107.06548; the descent by exchanges is our own.
    O(devices^2 x labels) for each of a few passes.
    """

    by_labels: ClassVar[bool] = True

    def homes(self, topology: Topology, counts: Counts | None) -> Sequence[int]:
        """See `Association`."""
        if counts is None:
            raise ValueError("class_balance needs labels, and this task has none; use nearest or given")
        return [int(home) for home in balanced(counts, np.array(topology.groups))]

    def describe(self) -> str:
        """See `Association`."""
        return "devices change places until every edge server's labels are like all labels"


def divergence(counts: Counts, homes: NDArray[np.int64]) -> float:
    """sum_e (n_e / n) KL(labels of e || all labels), nats: what the edge tells of the label. 0: all edges alike."""
    sums = np.zeros((int(homes.max()) + 1, counts.shape[1]))
    np.add.at(sums, homes, counts)
    return float(_uneven(sums).sum() - _uneven(sums.sum(axis=0))) / float(counts.sum())


def balanced(counts: Counts, homes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Homes after a descent of `divergence` by the best exchange of each device in turn, [devices]."""
    homes = homes.copy()
    sums = np.zeros((int(homes.max()) + 1, counts.shape[1]))
    np.add.at(sums, homes, counts)
    least = 1e-12 * float(counts.sum())
    for _ in range(PASSES):
        moved = False
        for one in range(len(homes)):
            gain, other = _best(counts, homes, sums, one)
            if gain > least:
                step = counts[other] - counts[one]
                sums[homes[one]] += step
                sums[homes[other]] -= step
                homes[one], homes[other], moved = homes[other], homes[one], True
        if not moved:
            break
    return homes


def _best(counts: Counts, homes: NDArray[np.int64], sums: Counts, one: int) -> tuple[float, int]:
    """The device whose exchange with `one` gains most, and how much (samples x nats)."""
    step = counts - counts[one]
    before = _uneven(sums[homes[one]]) + _uneven(sums[homes])
    gains = before - _uneven(sums[homes[one]] + step) - _uneven(sums[homes] - step)
    other = int(gains.argmax())  # of another edge server where anything is gained, as _uneven is convex
    return float(gains[other]), other


def _uneven(sums: Counts) -> Counts:
    """sum_c n_c log n_c - n log n over the last axis: minus n times the entropy."""
    whole = sums.sum(axis=-1)
    safe, safe_whole = np.maximum(sums, 1.0), np.maximum(whole, 1.0)  # counts are whole numbers
    return np.asarray((sums * np.log(safe)).sum(axis=-1) - whole * np.log(safe_whole))


def labels_of(task: Task) -> Counts | None:
    """How many samples of every label each device has; None for a task without labels."""
    arrays = getattr(task, "arrays", None)
    if arrays is None:
        return None
    rows = [
        np.bincount(arrays.train_y[task.indices(k)], minlength=arrays.classes) for k in range(task.devices)
    ]
    return np.array(rows, dtype=np.float64)


def associated(topology: Topology, homes: Sequence[int]) -> Below:
    """The tree with every device below its new edge server. Raises ValueError for an edge server without devices."""
    below = {node.name: node.children for level in topology.levels[1:] for node in level}
    for edge in topology.levels[1]:
        mine = tuple(
            device for device, home in zip(topology.devices, homes, strict=True) if home == edge.ordinal
        )
        if not mine:
            raise ValueError(f"no device would belong to {edge.name!r}; remove it, or associate otherwise")
        below[edge.name] = mine
    return below


def _places(nodes: Sequence[Node]) -> NDArray[np.float64]:
    lacking = next((node for node in nodes if node.x_m is None or node.y_m is None), None)
    if lacking is not None:
        raise ValueError(
            f"nearest needs coordinates, and {lacking.name!r} has none; give devices and edge servers x_m and y_m in "
            "a topology file"
        )
    return np.array([(node.x_m, node.y_m) for node in nodes], dtype=np.float64)


ASSOCIATIONS: dict[str, type[Association]] = {
    "given": Given,
    "nearest": Nearest,
    "class_balance": ClassBalance,
}
