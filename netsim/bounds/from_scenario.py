"""Inputs of the bounds from a scenario: tree constants, compressor variances, message sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from learning.aggregation.rules import Mean
from learning.algorithms.algorithm import Algorithm
from learning.compressors import Compressor, Qsgd, is_adaptive
from learning.tasks.task import Task, describe_task
from netsim.bounds.costs import Sizes
from netsim.bounds.problem import TreeConstants
from netsim.build import build_task, child_shares, device_clock
from netsim.devices.clock import Clock, Work
from netsim.scenario import Scenario, grow
from netsim.topology import Topology

LEVELS = (1, 3, 7, 15, 31, 63, 127, 255, 1023)
"""Quantization levels that `--levels` chooses from: with a sign, 2 to 11 bits per coordinate."""
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Fractions of devices that `--fraction` chooses from."""


class PlanError(ValueError):
    """A scenario cannot be planned, or no round fits the budget; the text says why and what to change."""


@dataclass(frozen=True)
class PlanContext:
    """What the planner needs from a scenario, without its data; created by `plan_context`."""

    scenario: Scenario
    topology: Topology
    dim: int
    classes: int
    flops: int

    @property
    def depth(self) -> int:
        """N."""
        return self.topology.depth

    @cached_property
    def clock(self) -> Clock:
        """The devices' clock."""
        batch = self.scenario.layered_algorithm.leaf.batch_size
        return device_clock(self.scenario, self.topology, Work(float(self.flops * batch), batch))

    @cached_property
    def task(self) -> Task:
        """The learning task; loads the data. Raises DataError or BuildError."""
        return build_task(self.scenario, self.topology)

    @cached_property
    def weights(self) -> tuple[float, ...]:
        """P_i: each device's share in the cloud's mean. Loads the data if a mean weights by samples."""
        rules = [layer.rule for layer in self.scenario.layered_algorithm.layers]
        by_samples = any(isinstance(rule, Mean) and rule.weights == "samples" for rule in rules)
        samples = self.task.samples if by_samples else [1] * len(self.topology.devices)
        return cloud_weights(self.topology, rules, samples)

    @cached_property
    def tree(self) -> TreeConstants:
        """The bounds' constants of the tree."""
        return TreeConstants.of(self.topology, self.weights)

    def uplinks(self, choose: bool) -> tuple[tuple[Compressor, ...], ...]:
        """Return each layer's uplink alternatives from short to long messages; one each unless levels are chosen."""
        layers = self.scenario.layered_algorithm.layers
        if not choose:
            return tuple((layer.up,) for layer in layers)
        return tuple(
            tuple(replace(layer.up, levels=s) for s in LEVELS) if isinstance(layer.up, Qsgd) else (layer.up,)
            for layer in layers
        )

    def variances(self, uplinks: Sequence[Sequence[Compressor]]) -> tuple[tuple[float, ...], ...]:
        """q_n of each alternative. Raises PlanError for a compressor without one."""
        return tuple(
            tuple(compressor_variance(codec, self.dim, f"layer {n}: up") for codec in codecs)
            for n, codecs in enumerate(uplinks, start=1)
        )

    @cached_property
    def down(self) -> tuple[float, ...]:
        """Variances of the broadcasts. Raises PlanError for a compressor without one, or error feedback."""
        return down_variances(self.scenario.layered_algorithm, self.dim)

    def sizes(self, uplinks: Sequence[Sequence[Compressor]]) -> Sizes:
        """Payload bits of every message; the expected ones where a code's length depends on values."""
        up = tuple(tuple(message_bits(codec, self.dim) for codec in codecs) for codecs in uplinks)
        down = tuple(
            message_bits(layer.downlink, self.dim) for layer in self.scenario.layered_algorithm.layers
        )
        return Sizes(up, down, 32.0 * self.dim)


def check_means(algorithm: Algorithm) -> None:
    """Raise PlanError unless the bounds cover the algorithm: means, fixed levels, SGD, steps."""
    for n, layer in enumerate(algorithm.layers, start=1):
        if not isinstance(layer.rule, Mean):
            raise PlanError(
                f"layer {n}: the bounds cover means, got {layer.rule}; optimize qmlhfl, hier_local_qsgd, hier_favg "
                "or fedavg, or write a mean"
            )
    for n, layer in enumerate(algorithm.layers, start=1):
        if is_adaptive(layer.up) or is_adaptive(layer.downlink):
            raise PlanError(
                f"layer {n}: the bounds and costs need equal messages in all rounds, but levels change here; "
                "write a number of levels"
            )
    if algorithm.pull_above(0):
        raise PlanError(
            "layer 1: pull: the bounds cover SGD, but ADMM's devices minimise another objective; use pull: 0"
        )
    if algorithm.leaf.local.unit == "epochs":
        raise PlanError(
            "local.unit: the bounds count the same number of steps on every device, got epochs; use unit: steps"
        )


def plan_context(scenario: Scenario) -> PlanContext:
    """Return the context of a scenario. Raises PlanError if the bounds do not cover its algorithm, or DataError."""
    check_means(scenario.layered_algorithm)
    spec = scenario.task
    folder = Path(spec.data_dir) if spec.data_dir else None
    try:
        dim, flops, shape = describe_task(spec.dataset, spec.model, folder)
    except ValueError as error:
        raise PlanError(f"task: {error}") from None
    found = PlanContext(scenario, grow(scenario), dim, shape.classes, flops)
    found.variances(found.uplinks(choose=False))
    return found


def compressor_variance(codec: Compressor, dim: int, place: str) -> float:
    """A compressor's q at dim coordinates. Raises PlanError for a biased one."""
    omega = codec.omega(dim)
    if omega is None:
        raise PlanError(
            f"{place}: the bounds need unbiased compressors, and {codec} is biased; use none, qsgd or rand_k"
        )
    return float(omega)


def down_variances(algorithm: Algorithm, dim: int) -> tuple[float, ...]:
    """q of every layer's broadcasts. Raises PlanError for a compressor without one, or error feedback."""
    found = []
    for n, layer in enumerate(algorithm.layers, start=1):
        codec = layer.downlink
        if layer.onto == "own" and not codec.lossless:
            raise PlanError(
                f"layer {n}: the bounds do not cover error feedback on the downlink (onto: own); "
                "use onto: said, or down: none"
            )
        found.append(compressor_variance(codec, dim, f"layer {n}: down"))
    return tuple(found)


def message_bits(codec: Compressor, dim: int) -> float:
    """Payload bits of a message; QSGD's estimate for its Elias code. Raises PlanError where nothing is known."""
    bits = codec.bits(dim)
    if bits is not None:
        return float(bits)
    if isinstance(codec, Qsgd):
        return float(round(codec.expected_coded_bits(dim)))
    raise PlanError(f"{codec} does not state the size of its messages; the planner needs bits(dim)")


def cloud_weights(topology: Topology, rules: Sequence[object], samples: Sequence[int]) -> tuple[float, ...]:
    """Return the weight of each device: the product of its and its ancestors' shares in their parents' means."""
    weight = {topology.root.name: 1.0}
    for level in reversed(topology.levels[1:]):
        for parent in level:
            shares = child_shares(parent, rules[parent.level - 1], samples)  # type: ignore[arg-type]
            for child, share in zip(parent.children, shares, strict=True):
                weight[child.name] = weight[parent.name] * share
    return tuple(weight[device.name] for device in topology.devices)


def level_variances(
    topology: Topology, weights: Sequence[float], gradients: NDArray[np.float64]
) -> tuple[float, ...]:
    """delta_1^2 ... delta_N^2 of devices' vectors [devices, d]: the variance of each level around its parents."""
    weight_sums, rows = np.asarray(weights, dtype=np.float64), gradients
    found = []
    for level in topology.levels[1:]:
        parent = np.repeat(np.arange(len(level)), [len(node.children) for node in level])
        above: NDArray[np.float64] = np.bincount(parent, weight_sums).astype(np.float64)
        mean = np.zeros((len(level), rows.shape[1]))
        np.add.at(mean, parent, weight_sums[:, None] * rows)
        mean /= above[:, None]
        found.append(
            float((weight_sums * ((rows - mean[parent]) ** 2).sum(axis=1)).sum() / weight_sums.sum())
        )
        weight_sums, rows = above, mean
    return tuple(found)
