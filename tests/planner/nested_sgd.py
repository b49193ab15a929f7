"""Nested quantized SGD on quadratics, vectorised over seeds: an implementation from theory.md, independent of the engine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from netsim.bounds.problem import LearningConstants, Problem, TreeConstants
from netsim.topology import Fanout, Topology

Floats = NDArray[np.float64]


@dataclass
class QuadraticSetting:
    """F_i = 1/2 (w - b_i)' H (w - b_i), noise of variance sigma^2, rand-k quantizers with the exact q = d/k - 1."""

    topology: Topology
    curvature: Floats
    centres: Floats
    weights: Floats
    sigma: float
    kept: list[int]
    tau: list[int]
    start: Floats

    @property
    def problem(self) -> Problem:
        """The exact constants: gradients differ by H (b_i - b_j) at every w."""
        gradients = self.curvature * self.centres
        layers, weights_of_nodes = [], self.weights
        for level in self.topology.levels[1:]:
            parent = np.repeat(np.arange(len(level)), [len(node.children) for node in level])
            above = np.bincount(parent, weights_of_nodes)
            mean = (
                np.stack([np.bincount(parent, weights_of_nodes * column) for column in gradients.T], axis=1)
                / above[:, None]
            )
            layers.append(float((weights_of_nodes[:, None] * (gradients - mean[parent]) ** 2).sum()))
            gradients, weights_of_nodes = mean, above
        best = gradients[0] / self.curvature
        gap = 0.5 * float((self.curvature * (self.start - best) ** 2).sum())
        facts = LearningConstants(float(self.curvature.max()), self.sigma**2, tuple(layers), gap)
        d = len(self.curvature)
        up = tuple(d / k - 1 for k in self.kept)
        return Problem(facts, TreeConstants.of(self.topology, list(self.weights)), up, (0.0,) * len(up))


def random_setting(seed: int, most_layers: int = 3) -> QuadraticSetting:
    """A small random tree with random objectives; every third has unequal weights."""
    r = np.random.default_rng(seed)
    depth, d = int(r.integers(1, most_layers + 1)), 6
    topology = Fanout([int(n) for n in r.integers(1, 4, depth)]).grow()
    devices = len(topology.devices)
    weights = r.uniform(0.5, 1.5, devices) if seed % 3 == 0 else np.ones(devices)
    curvature = np.ones(d) if seed % 2 else np.geomspace(0.05, 1.0, d)
    return QuadraticSetting(
        topology,
        curvature * float(r.choice([0.5, 2.0])),
        r.normal(size=(devices, d)) * float(r.choice([0.0, 0.3, 2.0])),
        weights / weights.sum(),
        float(r.choice([0.0, 0.3, 2.0])),
        [int(k) for k in r.choice([1, 3, 5, 6], depth)],
        [int(t) for t in r.integers(1, 5, depth)],
        r.normal(size=d) * 2,
    )


def measure_gradients(
    setting: QuadraticSetting, rate: float, rounds: int, seeds: int = 32
) -> tuple[Floats, Floats]:
    """Per seed, the averages of ||grad F||^2 over global models, and over the mean model at all inner steps."""
    r = np.random.default_rng(7)
    P, H = setting.weights, setting.curvature
    best = (P[:, None] * setting.centres).sum(0)
    levels = setting.topology.levels
    parents = [np.repeat(np.arange(len(row)), [len(n.children) for n in row]) for row in levels[1:]]
    node_weights = [P]
    for parent in parents:
        node_weights.append(np.bincount(parent, node_weights[-1]))
    k = np.cumprod(setting.tau)
    Y = [np.tile(setting.start, (seeds, len(level), 1)) for level in levels]
    global_norms, inner_norms = [], []
    for step in range(rounds * k[-1]):
        if step % k[-1] == 0:
            global_norms.append((((Y[-1][:, 0] - best) * H) ** 2).sum(-1))
        inner_norms.append((((np.einsum("i,sid->sd", P, Y[0]) - best) * H) ** 2).sum(-1))
        noise = r.normal(size=Y[0].shape) * setting.sigma / np.sqrt(len(H))
        Y[0] = Y[0] - rate * (H * (Y[0] - setting.centres) + noise)
        last = 0
        for n, parent in enumerate(parents):
            if (step + 1) % k[n]:
                break
            X = Y[n] - Y[n + 1][:, parent]
            share = node_weights[n] / node_weights[n + 1][parent]
            sent = share[:, None] * rand_k(X, setting.kept[n], r)
            for child, node in enumerate(parent):
                Y[n + 1][:, node] += sent[:, child]
            last = n + 1
        for n in range(last, 0, -1):
            Y[n - 1] = Y[n][:, parents[n - 1]].copy()
    return np.mean(global_norms, axis=0), np.mean(inner_norms, axis=0)


def rand_k(x: Floats, k: int, r: np.random.Generator) -> Floats:
    """k coordinates of each row, scaled by d / k."""
    d = x.shape[-1]
    kept = r.random(x.shape).argsort(-1).argsort(-1) < k
    return np.where(kept, x * d / k, 0.0)
