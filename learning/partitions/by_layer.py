"""Partitions that follow the tree: how unequal the children of a node are, layer by layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learning.partitions.sharing import Indices, check_alpha, check_enough, check_min_size, equal, skewed
from learning.rng.data_draws import PARTITION, keyed_generator

Paths = Sequence[tuple[int, ...]]
"""For every device the ordinals of its ancestors, from its edge server up, without the cloud."""


@dataclass(frozen=True)
class ByGroup:
    """Skew between edge servers and, separately, between the devices of one edge server.

    `edge_alpha` shares each class over the edge servers by a Dirichlet of mean proportional to their device counts,
    `device_alpha` shares an edge server's samples of each class over its devices; absent means IID at that level.
    MTGC's three regimes (arXiv:2409.18448): both given, only `device_alpha`, only `edge_alpha`. `by_layer` is the
    same for any number of layers.
    """

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
        """`min_size` samples per device."""
        return self.min_size

    def split(self, labels: NDArray[Any], groups: Sequence[int], seed: int) -> list[Indices]:
        """Index arrays in device order."""
        alphas = {"device_alpha": self.device_alpha, "edge_alpha": self.edge_alpha}
        return _split(labels, [(int(edge),) for edge in groups], alphas, self.min_size, seed)


@dataclass(frozen=True)
class ByLayer:
    """Skew between the children of every node: `alpha[n-1]` for those of a layer-n node, null for IID shares.

    From the devices up, one entry per layer: [0.3, null, 0.1] makes the devices of one edge server differ and the
    regions differ more, while the edge servers of one region are alike. A node's samples of each class are shared
    over its children by a Dirichlet of mean proportional to the devices below them; shares are redrawn until there
    are `min_size` samples for every device.
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
        """`min_size` samples per device."""
        return self.min_size

    def split(self, labels: NDArray[Any], groups: Sequence[int], seed: int) -> list[Indices]:
        """Index arrays in device order, where edge servers hang below the cloud."""
        return self.split_tree(labels, [(int(edge),) for edge in groups], seed)

    def split_tree(self, labels: NDArray[Any], paths: Paths, seed: int) -> list[Indices]:
        """Index arrays in device order; raises ValueError unless alpha has one entry per layer."""
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
    """Share from the cloud down, depth first; `alphas` run from the devices up, by the names errors call them."""
    check_enough(len(labels), len(paths), min_size)
    generator, named = keyed_generator(seed, PARTITION), list(alphas.items())
    parts: list[Indices] = [np.empty(0, dtype=np.int64)] * len(paths)

    def below(devices: list[int], share: Indices | None, layer: int) -> None:
        members = _children(devices, paths, layer)
        counts = np.array([len(child) for child in members])
        for child, part in zip(
            members, _shares(labels, share, counts, *named[layer - 1], min_size, generator), strict=True
        ):
            if layer == 1:
                parts[child[0]] = part
            else:
                below(child, part, layer - 1)

    below(list(range(len(paths))), None, len(named))
    return parts


def _children(devices: list[int], paths: Paths, layer: int) -> list[list[int]]:
    """The devices below each child of a node of this layer, in the children's order."""
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
    """A node's samples (None: all there are) over children with `counts` devices each."""
    samples = np.arange(len(labels)) if share is None else share
    if alpha is None:
        slots = equal(generator.permutation(samples), int(counts.sum()))
        ends = np.cumsum(counts)
        return [np.concatenate(slots[end - count : end]) for count, end in zip(counts, ends, strict=True)]
    weights = alpha * counts / counts.mean()
    return skewed(labels, samples, weights, counts * min_size, generator, field)
