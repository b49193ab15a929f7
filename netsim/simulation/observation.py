"""Observation of a run by a tau policy: losses, times and constants measured after a global round."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from learning.algorithms.algorithm import Algorithm
from learning.engine import Engine, LazyVector, ValuesNeededError
from learning.part_names import part_name
from learning.tasks.objectives import SyntheticTask
from learning.tasks.task import BoundTask, Task
from netsim.bounds.branch_and_bound import PlanningTask, search
from netsim.bounds.costs import Amounts, Budget, CostLaw, Indices
from netsim.bounds.from_scenario import cloud_weights, compressor_variance, down_variances
from netsim.bounds.gradient_probe import probe_gradients, smoothness, spread
from netsim.bounds.heuristic_search import relaxed_points
from netsim.bounds.learning_rate import BoundRule
from netsim.bounds.problem import Floats, LearningConstants, Problem, TreeConstants
from netsim.protocol.trace import Trace
from netsim.scenario import Scenario
from netsim.tau_policies import Adaptive, Taus

if TYPE_CHECKING:
    from torch import Tensor

TOLERANCE = 1e-3
"""Relative optimality gap at which the search for the next taus ends."""
SMALLEST = 1e-12
"""Lower limit of a measured smoothness or loss gap."""


@dataclass(frozen=True)
class ControlContext:
    """What does not change during a run."""

    scenario: Scenario
    control: Adaptive
    task: Task
    engine: Engine
    trace: Trace

    @cached_property
    def weights(self) -> tuple[float, ...]:
        """Weights P_i of the devices."""
        rules = [layer.rule for layer in self.scenario.layered_algorithm.layers]
        return cloud_weights(self.trace.topology, rules, self.task.samples)

    @cached_property
    def tree(self) -> TreeConstants:
        """The bounds' constants of the tree."""
        return TreeConstants.of(self.trace.topology, self.weights)

    @cached_property
    def up(self) -> tuple[float, ...]:
        """q_n of the uplinks. Raises PlanError for a compressor without one."""
        layers = enumerate(self.scenario.layered_algorithm.layers, start=1)
        return tuple(compressor_variance(layer.up, self.engine.dim, f"layer {n}: up") for n, layer in layers)

    @cached_property
    def least_loss(self) -> float:
        """F*: that of a synthetic task with known constants, else 0."""
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
    """See `netsim.tau_policies.RunObservation`: the run after a global round that ended at `now_s` in `model`."""

    context: ControlContext
    algorithm: Algorithm
    """The current algorithm."""
    round_number: int
    now_s: float
    model: LazyVector
    metrics: Mapping[str, float]

    @property
    def stage(self) -> int:
        """Number of this choice: 1, 2, ..."""
        return self.round_number // self.context.control.every

    @property
    def start(self) -> Taus:
        """Taus of the first rounds."""
        return self.context.control.start

    @property
    def taus(self) -> Taus:
        """Current taus."""
        return self.algorithm.taus

    @property
    def excess(self) -> tuple[float, float]:
        """F(w_0) - F* and F(w) - F*; a model at F* or below counts as at F*. Raises ValuesNeededError."""
        if self.context.engine.missing_metrics:
            raise ValuesNeededError("an adaptive tau follows the model's loss, and nothing computes it here")
        first, least = float(self.context.trace.rounds[0]["loss"]), self.context.least_loss
        return first - least, max(0.0, float(self.metrics["loss"]) - least)

    @cached_property
    def exchange_s(self) -> Sequence[float]:
        """Mean seconds of an exchange on each layer, the parent's aggregation included."""
        aggregation_s = self.context.scenario.servers.aggregation
        spent_s = [self._mean(f"path_down_s_{n}") + self._mean(f"path_up_s_{n}") for n in self._layers]
        return [seconds / r + aggregation_s for seconds, r in zip(spent_s, self._exchanges, strict=True)]

    @property
    def mixing(self) -> Sequence[float]:
        """A_n R_n, n = 0 ... N."""
        growth = np.cumprod([1.0, *(1.0 + q for q in self.context.up)])
        return [float(value) for value in growth * np.array(self.context.tree.mixing)]

    def plan_taus(self) -> Taus | None:
        """See `RunObservation`. If Theorem 1 does not hold at this rate, the bound's first order ranks."""
        context, rate = self.context, self.algorithm.leaf.learning_rate
        assert context.scenario.stop.deadline is not None
        left_s = context.scenario.stop.deadline - self.now_s
        problem = Problem(
            self._facts(), context.tree, context.up, down_variances(self.algorithm, context.engine.dim)
        )
        for ranking in (False, True):
            rule, budget = BoundRule("fixed", rate, ranking), Budget(np.array([left_s]))
            task = PlanningTask(problem, MeasuredCosts(self._law()), budget, rule, most=context.control.most)
            best = search(task, relaxed_points(task), TOLERANCE).best
            if best is not None:
                return best.tau
        return None

    def _facts(self) -> LearningConstants:
        """Return L, sigma^2, delta_n^2 and F(w) - F* at the model. Raises ValueError if it has diverged."""
        estimates, gap = self.context.engine.measure(self.model, self._name, self._measure), self.excess[1]
        if not all(map(math.isfinite, (*estimates, gap))):
            raise ValueError("the model diverged, its gradients are not finite; lower learning_rate")
        smooth, noise, *layers = estimates
        return LearningConstants(max(smooth, SMALLEST), noise, tuple(layers), max(gap, SMALLEST))

    def _measure(self, model: Tensor) -> Sequence[float]:
        """Return L, sigma^2, delta_1^2 ... delta_N^2 by `netsim.bounds.gradient_probe`, on one thread: reproducible."""
        import torch

        context, threads = self.context, torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            weights_now = model.detach().float().cpu()
            probe = probe_gradients(
                context.bound,
                weights_now,
                self.algorithm.leaf,
                self._steps,
                context.scenario.seed,
                self.round_number,
            )
        finally:
            torch.set_num_threads(threads)
        weights = np.array(context.weights)
        layers = spread(probe, context.trace.topology, context.weights, context.tree)
        return smoothness(probe, weights), float(weights @ probe.noise), *layers

    def _law(self) -> CostLaw:
        """Return the seconds of a round as c_0 K + sum_n c_n r_n, exact for the mean of the measured rounds.

        Waits for barrier timers count once per round, with the exchange of the top layer.
        """
        aggregation_s = self.context.scenario.servers.aggregation * sum(self._exchanges)
        step_s = max(0.0, self._mean("path_compute_s") - aggregation_s) / self._steps
        exchange_s = np.array(self.exchange_s)
        exchange_s[-1] += self._mean("path_wait_s") if "path_wait_s" in self.context.trace.rounds[-1] else 0.0
        return CostLaw(step_s, exchange_s, np.zeros(len(self.taus)), 0.0, 0.0)

    def _mean(self, column: str) -> float:
        """Return the mean of a column over the rounds since the last choice."""
        rows = self.context.trace.rounds[-self.context.control.every :]
        return math.fsum(row[column] for row in rows) / len(rows)

    @property
    def _name(self) -> bytes:
        """Name of the measurement: what it depends on besides the model and its task."""
        leaf, tree, seed = (
            self.algorithm.leaf,
            self.context.trace.topology.fingerprint,
            self.context.scenario.seed,
        )
        return f"facts|1|{part_name(leaf)}|{self.round_number}|{self._steps}|{tree}|{seed}".encode()

    @property
    def _layers(self) -> range:
        return range(1, self.algorithm.depth + 1)

    @property
    def _steps(self) -> int:
        return self.algorithm.steps(self.algorithm.depth)

    @property
    def _exchanges(self) -> list[float]:
        """r_1 ... r_N: exchanges on each layer along the critical path of a round."""
        return [self._steps / self.algorithm.steps(n) for n in self._layers]


@dataclass(frozen=True, eq=False)
class MeasuredCosts:
    """Costs of rounds by a measured law, in seconds only. See `netsim.bounds.costs.Costs`."""

    law: CostLaw

    @property
    def names(self) -> Sequence[str]:
        """Time."""
        return ("time",)

    def rounds(self, tau: Floats, choice: Indices, share: Floats) -> Amounts:
        """Return equal costs for the first and later rounds."""
        seconds = self.least(tau, choice, share)
        return Amounts(seconds, seconds)

    def least(self, tau: Floats, choice: Indices, share: Floats) -> Floats:
        """Return the costs themselves, which decrease with every tau per local step."""
        return self.law.amount(tau, np.zeros_like(tau))[None]
