"""Partitions: which samples each device owns. Every sample is used exactly once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from learning.partitions.by_layer import ByGroup, ByLayer, Paths
from learning.partitions.sharing import Indices, check_alpha, check_enough, check_min_size, equal, skewed
from learning.rng.data_draws import PARTITION, keyed_generator


class Partition(Protocol):
    """A part: splits the samples over the devices.

    `labels` [n]; `groups[i]` is the ordinal of device i's edge server. Returns one index array per device, disjoint and
    complete, a function of the arguments alone. Raises ValueError when there are fewer samples than needed.
    A part may have an attribute `least`, the samples that every device needs, so that `netsim check` can tell.
    """

    def split(self, labels: NDArray[Any], groups: Sequence[int], seed: int) -> list[Indices]:
        """Index arrays in device order."""


@runtime_checkable
class TreePartition(Partition, Protocol):
    """A partition that looks at more of the tree than the edge servers."""

    def split_tree(self, labels: NDArray[Any], paths: Paths, seed: int) -> list[Indices]:
        """As `split`; paths[i] are the ordinals of device i's ancestors, from its edge server up, without the cloud."""


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
        return equal(keyed_generator(seed, PARTITION).permutation(len(labels)), len(groups))


@dataclass(frozen=True)
class Dirichlet:
    """Each class is shared out by a symmetric Dirichlet(alpha) draw (Yurochkin et al., arXiv:1905.12022).

    Small alpha: few classes per device and very unequal sizes. The shares are redrawn until every device has
    `min_size` samples; ValueError after 2,000 tries.
    """

    alpha: float
    min_size: int = 1

    def __post_init__(self) -> None:
        check_alpha("alpha", self.alpha)
        check_min_size(self.min_size)

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
        return skewed(labels, every, np.full(devices, self.alpha), floors, generator, "alpha")


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
        shards = equal(by_label, len(groups) * self.shards_per_device)
        dealt = generator.permutation(len(shards)).reshape(len(groups), -1)
        return [np.concatenate([shards[shard] for shard in hand]) for hand in dealt]


PARTITIONS: dict[str, type[Partition]] = {
    "iid": Iid,
    "dirichlet": Dirichlet,
    "shards": Shards,
    "by_group": ByGroup,
    "by_layer": ByLayer,
}
