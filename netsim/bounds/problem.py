"""The learning problem of the bounds: learning constants, tree constants and compressor variances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from netsim.topology import Topology

Floats: TypeAlias = NDArray[np.float64]
Number: TypeAlias = float | Floats


@dataclass(frozen=True)
class LearningConstants:
    """Constants of the learning problem F = sum_i P_i F_i.

    A1: `smoothness` L of F and, in the mean over devices, of the F_i. A2: `noise` is sigma^2, the variance of
    one SGD step's gradient at a device, independent over devices. A4: `layers[n-1]` is delta_n^2, which
    bounds the variance of the gradients of layer n-1 nodes around their parents'; they add up to zeta^2.
    `gap` is F(w_0) - F*. Raises ValueError where a number is out of range.
    """

    smoothness: float
    noise: float
    layers: tuple[float, ...]
    gap: float

    def __post_init__(self) -> None:
        for name, least in (("smoothness", self.smoothness), ("gap", self.gap)):
            if not 0 < least < np.inf:
                raise ValueError(f"{name} must be finite and > 0, got {least}; `--calibrate` estimates it")
        for name, value in (("noise", self.noise), *((f"layers[{n}]", v) for n, v in enumerate(self.layers))):
            if not 0 <= value < np.inf:
                raise ValueError(f"{name} must be finite and >= 0, got {value}; 0 means there is none")

    def zeta(self, layer: int) -> float:
        """zeta_n^2, the variance between nodes of level n: delta_{n+1}^2 + ... + delta_N^2."""
        return sum(self.layers[layer:])


@dataclass(frozen=True)
class TreeConstants:
    """Constants of the tree and of the devices' weights P_i, which sum to 1.

    `largest[n-1]` is phi_n, the largest share of a child in a layer-n parent; `mixing[n]` is R_n, n = 0 ... N,
    the part of independent device noise that is left in a level-n node's mean: R_0 = 1, R_N = sum P_i^2.
    """

    largest: tuple[float, ...]
    mixing: tuple[float, ...]

    @classmethod
    def of(cls, topology: Topology, weights: Sequence[float]) -> TreeConstants:
        """The constants of a topology whose device i weighs weights[i] > 0 (any scale). O(nodes)."""
        own = np.asarray(weights, dtype=np.float64) / float(np.sum(weights))
        weight_sums, squares = own, own**2
        largest, mixing = [], [1.0]
        for level in topology.levels[1:]:
            parent = np.repeat(np.arange(len(level)), [len(node.children) for node in level])
            above: Floats = np.bincount(parent, weight_sums).astype(np.float64)
            squares = np.bincount(parent, squares).astype(np.float64)
            largest.append(float((weight_sums / above[parent]).max()))
            mixing.append(float((squares / above).sum()))
            weight_sums = above
        return cls(tuple(largest), tuple(mixing))

    @property
    def depth(self) -> int:
        """N."""
        return len(self.largest)


@dataclass(frozen=True)
class Problem:
    """A learning problem on a tree with compressors: everything in the bounds except tau, mu and T.

    `up[n-1]` is q_n of layer n's uplink, `down[n-1]` that of its broadcasts (A3: both unbiased, variances
    relative to the squared norm, independent). Theorem 2 takes exact downlinks only.
    """

    facts: LearningConstants
    tree: TreeConstants
    up: tuple[float, ...]
    down: tuple[float, ...]

    def __post_init__(self) -> None:
        lengths = {len(self.facts.layers), self.tree.depth, len(self.up), len(self.down)}
        if len(lengths) != 1:
            raise ValueError(f"facts, tree and compressors must have one entry per layer, got {lengths}")

    @cached_property
    def exact_downlinks(self) -> bool:
        """Whether no downlink is quantized."""
        return not any(self.down)
