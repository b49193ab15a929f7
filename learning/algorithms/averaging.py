"""Recipes that average models or updates: FedAvg, its hierarchical forms, and their quantized variants.

`docs/algorithms.md` has the equations; every list runs from the devices up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, TypeAlias

from learning.aggregation.rules import Mean
from learning.aggregation.server_optimizers import FedOpt
from learning.algorithms.algorithm import Algorithm
from learning.algorithms.layer import Layer, Leaf
from learning.compressors import Adaptive, Compressor, LevelSchedule, Plain, Qsgd
from learning.optimizers import PLAIN, Local

Weights = Literal["devices", "samples"]
Code = Literal["fixed", "elias", "entropy"]
Levels: TypeAlias = int | LevelSchedule | None
"""Levels s_n of a layer's quantizer: constant, by a schedule, or None (no quantizer)."""
UNCOMPRESSED = Plain()
MOMENTUM = FedOpt()


@dataclass(frozen=True)
class FedAvg:
    """Federated averaging (McMahan et al., arXiv:1602.05629) on a star: tau local steps, a mean weighted by samples.

    `local_steps` is tau_1; the paper's E epochs are `local_steps: E` with `local: {unit: epochs}`.
    """

    citations: ClassVar[Mapping[str, str]] = {"mcmahan2016fedavg": ""}

    learning_rate: float
    batch_size: int
    local_steps: int
    weights: Weights = "samples"
    down: Compressor = UNCOMPRESSED
    local: Local = PLAIN

    def to_algorithm(self) -> Algorithm:
        """One layer: (local_steps, none, mean)."""
        leaf = Leaf(self.learning_rate, self.batch_size, self.local)
        return Algorithm(leaf, (Layer(self.local_steps, Plain(), Mean(self.weights), self.down),))


@dataclass(frozen=True)
class FedProx:
    """FedProx (Li et al., arXiv:1812.06127) on a star: fedavg on F_i + prox / 2 ||w - w_received||^2."""

    citations: ClassVar[Mapping[str, str]] = {"li2018fedprox": ""}

    learning_rate: float
    batch_size: int
    local_steps: int
    prox: float
    weights: Weights = "samples"

    def to_algorithm(self) -> Algorithm:
        """The layer of fedavg, with a proximal term in the leaf."""
        leaf = Leaf(self.learning_rate, self.batch_size, Local(prox=self.prox))
        return Algorithm(leaf, (Layer(self.local_steps, Plain(), Mean(self.weights)),))


@dataclass(frozen=True)
class FedOptimised:
    """FedOpt (Reddi et al., arXiv:2003.00295) at the top of any tree: hier_favg with a `server` optimizer at the cloud.

    On a star it is the paper's FedAvgM, FedAdam or FedYogi. To use it on another layer, write the rule `fedopt` there.
    """

    citations: ClassVar[Mapping[str, str]] = {"reddi2020fedopt": ""}

    learning_rate: float
    batch_size: int
    tau: tuple[int, ...]
    server: FedOpt = MOMENTUM

    def to_algorithm(self) -> Algorithm:
        """N layers: (tau_n, none, mean), the last one (tau_N, none, fedopt)."""
        if not self.tau:
            raise ValueError("tau needs at least one entry, got []; write one per layer, from the devices up")
        lower_layers = [Layer(tau, Plain(), Mean()) for tau in self.tau[:-1]]
        top = Layer(self.tau[-1], Plain(), self.server)
        return Algorithm(Leaf(self.learning_rate, self.batch_size), (*lower_layers, top))


@dataclass(frozen=True)
class HierFAVG:
    """Hierarchical FedAvg (Liu et al., arXiv:1905.06641) at any depth: kappa_n = tau[n-1], no compression."""

    citations: ClassVar[Mapping[str, str]] = {"liu2019hierfavg": ""}

    learning_rate: float
    batch_size: int
    tau: tuple[int, ...]
    weights: Weights = "samples"
    local: Local = PLAIN

    def to_algorithm(self) -> Algorithm:
        """N layers: (tau_n, none, mean)."""
        leaf = Leaf(self.learning_rate, self.batch_size, self.local)
        return Algorithm(leaf, tuple(Layer(t, Plain(), Mean(self.weights)) for t in self.tau))


@dataclass(frozen=True)
class HierLocalQSGD:
    """Hier-Local-QSGD (Liu et al., arXiv:2103.14272): HierFAVG on two layers whose uploads are QSGD-quantized updates.

    `levels` are s_1, s_2 (None: that layer is not quantized), with one l2 norm per `bucket` coordinates.
    """

    citations: ClassVar[Mapping[str, str]] = {"liu2021hierqsgd": ""}

    learning_rate: float
    batch_size: int
    tau: tuple[int, int]
    levels: tuple[Levels, Levels]
    bucket: int | None = 512
    code: Code = "fixed"
    weights: Weights = "samples"
    local: Local = PLAIN

    def to_algorithm(self) -> Algorithm:
        """Two layers: (tau_n, qsgd(s_n), mean)."""
        layers = _quantized_layers(self.tau, self.levels, self.bucket, self.code, Mean(self.weights), Plain())
        return Algorithm(Leaf(self.learning_rate, self.batch_size, self.local), layers)


@dataclass(frozen=True)
class QMLHFL:
    """QMLHFL (arXiv:2505.08145 v2): any number of layers, a quantizer Q_n and a period tau_n on each; means by devices.

    `levels[n-1]` is s_n of a QSGD quantizer (None: no quantizer on that layer), with one l2 norm per `bucket`
    coordinates (None: one per model, as often in theory; its variance is useless at model size). `down` quantizes every
    broadcast after the first of its period; sender and receivers apply the same increment.
    """

    citations: ClassVar[Mapping[str, str]] = {"azimi2025multilayer": ""}

    learning_rate: float
    batch_size: int
    tau: tuple[int, ...]
    levels: tuple[Levels, ...]
    bucket: int | None = 512
    code: Code = "fixed"
    weights: Weights = "devices"
    down: Compressor = UNCOMPRESSED
    local: Local = PLAIN

    def to_algorithm(self) -> Algorithm:
        """N layers: (tau_n, Q_n, mean)."""
        layers = _quantized_layers(
            self.tau, self.levels, self.bucket, self.code, Mean(self.weights), self.down
        )
        return Algorithm(Leaf(self.learning_rate, self.batch_size, self.local), layers)


@dataclass(frozen=True)
class QHetFed:
    """QHetFed (Azimi-Abarghouyi and Fodor): quantized gradients within a set, `gamma` steps before models are averaged.

    tau[0] is 1 gradient per aggregation within a set; in the last one of a period devices take `gamma` steps instead.
    `levels` are s_n of a QSGD quantizer on each layer (None: none), with one l2 norm per `bucket` coordinates.
    """

    learning_rate: float
    batch_size: int
    tau: tuple[int, ...]
    gamma: int
    levels: tuple[Levels, ...]
    bucket: int | None = 512
    code: Code = "fixed"
    weights: Weights = "devices"

    def to_algorithm(self) -> Algorithm:
        """N layers as those of qmlhfl; the first has (1, gamma in the last iteration)."""
        if not self.tau or self.tau[0] != 1:
            raise ValueError(
                f"qhetfed aggregates every gradient inside a set: tau[0] must be 1, got tau {list(self.tau)}"
            )
        layers = _quantized_layers(self.tau, self.levels, self.bucket, self.code, Mean(self.weights), Plain())
        leaf = Leaf(self.learning_rate, self.batch_size)
        return Algorithm(leaf, (replace(layers[0], last=self.gamma), *layers[1:]))


def _quantized_layers(
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
