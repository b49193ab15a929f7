"""What a policy sees of a run after a global round: measured losses, times and constants, and the plan they make."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from learning.algorithms.algorithm import Algorithm
from learning.engine import Engine, Ref, ValuesNeededError
from learning.part_names import part_name
from learning.tasks.objectives import SyntheticTask
from learning.tasks.task import BoundTask, Task
from netsim.bounds.costs import Amounts, Budget, Indices, Law
from netsim.bounds.from_scenario import device_weights, down_variances, variance
from netsim.bounds.gradient_probe import look, smoothness, spread
from netsim.bounds.learning_rate import Rule
from netsim.bounds.problem import Facts, Floats, Problem, Tree
from netsim.bounds.relaxation import relaxed
from netsim.bounds.search import Task as Search
from netsim.bounds.search import search
from netsim.protocol.trace import Trace
from netsim.scenario import Scenario
from netsim.tau_policies import Adaptive, Taus

if TYPE_CHECKING:
    from torch import Tensor

TOLERANCE = 1e-3
"""Relative gap at which a search for the next taus ends."""
LEAST = 1e-12
"""Of a smoothness or a gap that is measured as none."""


@dataclass(frozen=True)
class ControlContext:
    """What stays as it is while a run goes on."""

    scenario: Scenario
    control: Adaptive
    task: Task
    engine: Engine
    trace: Trace

    @cached_property
    def weights(self) -> tuple[float, ...]:
        """P_i."""
        rules = [layer.rule for layer in self.scenario.ladder.layers]
        return device_weights(self.trace.topology, rules, self.task.samples)

    @cached_property
    def tree(self) -> Tree:
        """The bounds' constants of the tree."""
        return Tree.of(self.trace.topology, self.weights)

    @cached_property
    def up(self) -> tuple[float, ...]:
        """q_n of the uplinks. Raises PlanError for a compressor without one."""
        layers = enumerate(self.scenario.ladder.layers, start=1)
        return tuple(variance(layer.up, self.engine.dim, f"layer {n}: up") for n, layer in layers)

    @cached_property
    def least_loss(self) -> float:
        """F*: what a synthetic task knows of it, else 0."""
        if not (isinstance(self.task, SyntheticTask) and hasattr(self.task, "constants")):
            return 0.0
        return float(self.trace.rounds[0]["loss"]) - float(self.task.constants.gap)

    @cached_property
    def bound(self) -> BoundTask:
        """The task on the CPU, where gradients are measured."""
        import torch

        return self.task.bind(torch.device("cpu"), torch.float32)


@dataclass(frozen=True)
class Observation:
    """See `netsim.tau_policies.RunObservation`: the run after global round `turn`, which ended at `now_s` in `model`."""

    scene: ControlContext
    ladder: Algorithm
    """In use so far."""
    turn: int
    now_s: float
    model: Ref
    metrics: Mapping[str, float]

    @property
    def stage(self) -> int:
        """1, 2, ..."""
        return self.turn // self.scene.control.every

    @property
    def start(self) -> Taus:
        """Of the first rounds."""
        return self.scene.control.start

    @property
    def taus(self) -> Taus:
        """In use."""
        return self.ladder.taus

    @property
    def excess(self) -> tuple[float, float]:
        """F(w_0) - F* and F(w) - F*; a model at F* or below counts as at F*. Raises ValuesNeededError."""
        if self.scene.engine.unknown:
            raise ValuesNeededError("an adaptive tau follows the model's loss, and nothing computes it here")
        first, least = float(self.scene.trace.rounds[0]["loss"]), self.scene.least_loss
        return first - least, max(0.0, float(self.metrics["loss"]) - least)

    @cached_property
    def talk_s(self) -> Sequence[float]:
        """Mean seconds of a talk on each layer, the parent's aggregation included."""
        served_s = self.scene.scenario.servers.aggregation
        spent_s = [self._mean(f"path_down_s_{n}") + self._mean(f"path_up_s_{n}") for n in self._layers]
        return [seconds / r + served_s for seconds, r in zip(spent_s, self._talks, strict=True)]

    @property
    def mixing(self) -> Sequence[float]:
        """A_n R_n, n = 0 ... N."""
        growth = np.cumprod([1.0, *(1.0 + q for q in self.scene.up)])
        return [float(value) for value in growth * np.array(self.scene.tree.mixing)]

    def planned(self) -> Taus | None:
        """See `RunObservation`. Where Theorem 1 says nothing at this rate, the bound's first order ranks, as in a plan."""
        scene, rate = self.scene, self.ladder.leaf.learning_rate
        assert scene.scenario.stop.deadline is not None
        left_s = scene.scenario.stop.deadline - self.now_s
        problem = Problem(self._facts(), scene.tree, scene.up, down_variances(self.ladder, scene.engine.dim))
        for ranking in (False, True):
            rule, budget = Rule("fixed", rate, ranking), Budget(np.array([left_s]))
            task = Search(problem, Measured(self._law()), budget, rule, most=scene.control.most)
            best = search(task, relaxed(task), TOLERANCE).best
            if best is not None:
                return best.tau
        return None

    def _facts(self) -> Facts:
        """L, sigma^2, delta_n^2 and F(w) - F*, measured at the model. Raises ValueError where it diverged."""
        found, gap = self.scene.engine.measured(self.model, self._name, self._measured), self.excess[1]
        if not all(map(math.isfinite, (*found, gap))):
            raise ValueError("the model diverged, its gradients are not finite; lower learning_rate")
        smooth, noise, *layers = found
        return Facts(max(smooth, LEAST), noise, tuple(layers), max(gap, LEAST))

    def _measured(self, model: Tensor) -> Sequence[float]:
        """L, sigma^2, delta_1^2 ... delta_N^2 as `netsim.bounds.gradient_probe` has them; one thread, so always the same."""
        import torch

        scene, threads = self.scene, torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            here = model.detach().float().cpu()
            seen = look(scene.bound, here, self.ladder.leaf, self._steps, scene.scenario.seed, self.turn)
        finally:
            torch.set_num_threads(threads)
        weights = np.array(scene.weights)
        layers = spread(seen, scene.trace.topology, scene.weights, scene.tree)
        return smoothness(seen, weights), float(weights @ seen.noise), *layers

    def _law(self) -> Law:
        """Seconds of a round as c_0 K + sum_n c_n r_n: met by the mean of the rounds it is made from.

        What a barrier's timer waited is spent once a round, as the top layer's talk is.
        """
        served_s = self.scene.scenario.servers.aggregation * sum(self._talks)
        step_s = max(0.0, self._mean("path_compute_s") - served_s) / self._steps
        talk_s = np.array(self.talk_s)
        talk_s[-1] += self._mean("path_wait_s") if "path_wait_s" in self.scene.trace.rounds[-1] else 0.0
        return Law(step_s, talk_s, np.zeros(len(self.taus)), 0.0, 0.0)

    def _mean(self, column: str) -> float:
        """Over the rounds since the policy was asked last."""
        rows = self.scene.trace.rounds[-self.scene.control.every :]
        return math.fsum(row[column] for row in rows) / len(rows)

    @property
    def _name(self) -> bytes:
        """What the measured numbers depend on besides the model and its task."""
        leaf, tree, seed = self.ladder.leaf, self.scene.trace.topology.fingerprint, self.scene.scenario.seed
        return f"facts|1|{part_name(leaf)}|{self.turn}|{self._steps}|{tree}|{seed}".encode()

    @property
    def _layers(self) -> range:
        return range(1, self.ladder.depth + 1)

    @property
    def _steps(self) -> int:
        return self.ladder.steps(self.ladder.depth)

    @property
    def _talks(self) -> list[float]:
        """r_1 ... r_N: talks on each layer along a round's critical path."""
        return [self._steps / self.ladder.steps(n) for n in self._layers]


@dataclass(frozen=True, eq=False)
class Measured:
    """What rounds cost by a measured law: seconds alone. See `netsim.bounds.costs.Costs`."""

    law: Law

    @property
    def names(self) -> Sequence[str]:
        """Time."""
        return ("time",)

    def rounds(self, tau: Floats, choice: Indices, share: Floats) -> Amounts:
        """The same for the first round and later ones."""
        seconds = self.least(tau, choice, share)
        return Amounts(seconds, seconds)

    def least(self, tau: Floats, choice: Indices, share: Floats) -> Floats:
        """The law itself: it falls with every tau per local step."""
        return self.law.amount(tau, np.zeros_like(tau))[None]
