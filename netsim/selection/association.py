"""Association of devices with edge servers: by the topology, by distance, or balancing the labels of the servers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from learning.tasks.task import Task
from netsim.topology import Node, Topology

ChildrenByParent: TypeAlias = Mapping[str, tuple[Node, ...]]
"""Children by their parent's name, in order of their ordinals."""
LabelCounts: TypeAlias = NDArray[np.float64]
"""Samples of every device by label, [devices, labels]."""

MAX_PASSES = 20
"""Maximum number of passes of the descent over all devices."""


class Association(Protocol):
    """A rule that assigns an edge server to each device: the section `association`."""

    @property
    def needs_labels(self) -> bool:
        """Whether the rule needs the number of samples by label of each device."""
        ...

    def edge_ordinals(self, topology: Topology, counts: LabelCounts | None) -> Sequence[int]:
        """The ordinal of the edge server of every device. Raises ValueError if needed data are missing."""
        ...

    def describe(self) -> str:
        """A few words for `netsim check`."""
        ...


@dataclass(frozen=True)
class GivenAssociation:
    """The edge servers given by the topology."""

    needs_labels: ClassVar[bool] = False

    def edge_ordinals(self, topology: Topology, counts: LabelCounts | None) -> Sequence[int]:
        """See `Association`."""
        return topology.groups

    def describe(self) -> str:
        """See `Association`."""
        return "as the topology says"


@dataclass(frozen=True)
class NearestAssociation:
    """The edge server nearest to the device's coordinates; the first of equally near ones."""

    needs_labels: ClassVar[bool] = False

    def edge_ordinals(self, topology: Topology, counts: LabelCounts | None) -> Sequence[int]:
        """See `Association`. Raises ValueError for nodes without coordinates."""
        devices, edges = (_coordinates(level) for level in topology.levels[:2])
        return [int(k) for k in np.hypot(*(devices[:, None] - edges[None]).transpose(2, 0, 1)).argmin(axis=1)]

    def describe(self) -> str:
        """See `Association`."""
        return "every device with its nearest edge server"


@dataclass(frozen=True)
class ClassBalance:
    """Devices of different edge servers are exchanged until no exchange makes the label distributions more alike.

    The objective is the mean divergence of the edges' label distributions from that of all samples (`divergence`).
    Every edge keeps its number of devices. Assigning devices so that the edges have similar labels is the idea of
    Mhaisen et al., arXiv:2012.05622, and Abdellatif et al., arXiv:2107.06548; the descent by exchanges is our own.
    O(devices^2 x labels) for each of a few passes.
    """

    citations: ClassVar[Mapping[str, str]] = {"mhaisen2020assignment": "", "abdellatif2021imbalanced": ""}

    needs_labels: ClassVar[bool] = True

    def edge_ordinals(self, topology: Topology, counts: LabelCounts | None) -> Sequence[int]:
        """See `Association`."""
        if counts is None:
            raise ValueError("class_balance needs labels, and this task has none; use nearest or given")
        return [int(ordinal) for ordinal in balance_labels(counts, np.array(topology.groups))]

    def describe(self) -> str:
        """See `Association`."""
        return "devices exchanged until every edge server's labels are like all labels"


def divergence(counts: LabelCounts, edge_ordinals: NDArray[np.int64]) -> float:
    """sum_e (n_e / n) KL(labels of e || all labels), nats: mutual information of edge and label; 0 if all are alike."""
    sums = _label_sums(counts, edge_ordinals)
    total = _negative_entropy(sums).sum() - _negative_entropy(sums.sum(axis=0))
    return float(total) / float(counts.sum())


def balance_labels(counts: LabelCounts, edge_ordinals: NDArray[np.int64]) -> NDArray[np.int64]:
    """Edge ordinals after a descent of `divergence` by the best exchange of each device in turn, [devices]."""
    edges = edge_ordinals.copy()
    sums = _label_sums(counts, edges)
    min_gain = 1e-12 * float(counts.sum())
    for _ in range(MAX_PASSES):
        moved = False
        for device in range(len(edges)):
            gain, other = _best_exchange(counts, edges, sums, device)
            if gain > min_gain:
                step = counts[other] - counts[device]
                sums[edges[device]] += step
                sums[edges[other]] -= step
                edges[device], edges[other], moved = edges[other], edges[device], True
        if not moved:
            break
    return edges


def _label_sums(counts: LabelCounts, edge_ordinals: NDArray[np.int64]) -> LabelCounts:
    """Samples of every edge server by label, [edges, labels]."""
    sums = np.zeros((int(edge_ordinals.max()) + 1, counts.shape[1]))
    np.add.at(sums, edge_ordinals, counts)
    return sums


def _best_exchange(
    counts: LabelCounts, edges: NDArray[np.int64], sums: LabelCounts, device: int
) -> tuple[float, int]:
    """The largest gain of an exchange of `device` with another device (samples x nats), and the other device."""
    step = counts - counts[device]
    before = _negative_entropy(sums[edges[device]]) + _negative_entropy(sums[edges])
    gains = before - _negative_entropy(sums[edges[device]] + step) - _negative_entropy(sums[edges] - step)
    other = int(gains.argmax())  # a gain > 0 implies another edge server, as _negative_entropy is convex
    return float(gains[other]), other


def _negative_entropy(sums: LabelCounts) -> LabelCounts:
    """sum_c n_c log n_c - n log n over the last axis: minus n times the entropy."""
    total = sums.sum(axis=-1)
    # counts are whole numbers, so that a maximum with 1 changes only log 0
    log_sums, log_total = np.log(np.maximum(sums, 1.0)), np.log(np.maximum(total, 1.0))
    return np.asarray((sums * log_sums).sum(axis=-1) - total * log_total)


def count_labels(task: Task) -> LabelCounts | None:
    """Samples of each device by label; None for a task without labels."""
    arrays = getattr(task, "arrays", None)
    if arrays is None:
        return None
    rows = [
        np.bincount(arrays.train_y[task.indices(k)], minlength=arrays.classes) for k in range(task.devices)
    ]
    return np.array(rows, dtype=np.float64)


def children_by_parent(topology: Topology, edge_ordinals: Sequence[int]) -> ChildrenByParent:
    """The children of every node, with each device at its assigned edge server.

    Raises ValueError for an edge server without devices.
    """
    children = {node.name: node.children for level in topology.levels[1:] for node in level}
    for edge in topology.levels[1]:
        devices = tuple(
            device
            for device, ordinal in zip(topology.devices, edge_ordinals, strict=True)
            if ordinal == edge.ordinal
        )
        if not devices:
            raise ValueError(f"no device would belong to {edge.name!r}; remove it, or associate otherwise")
        children[edge.name] = devices
    return children


def _coordinates(nodes: Sequence[Node]) -> NDArray[np.float64]:
    without = next((node for node in nodes if node.x_m is None or node.y_m is None), None)
    if without is not None:
        raise ValueError(
            f"nearest needs coordinates, and {without.name!r} has none; give devices and edge servers x_m and y_m in "
            "a topology file"
        )
    return np.array([(node.x_m, node.y_m) for node in nodes], dtype=np.float64)


ASSOCIATIONS: dict[str, type[Association]] = {
    "given": GivenAssociation,
    "nearest": NearestAssociation,
    "class_balance": ClassBalance,
}
