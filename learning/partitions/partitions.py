"""Partitions: which samples each device owns. Every sample is used exactly once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from learning.partitions.by_layer import ByGroup, ByLayer, Paths
from learning.partitions.sample_splits import (
    Indices,
    check_alpha,
    check_min_size,
    check_sample_count,
    dirichlet_split,
    equal_split,
)
from learning.rng.normal_draws import PARTITION, keyed_generator


class Partition(Protocol):
    """A part: divides the samples between the devices.

    `labels` [n]; `groups[i]` is the ordinal of device i's edge server. Returns one index array per device, disjoint and
    complete, a function of the arguments alone. Raises ValueError when there are too few samples. A part may have an
    attribute `least`, the fewest samples of a device, which `netsim check` uses.
    """

    def split(self, labels: NDArray[Any], groups: Sequence[int], seed: int) -> list[Indices]:
        """Return index arrays in device order."""


@runtime_checkable
class TreePartition(Partition, Protocol):
    """A partition that depends on more of the tree than the edge servers."""

    def split_tree(self, labels: NDArray[Any], paths: Paths, seed: int) -> list[Indices]:
        """As `split`; paths[i] are the ordinals of device i's ancestors, from its edge server up, without the cloud."""


@dataclass(frozen=True)
class Iid:
    """A random split into equal sizes (they differ by at most one)."""

    @property
    def least(self) -> int:
        """Fewest samples of a device: 1."""
        return 1

    def split(self, labels: NDArray[Any], groups: Sequence[int], seed: int) -> list[Indices]:
        """Divide one keyed permutation into equal parts."""
        check_sample_count(len(labels), len(groups), self.least)
        return equal_split(keyed_generator(seed, PARTITION).permutation(len(labels)), len(groups))


@dataclass(frozen=True)
class Dirichlet:
    """Each class is divided by a symmetric Dirichlet(alpha) draw (Yurochkin et al., arXiv:1905.12022).

    Small alpha: few classes per device and very unequal sizes. The shares are redrawn until every device has `min_size`
    samples; ValueError after 2,000 draws.
    """

    citations: ClassVar[Mapping[str, str]] = {"yurochkin2019bayesian": ""}

    alpha: float
    min_size: int = 1

    def __post_init__(self) -> None:
        check_alpha("alpha", self.alpha)
        check_min_size(self.min_size)

    @property
    def least(self) -> int:
        """Fewest samples of a device: `min_size`."""
        return self.min_size

    def split(self, labels: NDArray[Any], groups: Sequence[int], seed: int) -> list[Indices]:
        """Return index arrays in device order."""
        check_sample_count(len(labels), len(groups), self.least)
        devices, generator = len(groups), keyed_generator(seed, PARTITION)
        every = np.arange(len(labels))
        floors = np.full(devices, self.min_size)
        return dirichlet_split(labels, every, np.full(devices, self.alpha), floors, generator, "alpha")


@dataclass(frozen=True)
class Shards:
    """Samples sorted by label are cut into equal shards, assigned at random (McMahan et al., arXiv:1602.05629, sec. 3).

    With `shards_per_device: 2` most devices have two classes.
    """

    citations: ClassVar[Mapping[str, str]] = {"mcmahan2016fedavg": ""}

    shards_per_device: int = 2

    def __post_init__(self) -> None:
        if self.shards_per_device < 1:
            raise ValueError(
                f"shards_per_device must be >= 1, got {self.shards_per_device}; 2 is McMahan's choice"
            )

    @property
    def least(self) -> int:
        """Fewest samples of a device: `shards_per_device`."""
        return self.shards_per_device

    def split(self, labels: NDArray[Any], groups: Sequence[int], seed: int) -> list[Indices]:
        """Return index arrays in device order; shard sizes differ by at most one."""
        check_sample_count(len(labels), len(groups), self.least)
        generator = keyed_generator(seed, PARTITION)
        shuffled = generator.permutation(len(labels))
        by_label = shuffled[np.argsort(labels[shuffled], kind="stable")]
        shards = equal_split(by_label, len(groups) * self.shards_per_device)
        dealt = generator.permutation(len(shards)).reshape(len(groups), -1)
        return [np.concatenate([shards[shard] for shard in hand]) for hand in dealt]


PARTITIONS: dict[str, type[Partition]] = {
    "iid": Iid,
    "dirichlet": Dirichlet,
    "shards": Shards,
    "by_group": ByGroup,
    "by_layer": ByLayer,
}
