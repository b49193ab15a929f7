"""Partitions along the tree: the heterogeneity between the children of a node, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from learning.partitions.sample_splits import (
    Indices,
    check_alpha,
    check_min_size,
    check_sample_count,
    dirichlet_split,
    equal_split,
)
from learning.rng.normal_draws import PARTITION, keyed_generator

Paths = Sequence[tuple[int, ...]]
"""For every device the ordinals of its ancestors, from its edge server up, without the cloud."""


@dataclass(frozen=True)
class ByGroup:
    """Skew between edge servers and, separately, between the devices of one edge server.

    `edge_alpha` divides each class between the edge servers by a Dirichlet of mean proportional to their numbers of
    devices, `device_alpha` divides an edge server's samples of each class between its devices; absent means IID at that
    level. MTGC's three regimes (arXiv:2409.18448): both given, only `device_alpha`, only `edge_alpha`. `by_layer` is
    the same for any number of layers.
    """

    citations: ClassVar[Mapping[str, str]] = {"fang2024mtgc": ""}

    edge_alpha: float | None = None
    device_alpha: float | None = None
    min_size: int = 1

    def __post_init__(self) -> None:
        for name, alpha in (("edge_alpha", self.edge_alpha), ("device_alpha", self.device_alpha)):
            if alpha is not None:
                check_alpha(name, alpha)
        check_min_size(self.min_size)

    @property
    def least(self) -> int:
        """Fewest samples of a device: `min_size`."""
        return self.min_size

    def split(self, labels: NDArray[Any], groups: Sequence[int], seed: int) -> list[Indices]:
        """Return index arrays in device order."""
        alphas = {"device_alpha": self.device_alpha, "edge_alpha": self.edge_alpha}
        return _split(labels, [(int(edge),) for edge in groups], alphas, self.min_size, seed)


@dataclass(frozen=True)
class ByLayer:
    """Skew between the children of every node: `alpha[n-1]` for those of a layer-n node, null for IID shares.

    From the devices up, one entry per layer: [0.3, null, 0.1] makes the devices of one edge server different, the edge
    servers of one region alike, and the regions more different. A node's samples of each class are divided between its
    children by a Dirichlet of mean proportional to the devices below them; shares are redrawn until there are
    `min_size` samples for every device.
    """

    alpha: tuple[float | None, ...]
    min_size: int = 1

    def __post_init__(self) -> None:
        for layer, alpha in enumerate(self.alpha, start=1):
            if alpha is not None:
                check_alpha(f"alpha of layer {layer}", alpha)
        check_min_size(self.min_size)

    @property
    def least(self) -> int:
        """Fewest samples of a device: `min_size`."""
        return self.min_size

    def split(self, labels: NDArray[Any], groups: Sequence[int], seed: int) -> list[Indices]:
        """Return index arrays in device order, for edge servers below the cloud."""
        return self.split_tree(labels, [(int(edge),) for edge in groups], seed)

    def split_tree(self, labels: NDArray[Any], paths: Paths, seed: int) -> list[Indices]:
        """Return index arrays in device order. Raises ValueError unless alpha has one entry per layer."""
        depth = len(paths[0]) + 1
        if len(self.alpha) != depth:
            raise ValueError(
                f"alpha needs one entry per layer, from the devices up, got {len(self.alpha)} for {depth} layers; "
                "null is IID"
            )
        alphas = {f"alpha of layer {layer}": alpha for layer, alpha in enumerate(self.alpha, start=1)}
        return _split(labels, paths, alphas, self.min_size, seed)


def _split(
    labels: NDArray[Any], paths: Paths, alphas: dict[str, float | None], min_size: int, seed: int
) -> list[Indices]:
    """Divide samples from the cloud down, depth first; `alphas` run from the devices up, keyed by names for errors."""
    check_sample_count(len(labels), len(paths), min_size)
    generator, levels = keyed_generator(seed, PARTITION), list(alphas.items())
    parts: list[Indices] = [np.empty(0, dtype=np.int64)] * len(paths)

    def split_below(devices: list[int], share: Indices | None, layer: int) -> None:
        members = _children(devices, paths, layer)
        counts = np.array([len(child) for child in members])
        for child, part in zip(
            members, _shares(labels, share, counts, *levels[layer - 1], min_size, generator), strict=True
        ):
            if layer == 1:
                parts[child[0]] = part
            else:
                split_below(child, part, layer - 1)

    split_below(list(range(len(paths))), None, len(levels))
    return parts


def _children(devices: list[int], paths: Paths, layer: int) -> list[list[int]]:
    """Return the devices below each child of a node of this layer, in the children's order."""
    if layer == 1:
        return [[device] for device in devices]
    found: dict[int, list[int]] = {}
    for device in devices:
        found.setdefault(paths[device][layer - 2], []).append(device)
    return [found[ordinal] for ordinal in sorted(found)]


def _shares(
    labels: NDArray[Any],
    share: Indices | None,
    counts: NDArray[np.int64],
    field: str,
    alpha: float | None,
    min_size: int,
    generator: np.random.Generator,
) -> list[Indices]:
    """Return a node's samples (None: all) divided between children with `counts` devices each."""
    samples = np.arange(len(labels)) if share is None else share
    if alpha is None:
        slots = equal_split(generator.permutation(samples), int(counts.sum()))
        ends = np.cumsum(counts)
        return [np.concatenate(slots[end - count : end]) for count, end in zip(counts, ends, strict=True)]
    weights = alpha * counts / counts.mean()
    return dirichlet_split(labels, samples, weights, counts * min_size, generator, field)
