"""Recipes whose devices correct their gradients for client drift: by anchor gradients, or by accumulated drift."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from learning.aggregation.rules import Mean
from learning.algorithms.algorithm import Algorithm, Prologue
from learning.algorithms.averaging import UNCOMPRESSED, Weights
from learning.algorithms.layer import Layer, Leaf
from learning.algorithms.sign_voting import HierSignSGD
from learning.compressors import Compressor, Plain
from learning.optimizers import Local


@dataclass(frozen=True)
class DCHierSignSGD:
    """DC-HierSignSGD (arXiv:2602.02355): HierSignSGD whose devices correct their gradients before taking signs.

    Before every `every`-th global round each device sends one gradient of `anchor_batch` samples at the cloud's model
    (by `anchor`; layer by layer a mean). The cloud broadcasts the mean c over all devices, and from then on the devices
    of edge server e add c - c_e (`level: 2`) or c - c_i (`level: 1`). It is not known to us whether the paper refreshes
    by full or by stochastic gradients; `anchor_batch` sets the number of samples. The other arguments are those of
    hier_sign_sgd.
    """

    citations: ClassVar[Mapping[str, str]] = {"kazemi2026hiersignsgd": ""}

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

    def to_algorithm(self) -> Algorithm:
        """The layers of hier_sign_sgd, with a prologue."""
        plain = HierSignSGD(
            self.learning_rate,
            self.batch_size,
            self.tau,
            self.ties,
            self.weights,
            self.down,
            self.error_feedback,
        ).to_algorithm()
        leaf = Leaf(learning_rate=1.0, batch_size=self.anchor_batch)
        prologue = Prologue(leaf, (self.anchor,) * len(self.tau), self.level, self.every)
        return replace(plain, prologue=prologue)


@dataclass(frozen=True)
class MTGC:
    """Multi-timescale gradient correction (Fang et al., arXiv:2409.18448) at any depth: hier_favg with drift.

    Every node but the cloud sums (own - received) / (learning_rate x steps) over its periods, and its devices add the
    sum to their gradients: z_i of a device with respect to its edge server, y_j of an edge server with respect to the
    cloud. z needs the last model of a period as well, which costs one more broadcast per period.
    """

    citations: ClassVar[Mapping[str, str]] = {"fang2024mtgc": ""}

    learning_rate: float
    batch_size: int
    tau: tuple[int, ...]
    weights: Weights = "devices"

    def to_algorithm(self) -> Algorithm:
        """N layers: (tau_n, none, mean, drift), with an echo below the top."""
        top = len(self.tau)
        layers = (
            Layer(tau, Plain(), Mean(self.weights), drift=True, echo=n < top)
            for n, tau in enumerate(self.tau, 1)
        )
        return Algorithm(Leaf(self.learning_rate, self.batch_size), tuple(layers))


@dataclass(frozen=True)
class Admm:
    """ADMM on a tree (own nesting): every node solves for its children's consensus, devices by tau_1 SGD steps.

    On a star it is inexact consensus ADMM (Boyd et al., Foundations and Trends in ML 3(1), 2011, section 7): z_i ~
    argmin F_i(w) + rho / 2 ||w - z + u_i||^2, z the mean, u_i += z_i - z. With more layers, a node's own pull and dual
    with respect to its parent are passed to its devices (docs/algorithms.md), so that the tau_n iterations below solve
    its subproblem. `rho` has one entry per layer, from the devices up. `up` is the upload of every layer; a lossy one
    needs error_feedback.
    """

    citations: ClassVar[Mapping[str, str]] = {"boyd2011admm": ""}

    learning_rate: float
    batch_size: int
    tau: tuple[int, ...]
    rho: tuple[float, ...]
    up: Compressor = UNCOMPRESSED
    weights: Weights = "devices"

    def to_algorithm(self) -> Algorithm:
        """N layers: (tau_n, up, mean, drift with pull rho_n), an echo below the top; prox = sum rho_n."""
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
    """SCAFFOLD (Karimireddy et al., arXiv:1910.06378), option II, on a star with full participation.

    Then c - c_i is the sum of (own - received) / (learning_rate x local_steps) over the rounds, which a device computes
    from the models that it receives: no control variate is sent (the paper sends one each way, which doubles the bits).
    """

    citations: ClassVar[Mapping[str, str]] = {"karimireddy2019scaffold": ""}

    learning_rate: float
    batch_size: int
    local_steps: int

    def to_algorithm(self) -> Algorithm:
        """One layer: (local_steps, none, mean, drift)."""
        leaf = Leaf(self.learning_rate, self.batch_size)
        return Algorithm(leaf, (Layer(self.local_steps, Plain(), Mean(), drift=True),))
