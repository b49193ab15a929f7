"""An algorithm is a list of layers; one layer is (tau, up, rule, down).

Layers are numbered from the devices up, 1 ... N. A node advances a model by tau inner iterations: at a device one inner
iteration is one SGD step, at any other node it is one aggregation of its children. The cloud is the node whose tau is
the length of the run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from learning.aggregation.rules import Mean
from learning.algorithms.consistency import check_dimension, check_layers
from learning.algorithms.layer import Layer, Leaf
from learning.compressors import Compressor

MAX_STEPS = 2**53
"""Most local steps per global round: integers up to it are exact in float64."""


@dataclass(frozen=True)
class Prologue:
    """Phase before a global round: the layers run once with tau = 1, and the gradients become corrections.

    Every device takes one step of `leaf` from the round's model w, on separate samples; the means are uploaded by `ups`
    (one compressor per layer), and the mean over all devices is broadcast. Then the child of layer `level` corrects its
    gradients by c - c_child for the next `every` rounds, c being mean gradients at w: DC-HierSignSGD,
    arXiv:2602.02355, at level 2 (edge servers) or 1 (devices). It costs time, bits and energy as the rounds do; w is
    broadcast once, in the prologue.
    """

    leaf: Leaf
    ups: tuple[Compressor, ...]
    level: int = 2
    every: int = 1

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"every must be >= 1 round, got {self.every}")
        if not 1 <= self.level <= len(self.ups):
            raise ValueError(
                f"level must be 1 ... {len(self.ups)}, got {self.level}; 1 corrects devices, 2 edges"
            )

    def to_algorithm(self) -> Algorithm:
        """Return the prologue as an algorithm in which the children of layer `level` drift."""
        layers = (Layer(1, up, Mean(), drift=n == self.level) for n, up in enumerate(self.ups, start=1))
        return Algorithm(self.leaf, tuple(layers))


@dataclass(frozen=True)
class Algorithm:
    """A leaf (local training) and its layers, from the devices up. Raises ValueError where they do not fit together."""

    leaf: Leaf
    layers: tuple[Layer, ...]
    prologue: Prologue | None = None

    def __post_init__(self) -> None:
        if not self.layers:
            raise ValueError("an algorithm needs at least one layer, got none")
        if self.steps(self.depth) > MAX_STEPS:
            product = " x ".join(str(tau) for tau in self.taus)
            raise ValueError(
                f"tau: {product} local steps per global round are more than {MAX_STEPS:,}, the most that can be "
                "counted; lower one of them"
            )
        check_layers(self.leaf, self.layers)
        if self.prologue is not None and len(self.prologue.ups) != len(self.layers):
            numbers = f"{len(self.prologue.ups)} compressors for {len(self.layers)} layers"
            raise ValueError(f"the prologue needs one compressor per layer, got {numbers}")

    def steps_per_iteration(self, samples: Sequence[int]) -> tuple[int, ...]:
        """Return the SGD steps of every device in one of its iterations: 1, or those of a pass over its `samples`."""
        if self.leaf.local.unit == "steps":
            return (1,) * len(samples)
        return tuple(-(-count // self.leaf.batch_size) for count in samples)

    def pull_above(self, level: int) -> float:
        """Return the sum of the pulls of all layers above `level`; level 0: of all layers."""
        return math.fsum(layer.pull for layer in self.layers[level:])

    @property
    def depth(self) -> int:
        """N, the number of layers."""
        return len(self.layers)

    @property
    def taus(self) -> tuple[int, ...]:
        """tau_1 ... tau_N."""
        return tuple(layer.tau for layer in self.layers)

    def steps(self, layer: int) -> int:
        """Return k_n, the local steps (or epochs) between two uploads on layer n.

        k_n is tau_1 ... tau_n, except for `last`; k_0 = 1.
        """
        usual = final = 1
        for lower_layer in self.layers[:layer]:
            usual, final = (
                (lower_layer.tau - 1) * usual + final,
                (lower_layer.tau_in(last_iteration=True) - 1) * usual + final,
            )
        return usual

    def check_dimension(self, dim: int) -> None:
        """Raise ValueError where a compressor does not fit a model of `dim` parameters."""
        check_dimension(self.layers, dim)
