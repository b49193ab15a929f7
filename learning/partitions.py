"""Partitions: which samples each device owns. Every sample is used exactly once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from learning.draws import PARTITION, keyed_generator

Indices = NDArray[np.int64]
TRIES = 2_000


class Partition(Protocol):
    """A part: splits the samples over the devices.

    `labels` [n]; `groups[i]` is the ordinal of device i's edge server. Returns one index array per device, disjoint and
    complete, a function of the arguments alone. Raises ValueError when there are fewer samples than needed.
    A part may have an attribute `least`, the samples that every device needs, so that `netsim check` can tell.
    """

    def split(self, labels: NDArray[Any], groups: Sequence[int], seed: int) -> list[Indices]:
        """Index arrays in device order."""


@dataclass(frozen=True)
class Iid:
    """A random split into equal sizes (they differ by at most one)."""

    @property
    def least(self) -> int:
        """One sample per device."""
        return 1

    def split(self, labels: NDArray[Any], groups: Sequence[int], seed: int) -> list[Indices]:
        """Cut one keyed permutation into equal parts."""
        check_enough(len(labels), len(groups), self.least)
        return _equal(keyed_generator(seed, PARTITION).permutation(len(labels)), len(groups))


@dataclass(frozen=True)
class Dirichlet:
    """Each class is shared out by a symmetric Dirichlet(alpha) draw (Yurochkin et al., arXiv:1905.12022).

    Small alpha: few classes per device and very unequal sizes. The shares are redrawn until every device has
    `min_size` samples; ValueError after 2,000 tries.
    """

    alpha: float
    min_size: int = 1

    def __post_init__(self) -> None:
        _check_alpha("alpha", self.alpha)
        _check_min_size(self.min_size)

    @property
    def least(self) -> int:
        """`min_size` samples per device."""
        return self.min_size

    def split(self, labels: NDArray[Any], groups: Sequence[int], seed: int) -> list[Indices]:
        """Index arrays in device order."""
        check_enough(len(labels), len(groups), self.least)
        devices, generator = len(groups), keyed_generator(seed, PARTITION)
        every = np.arange(len(labels))
        floors = np.full(devices, self.min_size)
        return _skewed(labels, every, np.full(devices, self.alpha), floors, generator, "alpha")


@dataclass(frozen=True)
class Shards:
    """Samples sorted by label are cut into equal shards, dealt at random (McMahan et al., arXiv:1602.05629, sec. 3).

    With `shards_per_device: 2` most devices see two classes.
    """

    shards_per_device: int = 2

    def __post_init__(self) -> None:
        if self.shards_per_device < 1:
            raise ValueError(
                f"shards_per_device must be >= 1, got {self.shards_per_device}; 2 is McMahan's choice"
            )

    @property
    def least(self) -> int:
        """`shards_per_device` samples per device."""
        return self.shards_per_device

    def split(self, labels: NDArray[Any], groups: Sequence[int], seed: int) -> list[Indices]:
        """Index arrays in device order; shard sizes differ by at most one."""
        check_enough(len(labels), len(groups), self.least)
        generator = keyed_generator(seed, PARTITION)
        shuffled = generator.permutation(len(labels))
        by_label = shuffled[np.argsort(labels[shuffled], kind="stable")]
        shards = _equal(by_label, len(groups) * self.shards_per_device)
        dealt = generator.permutation(len(shards)).reshape(len(groups), -1)
        return [np.concatenate([shards[shard] for shard in hand]) for hand in dealt]


@dataclass(frozen=True)
class ByGroup:
    """Skew between edge servers and, separately, between the devices of one edge server.

    `edge_alpha` shares each class over the edge servers by a Dirichlet of mean proportional to their device counts,
    `device_alpha` shares an edge server's samples of each class over its devices; absent means IID at that level.
    MTGC's three regimes (NeurIPS 2024): both given, only `device_alpha`, only `edge_alpha`.
    """

    edge_alpha: float | None = None
    device_alpha: float | None = None
    min_size: int = 1

    def __post_init__(self) -> None:
        for name, alpha in (("edge_alpha", self.edge_alpha), ("device_alpha", self.device_alpha)):
            if alpha is not None:
                _check_alpha(name, alpha)
        _check_min_size(self.min_size)

    @property
    def least(self) -> int:
        """`min_size` samples per device."""
        return self.min_size

    def split(self, labels: NDArray[Any], groups: Sequence[int], seed: int) -> list[Indices]:
        """Index arrays in device order."""
        check_enough(len(labels), len(groups), self.least)
        generator = keyed_generator(seed, PARTITION)
        members = [np.flatnonzero(np.asarray(groups) == edge) for edge in np.unique(groups)]
        parts: list[Indices] = [np.empty(0, dtype=np.int64)] * len(groups)
        for devices, share in zip(members, self._over_edges(labels, members, generator), strict=True):
            for device, part in zip(
                devices, self._over_devices(labels, share, len(devices), generator), strict=True
            ):
                parts[device] = part
        return parts

    def _over_edges(
        self, labels: NDArray[Any], members: Sequence[Indices], generator: np.random.Generator
    ) -> list[Indices]:
        counts = np.array([len(devices) for devices in members])
        if self.edge_alpha is None:
            slots = _equal(generator.permutation(len(labels)), int(counts.sum()))
            return [np.concatenate([slots[device] for device in devices]) for devices in members]
        weights = self.edge_alpha * counts / counts.mean()
        every = np.arange(len(labels))
        return _skewed(labels, every, weights, counts * self.min_size, generator, "edge_alpha")

    def _over_devices(
        self, labels: NDArray[Any], share: Indices, devices: int, generator: np.random.Generator
    ) -> list[Indices]:
        if self.device_alpha is None:
            return _equal(generator.permutation(share), devices)
        weights, floors = np.full(devices, self.device_alpha), np.full(devices, self.min_size)
        return _skewed(labels, share, weights, floors, generator, "device_alpha")


def _skewed(
    labels: NDArray[Any],
    samples: Indices,
    weights: NDArray[np.float64],
    floors: NDArray[np.int64],
    generator: np.random.Generator,
    field: str,
) -> list[Indices]:
    """Share the `samples` of each class by Dirichlet(weights), redrawn until owner m has floors[m] samples."""
    classes, counts = np.unique(labels[samples], return_counts=True)
    for _ in range(TRIES):
        shares = np.cumsum(generator.dirichlet(weights, size=len(classes)), axis=1)
        ends = np.floor(shares * counts[:, None] + 0.5).astype(np.int64)
        ends[:, -1] = counts
        sizes = np.diff(ends, axis=1, prepend=0).sum(axis=0)
        if (sizes >= floors).all():
            return _cut(labels, samples, classes, ends, generator)
    raise ValueError(
        f"no draw of {TRIES} gave each of {len(weights)} owners its minimum of {floors.max()} samples "
        f"({len(samples)} samples in {len(classes)} classes); raise {field}, lower min_size or use fewer devices"
    )


def _cut(
    labels: NDArray[Any],
    samples: Indices,
    classes: NDArray[Any],
    ends: NDArray[np.int64],
    generator: np.random.Generator,
) -> list[Indices]:
    """Cut the shuffled members of each class at `ends` [classes, owners]; one array per owner."""
    pieces: list[list[Indices]] = [[] for _ in range(ends.shape[1])]
    for label, stops in zip(classes, ends, strict=True):
        members = generator.permutation(samples[labels[samples] == label])
        for owner, piece in enumerate(np.split(members, stops[:-1])):
            pieces[owner].append(piece)
    return [np.concatenate(owned) for owned in pieces]


def _equal(samples: Indices, parts: int) -> list[Indices]:
    return np.array_split(samples, parts)


def _check_alpha(name: str, alpha: float) -> None:
    if not 0 < alpha < float("inf"):
        raise ValueError(f"{name} must be a finite number > 0, got {alpha}; for equal shares use iid")


def _check_min_size(min_size: int) -> None:
    if min_size < 1:
        raise ValueError(f"min_size must be >= 1, got {min_size}; a device without samples cannot train")


def check_enough(samples: int, devices: int, each: int) -> None:
    """Raise ValueError where there are fewer samples than `each` per device."""
    if samples < devices * each:
        raise ValueError(
            f"{devices} devices with at least {each} samples each need {devices * each} samples, the dataset has "
            f"{samples}; use fewer devices or a larger dataset"
        )


PARTITIONS: dict[str, type[Partition]] = {
    "iid": Iid,
    "dirichlet": Dirichlet,
    "shards": Shards,
    "by_group": ByGroup,
}
