"""Votes of few: recipes whose devices send the signs of their largest gradients alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from learning.aggregation.rules import Mean, Vote
from learning.algorithms.algorithm import Algorithm, Layer, Leaf
from learning.algorithms.averaging import UNCOMPRESSED, Weights, above_votes
from learning.compressors import Compressor, Sign, SparseSign


@dataclass(frozen=True)
class SparseSignSGD:
    """S3GD-MV (Park and Lee, arXiv:2302.07475): signs of the `fraction` of largest gradients, majority vote at edges.

    On a star (`tau: [1]`) it is the paper's; on a tree hier_sign_sgd with sparse signs (our combination), whose
    arguments the others are. A coordinate that nobody sent stays, so votes travel as -1, 0, 1 and their sums
    as any whole number. At fraction 1 it is sign_sgd or hier_sign_sgd.
    """

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

    def ladder(self) -> Algorithm:
        """(1, sparse_sign, vote), and hier_sign_sgd's layers above."""
        whole = self.fraction == 1
        vote = Vote(self.learning_rate, self.ties, abstain=not whole)
        bottom = Layer(1, Sign() if whole else SparseSign(self.fraction), vote)
        mean = Mean(self.weights)
        above = above_votes(vote, self.tau, mean, self.down, self.error_feedback) if self.tau[1:] else ()
        return Algorithm(Leaf(self.learning_rate, self.batch_size), (bottom, *above))
