"""Recipes whose devices correct their gradients: by anchors, or by what they remember of drifting away."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from learning.aggregation.rules import Mean
from learning.algorithms.algorithm import Algorithm, Layer, Leaf, Prologue
from learning.algorithms.averaging import UNCOMPRESSED, HierSignSGD, Weights
from learning.compressors import Compressor, Plain
from learning.optimizers import Local


@dataclass(frozen=True)
class DCHierSignSGD:
    """DC-HierSignSGD (arXiv:2602.02355): HierSignSGD whose devices correct their gradients before the sign.

    Before every `every`-th global round each device sends one gradient of `anchor_batch` samples at the cloud's
    model (by `anchor`, layer by layer a mean); the cloud broadcasts the whole mean c, and from then on edge e's
    devices add c - c_e (`level: 2`) or c - c_i (`level: 1`). Whether the paper refreshes by full or stochastic
    gradients is not known to us; `anchor_batch` says how many samples. The other arguments are hier_sign_sgd's.
    """

    learning_rate: float
    batch_size: int
    tau: tuple[int, ...]
    anchor_batch: int = 64
    every: int = 1
    level: int = 2
    anchor: Compressor = UNCOMPRESSED
    ties: Literal["random", "zero"] = "random"
    weights: Weights = "devices"
    down: Compressor = UNCOMPRESSED
    error_feedback: bool = True

    def ladder(self) -> Algorithm:
        """hier_sign_sgd's ladder behind a prologue."""
        plain = HierSignSGD(
            self.learning_rate,
            self.batch_size,
            self.tau,
            self.ties,
            self.weights,
            self.down,
            self.error_feedback,
        ).ladder()
        leaf = Leaf(learning_rate=1.0, batch_size=self.anchor_batch)
        prologue = Prologue(leaf, (self.anchor,) * len(self.tau), self.level, self.every)
        return replace(plain, prologue=prologue)


@dataclass(frozen=True)
class MTGC:
    """Multi-timescale gradient correction (Fang et al., arXiv:2409.18448) at any depth: hier_favg whose nodes drift.

    Every node but the cloud adds up (mine - heard) / (learning_rate x steps) over its periods, and its devices add
    the sum to their gradients: z_i of a device against its edge, y_j of an edge against the cloud. The last model
    of a period is told below as well, else z would miss it: one more broadcast per period.
    """

    learning_rate: float
    batch_size: int
    tau: tuple[int, ...]
    weights: Weights = "devices"

    def ladder(self) -> Algorithm:
        """N layers: (tau_n, none, mean, drift), with an echo below the top."""
        top = len(self.tau)
        layers = (
            Layer(tau, Plain(), Mean(self.weights), drift=True, echo=n < top)
            for n, tau in enumerate(self.tau, 1)
        )
        return Algorithm(Leaf(self.learning_rate, self.batch_size), tuple(layers))


@dataclass(frozen=True)
class Admm:
    """ADMM on a tree (our nesting): every node solves for its children's consensus, devices by tau_1 SGD steps.

    On a star it is inexact consensus ADMM (Boyd et al., Foundations and Trends in ML 3(1), 2011, section 7): z_i ~
    argmin F_i(w) + rho / 2 ||w - z + u_i||^2, z the mean, u_i += z_i - z. With more layers a node's own pull and dual
    towards its parent go to its devices (docs/algorithms.md), so that tau_n iterations below solve its subproblem.
    `rho` has one entry per layer, from the devices up. `up` is every layer's upload; a lossy one needs
    error_feedback.
    """

    learning_rate: float
    batch_size: int
    tau: tuple[int, ...]
    rho: tuple[float, ...]
    up: Compressor = UNCOMPRESSED
    weights: Weights = "devices"

    def ladder(self) -> Algorithm:
        """N layers: (tau_n, up, mean, drift with pull rho_n), with an echo below the top; the leaf pulled by all."""
        if len(self.rho) != len(self.tau) or not all(rho > 0 for rho in self.rho):
            raise ValueError(
                f"rho needs one entry > 0 per layer, got {list(self.rho)} for {len(self.tau)} layers"
            )
        top, leaf = len(self.tau), Local(prox=math.fsum(self.rho))
        layers = (
            Layer(tau, self.up, Mean(self.weights), drift=True, echo=n < top, pull=rho)
            for n, (tau, rho) in enumerate(zip(self.tau, self.rho, strict=True), 1)
        )
        return Algorithm(Leaf(self.learning_rate, self.batch_size, leaf), tuple(layers))


@dataclass(frozen=True)
class Scaffold:
    """SCAFFOLD (Karimireddy et al., arXiv:1910.06378), option II, on a star where everybody takes part.

    Then c - c_i is the sum of (mine - heard) / (learning_rate x local_steps) over the rounds, which every device knows
    from the models it hears: no control variate travels (the paper sends one each way, which doubles the bits).
    """

    learning_rate: float
    batch_size: int
    local_steps: int

    def ladder(self) -> Algorithm:
        """One layer: (local_steps, none, mean, drift)."""
        leaf = Leaf(self.learning_rate, self.batch_size)
        return Algorithm(leaf, (Layer(self.local_steps, Plain(), Mean(), drift=True),))
