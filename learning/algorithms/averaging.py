"""Recipes whose devices take plain steps: each a row of the ladder, without logic of its own.

`docs/algorithms.md` has the equations; every list runs from the devices up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol, TypeAlias

from learning.aggregation.rules import Mean, Vote
from learning.aggregation.server_optimizers import FedOpt
from learning.algorithms.algorithm import Algorithm, Layer, Leaf
from learning.compressors import Adaptive, Compressor, Integer, LevelSchedule, Plain, Qsgd, Sign
from learning.optimizers import PLAIN, Local

Weights = Literal["devices", "samples"]
Code = Literal["fixed", "elias", "entropy"]
Levels: TypeAlias = int | LevelSchedule | None
"""s_n of a layer's quantizer: for all rounds, by a schedule, or no quantizer."""
UNCOMPRESSED = Plain()
MOMENTUM = FedOpt()


class Recipe(Protocol):
    """A named algorithm: its YAML arguments are the fields, its ladder the meaning."""

    def ladder(self) -> Algorithm:
        """The algorithm as layers; ValueError where the arguments break a law."""
        ...


@dataclass(frozen=True)
class FedAvg:
    """Federated averaging (McMahan et al., arXiv:1602.05629) on a star: tau local steps, mean of the models by samples.

    `local_steps` is tau_1; the paper's E epochs are `local_steps: E` with `local: {unit: epochs}`.
    """

    learning_rate: float
    batch_size: int
    local_steps: int
    weights: Weights = "samples"
    down: Compressor = UNCOMPRESSED
    local: Local = PLAIN

    def ladder(self) -> Algorithm:
        """One layer: (local_steps, none, mean)."""
        leaf = Leaf(self.learning_rate, self.batch_size, self.local)
        return Algorithm(leaf, (Layer(self.local_steps, Plain(), Mean(self.weights), self.down),))


@dataclass(frozen=True)
class FedProx:
    """FedProx (Li et al., arXiv:1812.06127) on a star: fedavg on F_i + prox / 2 ||w - w_heard||^2."""

    learning_rate: float
    batch_size: int
    local_steps: int
    prox: float
    weights: Weights = "samples"

    def ladder(self) -> Algorithm:
        """fedavg's layer; the leaf pulls towards what it heard."""
        leaf = Leaf(self.learning_rate, self.batch_size, Local(prox=self.prox))
        return Algorithm(leaf, (Layer(self.local_steps, Plain(), Mean(self.weights)),))


@dataclass(frozen=True)
class FedOptimised:
    """FedOpt (Reddi et al., arXiv:2003.00295) at the top of any tree: hier_favg whose cloud takes a `server` step.

    On a star it is the paper's FedAvgM, FedAdam or FedYogi; on any layer of your own, the rule is `fedopt`.
    """

    learning_rate: float
    batch_size: int
    tau: tuple[int, ...]
    server: FedOpt = MOMENTUM

    def ladder(self) -> Algorithm:
        """N layers: (tau_n, none, mean), the last with (tau_N, none, fedopt)."""
        if not self.tau:
            raise ValueError("tau needs at least one entry, got []; write one per layer, from the devices up")
        below = [Layer(tau, Plain(), Mean()) for tau in self.tau[:-1]]
        top = Layer(self.tau[-1], Plain(), self.server)
        return Algorithm(Leaf(self.learning_rate, self.batch_size), (*below, top))


@dataclass(frozen=True)
class SignSGD:
    """signSGD with majority vote on a star (Bernstein et al., arXiv:1810.05291): one bit up, the one-bit vote down.

    `learning_rate` is the vote's step. Ties get a keyed fair coin, or move nothing ("zero": two bits down).
    """

    learning_rate: float
    batch_size: int
    ties: Literal["random", "zero"] = "random"

    def ladder(self) -> Algorithm:
        """One layer: (1, sign, vote)."""
        leaf = Leaf(self.learning_rate, self.batch_size)
        return Algorithm(leaf, (Layer(1, Sign(), Vote(self.learning_rate, self.ties)),))


@dataclass(frozen=True)
class HierFAVG:
    """Hierarchical FedAvg (Liu et al., arXiv:1905.06641) at any depth: kappa_n = tau[n-1], no compression."""

    learning_rate: float
    batch_size: int
    tau: tuple[int, ...]
    weights: Weights = "samples"
    local: Local = PLAIN

    def ladder(self) -> Algorithm:
        """N layers: (tau_n, none, mean)."""
        leaf = Leaf(self.learning_rate, self.batch_size, self.local)
        return Algorithm(leaf, tuple(Layer(t, Plain(), Mean(self.weights)) for t in self.tau))


@dataclass(frozen=True)
class HierLocalQSGD:
    """Hier-Local-QSGD (Liu et al., arXiv:2103.14272): HierFAVG on two layers whose uploads are QSGD-quantized updates.

    `levels` are s_1, s_2 (None: that layer is not quantized), one l2 norm per `bucket` coordinates.
    """

    learning_rate: float
    batch_size: int
    tau: tuple[int, int]
    levels: tuple[Levels, Levels]
    bucket: int | None = 512
    code: Code = "fixed"
    weights: Weights = "samples"
    local: Local = PLAIN

    def ladder(self) -> Algorithm:
        """Two layers: (tau_n, qsgd(s_n), mean)."""
        layers = _quantized(self.tau, self.levels, self.bucket, self.code, Mean(self.weights), Plain())
        return Algorithm(Leaf(self.learning_rate, self.batch_size, self.local), layers)


@dataclass(frozen=True)
class QMLHFL:
    """QMLHFL (arXiv:2505.08145 v2): any number of layers, a quantizer Q_n and a period tau_n on each; means by devices.

    `levels[n-1]` is s_n of a QSGD quantizer (None: none on that layer), one l2 norm per `bucket`
    coordinates (None: one per model, as theory often writes; its variance is useless at model size).
    `down` quantizes every broadcast after the first of its period; both ends apply the same increment.
    """

    learning_rate: float
    batch_size: int
    tau: tuple[int, ...]
    levels: tuple[Levels, ...]
    bucket: int | None = 512
    code: Code = "fixed"
    weights: Weights = "devices"
    down: Compressor = UNCOMPRESSED
    local: Local = PLAIN

    def ladder(self) -> Algorithm:
        """N layers: (tau_n, Q_n, mean)."""
        layers = _quantized(self.tau, self.levels, self.bucket, self.code, Mean(self.weights), self.down)
        return Algorithm(Leaf(self.learning_rate, self.batch_size, self.local), layers)


@dataclass(frozen=True)
class HierSignSGD:
    """HierSignSGD (arXiv:2602.02355): signs up and votes at the edge in every step, averaging above.

    `learning_rate` is the vote's step mu, `tau[0]` must be 1, `tau[1]` the votes per edge upload. The edge's
    upload is a sum of votes, so it travels losslessly as integers of ceil(log2(tau_2 + 1)) bits (our
    derivation, theory: models at the edge differ by whole multiples of mu). `down` compresses the top's
    broadcast; with `error_feedback` what it leaves out is sent later.
    """

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

    def ladder(self) -> Algorithm:
        """(1, sign, vote), (tau_2, integers, mean), then (tau_n, none, mean); the top's downlink is `down`."""
        vote = Vote(self.learning_rate, self.ties)
        above = above_votes(vote, self.tau, Mean(self.weights), self.down, self.error_feedback)
        return Algorithm(Leaf(self.learning_rate, self.batch_size), (Layer(1, Sign(), vote), *above))


@dataclass(frozen=True)
class QHetFed:
    """QHetFed (Azimi-Abarghouyi and Fodor): quantized gradients inside a set, `gamma` steps before models meet.

    tau[0] is 1 gradient per aggregation inside a set; in the last of a period devices take `gamma` steps instead;
    `levels` are s_n of a QSGD quantizer on each layer (None: none), one l2 norm per `bucket` coordinates.
    """

    learning_rate: float
    batch_size: int
    tau: tuple[int, ...]
    gamma: int
    levels: tuple[Levels, ...]
    bucket: int | None = 512
    code: Code = "fixed"
    weights: Weights = "devices"

    def ladder(self) -> Algorithm:
        """N layers as qmlhfl's; the first has (1, gamma in the last iteration)."""
        if not self.tau or self.tau[0] != 1:
            raise ValueError(
                f"qhetfed aggregates every gradient inside a set: tau[0] must be 1, got tau {list(self.tau)}"
            )
        rungs = _quantized(self.tau, self.levels, self.bucket, self.code, Mean(self.weights), Plain())
        leaf = Leaf(self.learning_rate, self.batch_size)
        return Algorithm(leaf, (replace(rungs[0], last=self.gamma), *rungs[1:]))


def above_votes(
    vote: Vote, tau: Sequence[int], mean: Mean, down: Compressor, error_feedback: bool
) -> tuple[Layer, ...]:
    """Layers 2 ... N of an algorithm whose edges vote: sums of votes as integers, then whole models."""
    votes = Integer(step=vote.step, span=tau[1], zeros=vote.stays)
    layers = []
    for number, period in enumerate(tau[1:], start=2):
        top = number == len(tau)
        told = down if top else Plain()
        onto: Literal["said", "own"] = "own" if top and error_feedback and not told.lossless else "said"
        layers.append(Layer(period, votes if number == 2 else Plain(), mean, told, onto))
    return tuple(layers)


def _quantized(
    tau: Sequence[int],
    levels: Sequence[Levels],
    bucket: int | None,
    code: Code,
    rule: Mean,
    down: Compressor,
) -> tuple[Layer, ...]:
    if len(tau) != len(levels):
        raise ValueError(f"tau and levels need one entry per layer, got {len(tau)} and {len(levels)}")
    ups = [Plain() if s is None else _quantizer(s, bucket, code) for s in levels]
    return tuple(Layer(t, up, rule, down) for t, up in zip(tau, ups, strict=True))


def _quantizer(levels: int | LevelSchedule, bucket: int | None, code: Code) -> Compressor:
    if isinstance(levels, int):
        return Qsgd(levels=levels, bucket=bucket, code=code)
    return Adaptive(Qsgd(levels=levels.level(0), bucket=bucket, code=code), levels)
