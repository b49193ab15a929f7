"""Recipes in which devices send signs and their parents vote: signSGD, HierSignSGD, and the sparse S3GD-MV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from learning.aggregation.rules import Mean, Vote
from learning.algorithms.algorithm import Algorithm
from learning.algorithms.averaging import UNCOMPRESSED, Weights
from learning.algorithms.layer import Layer, Leaf
from learning.compressors import Compressor, Integer, Plain, Sign, SparseSign


@dataclass(frozen=True)
class SignSGD:
    """signSGD with majority vote on a star (Bernstein et al., arXiv:1810.05291): one bit up, the one-bit vote down.

    `learning_rate` is the vote's step. A tie is decided by a keyed fair coin, or moves nothing ("zero": two bits down).
    """

    citations: ClassVar[Mapping[str, str]] = {"bernstein2018vote": ""}

    learning_rate: float
    batch_size: int
    ties: Literal["random", "zero"] = "random"

    def to_algorithm(self) -> Algorithm:
        """One layer: (1, sign, vote)."""
        leaf = Leaf(self.learning_rate, self.batch_size)
        return Algorithm(leaf, (Layer(1, Sign(), Vote(self.learning_rate, self.ties)),))


@dataclass(frozen=True)
class HierSignSGD:
    """HierSignSGD (arXiv:2602.02355): signs up and votes at the edge servers in every step, averaging above.

    `learning_rate` is the vote's step mu, `tau[0]` must be 1, `tau[1]` is the number of votes per upload of an edge
    server. That upload is a sum of votes, so integers of ceil(log2(tau_2 + 1)) bits carry it without loss (own
    derivation: models of edge servers differ by multiples of mu). `down` compresses the broadcast of the top; with
    `error_feedback` what it leaves out is sent later.
    """

    citations: ClassVar[Mapping[str, str]] = {"kazemi2026hiersignsgd": ""}

    learning_rate: float
    batch_size: int
    tau: tuple[int, ...]
    ties: Literal["random", "zero"] = "random"
    weights: Weights = "devices"
    down: Compressor = UNCOMPRESSED
    error_feedback: bool = True

    def __post_init__(self) -> None:
        if len(self.tau) < 2:
            raise ValueError(
                f"hier_sign_sgd needs at least 2 layers, got tau of {len(self.tau)}; use sign_sgd on a star"
            )
        if self.tau[0] != 1:
            raise ValueError(f"hier_sign_sgd votes in every step: tau[0] must be 1, got {self.tau[0]}")

    def to_algorithm(self) -> Algorithm:
        """(1, sign, vote), (tau_2, integers, mean), then (tau_n, none, mean); `down` is the downlink of the top."""
        vote = Vote(self.learning_rate, self.ties)
        above = layers_above_vote(vote, self.tau, Mean(self.weights), self.down, self.error_feedback)
        return Algorithm(Leaf(self.learning_rate, self.batch_size), (Layer(1, Sign(), vote), *above))


@dataclass(frozen=True)
class SparseSignSGD:
    """S3GD-MV (Park and Lee, arXiv:2302.07475): signs of the `fraction` largest gradients, majority vote at the edge.

    On a star (`tau: [1]`) it is the paper's algorithm; on a tree it is hier_sign_sgd with sparse signs (own
    combination), whose arguments the others are. A coordinate that no device sent does not move, so votes are encoded
    as -1, 0, 1 and their sums as any integer. At fraction 1 it equals sign_sgd or hier_sign_sgd.
    """

    citations: ClassVar[Mapping[str, str]] = {"park2023sparse": ""}

    learning_rate: float
    batch_size: int
    tau: tuple[int, ...] = (1,)
    fraction: float = 0.01
    ties: Literal["random", "zero"] = "random"
    weights: Weights = "devices"
    down: Compressor = UNCOMPRESSED
    error_feedback: bool = True

    def __post_init__(self) -> None:
        if self.tau[:1] != (1,):
            raise ValueError(
                f"sparse_sign_sgd votes in every step: tau[0] must be 1, got tau {list(self.tau)}"
            )
        if len(self.tau) == 1 and self.down != UNCOMPRESSED:
            raise ValueError(f"down must be none on a star, whose broadcast is the vote, got {self.down}")

    def to_algorithm(self) -> Algorithm:
        """(1, sparse_sign, vote), then the upper layers of hier_sign_sgd."""
        dense = self.fraction == 1
        vote = Vote(self.learning_rate, self.ties, abstain=not dense)
        bottom = Layer(1, Sign() if dense else SparseSign(self.fraction), vote)
        mean = Mean(self.weights)
        above = (
            layers_above_vote(vote, self.tau, mean, self.down, self.error_feedback) if self.tau[1:] else ()
        )
        return Algorithm(Leaf(self.learning_rate, self.batch_size), (bottom, *above))


def layers_above_vote(
    vote: Vote, tau: Sequence[int], mean: Mean, down: Compressor, error_feedback: bool
) -> tuple[Layer, ...]:
    """Return layers 2 ... N above a vote: integer codes of vote sums on layer 2, then whole models."""
    votes = Integer(step=vote.step, span=tau[1], zeros=vote.can_be_zero)
    layers = []
    for number, period in enumerate(tau[1:], start=2):
        top = number == len(tau)
        downlink = down if top else Plain()
        onto: Literal["said", "own"] = "own" if top and error_feedback and not downlink.lossless else "said"
        layers.append(Layer(period, votes if number == 2 else Plain(), mean, downlink, onto))
    return tuple(layers)
