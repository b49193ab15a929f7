"""Adaptive tau: every few global rounds a policy observes the run and chooses the next taus.

Before each global round the loop requests the algorithm of that round; the recipe builds one for every choice of
taus, and its conditions are checked each time. The policy observes only values that the ledger stores by digest, so
such a run can be re-timed and resumed like any other, but its timeline cannot be computed before its models are known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from learning.algorithms.algorithm import Algorithm
from learning.engine import Engine, LazyVector, ValuesNeededError
from learning.tasks.task import Task
from netsim.bounds.from_scenario import PlanError, check_means, compressor_variance, down_variances
from netsim.bounds.gradient_probe import LARGEST
from netsim.build import BuildError
from netsim.protocol.trace import Trace
from netsim.scenario import Scenario
from netsim.scenario.adaptive_algorithm import AdaptiveRecipe
from netsim.simulation.observation import ControlContext, Observation
from netsim.tau_policies import Taus
from netsim.topology import Topology

MAX_STEPS = 2**63 - 1
"""Largest number of local steps of a device in a run."""


def adaptive_tau_of(scenario: Scenario, task: Task, engine: Engine, trace: Trace) -> AdaptiveTau | None:
    """Return the control of an adaptive tau; None for fixed taus. Raises BuildError as `check_policy` does."""
    if not isinstance(scenario.algorithm, AdaptiveRecipe):
        return None
    check_policy(scenario, trace.topology, task.dim)
    context = ControlContext(scenario, scenario.algorithm.control, task, engine, trace)
    return AdaptiveTau(context, scenario.algorithm, scenario.layered_algorithm)


@dataclass
class AdaptiveTau:
    """The taus of a run with an adaptive tau; `algorithm` is that of the next global round."""

    context: ControlContext
    recipe: AdaptiveRecipe
    algorithm: Algorithm

    def next_algorithm(self) -> Algorithm:
        """Return the algorithm of the next global round."""
        return self.algorithm

    @property
    def columns(self) -> dict[str, int]:
        """The current taus, as columns of the rounds table."""
        return {f"tau_{n}": tau for n, tau in enumerate(self.algorithm.taus, start=1)}

    def is_due(self, round_number: int) -> bool:
        """Return whether the policy chooses after this global round."""
        return round_number % self.recipe.control.every == 0

    def choose(
        self, round_number: int, now_s: float, model: LazyVector, metrics: Mapping[str, float]
    ) -> None:
        """Let the policy choose after a round. Raises BuildError if its choice violates a condition of the recipe."""
        observation = Observation(self.context, self.algorithm, round_number, now_s, model, metrics)
        try:
            algorithm = self.recipe.at(self._clipped(tuple(self.recipe.control.policy.choose(observation))))
            algorithm.check_dimension(self.context.engine.dim)
        except ValuesNeededError:
            raise
        except ValueError as error:
            raise BuildError(f"algorithm: tau.adaptive.policy, after round {round_number}: {error}") from None
        left = self.context.scenario.stop.rounds - round_number
        if self.context.trace.rounds[-1]["local_steps"] + left * algorithm.steps(algorithm.depth) > MAX_STEPS:
            raise BuildError(
                f"algorithm: tau {list(algorithm.taus)}, chosen after round {round_number}, makes more than "
                f"{MAX_STEPS} local steps; lower tau.adaptive.most"
            )
        self.algorithm = algorithm

    def _clipped(self, chosen: Sequence[int]) -> Taus:
        """Clip the taus to 1 ... `most`; where the recipe allows one value only, return that one."""
        start, most = self.recipe.control.start, self.recipe.control.most
        if len(chosen) != len(start):
            raise ValueError(f"it chose {len(chosen)} taus for {len(start)} layers")
        return tuple(
            first if is_pinned else min(max(1, tau), most)
            for tau, first, is_pinned in zip(chosen, start, self._is_pinned, strict=True)
        )

    @cached_property
    def _is_pinned(self) -> list[bool]:
        return [self.recipe.is_pinned(n) for n in range(1, len(self.recipe.control.start) + 1)]


def check_policy(scenario: Scenario, topology: Topology, dim: int) -> None:
    """Check that the scenario has what the policy needs. Raises BuildError with what is missing."""
    if not isinstance(scenario.algorithm, AdaptiveRecipe):
        return
    algorithm, needs = scenario.layered_algorithm, scenario.algorithm.control.policy.needs
    if "deadline" in needs and scenario.stop.deadline is None:
        raise BuildError("algorithm: tau.adaptive.policy plans up to a deadline; give stop.deadline")
    if "bounds" not in needs:
        return
    try:
        check_means(algorithm)
        down_variances(algorithm, dim)
        for n, layer in enumerate(algorithm.layers, start=1):
            compressor_variance(layer.up, dim, f"layer {n}: up")
    except PlanError as error:
        raise BuildError(f"algorithm: tau.adaptive.policy: {error}; or use adacomm or stages") from None
    devices = len(topology.devices)
    if "gradients" in needs and devices * dim > LARGEST:
        raise BuildError(
            f"algorithm: tau.adaptive.policy holds a gradient per device, {devices} x {dim:,} numbers, more than "
            f"{LARGEST:,}; use hier_local_qsgd or adacomm"
        )


def needs_values(scenario: Scenario) -> bool:
    """Return whether the taus depend on values of models."""
    return isinstance(scenario.algorithm, AdaptiveRecipe) and bool(scenario.algorithm.control.policy.needs)
