"""Adaptive control: after every so many global rounds a policy sees what was measured, and says the next taus.

The loop asks before each global round for the ladder it is to run; the recipe makes one for every choice of taus, and
its laws are checked each time. Values are seen only through what is kept under digests, so such a run can be re-timed
and resumed like any other, but not laid out before its models are known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from learning.algorithms.algorithm import Algorithm
from learning.engine import Engine, Ref, ValuesNeededError
from learning.tasks.task import Task
from netsim.bounds.from_scenario import PlanError, check_means, down_variances, variance
from netsim.bounds.gradient_probe import LARGEST
from netsim.build import BuildError
from netsim.protocol.trace import Trace
from netsim.scenario import Scenario
from netsim.scenario.adaptive_algorithm import AdaptiveRecipe
from netsim.simulation.observation import ControlContext, Observation
from netsim.tau_policies import Taus
from netsim.topology import Topology

MOST_STEPS = 2**63 - 1
"""Local steps of a device in a run."""


def control_of(scenario: Scenario, task: Task, engine: Engine, trace: Trace) -> Control | None:
    """The control of a scenario with an adaptive tau; None for others. Raises WiringError as `check_policy`."""
    if not isinstance(scenario.algorithm, AdaptiveRecipe):
        return None
    check_policy(scenario, trace.topology, task.dim)
    scene = ControlContext(scenario, scenario.algorithm.control, task, engine, trace)
    return Control(scene, scenario.algorithm, scenario.ladder)


@dataclass
class Control:
    """The taus of an adaptive run: asked by the loop, told of every finished global round; made by `control_of`."""

    scene: ControlContext
    recipe: AdaptiveRecipe
    algorithm: Algorithm
    """The ladder of the next global round."""

    def ladder(self) -> Algorithm:
        """The ladder of the next global round."""
        return self.algorithm

    @property
    def columns(self) -> dict[str, int]:
        """The taus in use, as the rounds table has them."""
        return {f"tau_{n}": tau for n, tau in enumerate(self.algorithm.taus, start=1)}

    def due(self, turn: int) -> bool:
        """Whether the taus are chosen anew after that global round."""
        return turn % self.recipe.control.every == 0

    def choose(self, turn: int, now_s: float, model: Ref, metrics: Mapping[str, float]) -> None:
        """Let the policy choose after round `turn`. Raises WiringError where its choice breaks a law."""
        seen = Observation(self.scene, self.algorithm, turn, now_s, model, metrics)
        try:
            ladder = self.recipe.at(self._kept(tuple(self.recipe.control.policy.choose(seen))))
            ladder.check_dimension(self.scene.engine.dim)
        except ValuesNeededError:
            raise
        except ValueError as error:
            raise BuildError(f"algorithm: tau.adaptive.policy, after round {turn}: {error}") from None
        left = self.scene.scenario.stop.rounds - turn
        if self.scene.trace.rounds[-1]["local_steps"] + left * ladder.steps(ladder.depth) > MOST_STEPS:
            raise BuildError(
                f"algorithm: tau {list(ladder.taus)}, chosen after round {turn}, makes more than {MOST_STEPS} local "
                "steps; lower tau.adaptive.most"
            )
        self.algorithm = ladder

    def _kept(self, wanted: Sequence[int]) -> Taus:
        """Between 1 and `most`, layer by layer; where the recipe allows one value only, that one."""
        start, most = self.recipe.control.start, self.recipe.control.most
        if len(wanted) != len(start):
            raise ValueError(f"it chose {len(wanted)} taus for {len(start)} layers")
        return tuple(
            first if pinned else min(max(1, tau), most)
            for tau, first, pinned in zip(wanted, start, self._pinned, strict=True)
        )

    @cached_property
    def _pinned(self) -> list[bool]:
        return [self.recipe.pinned(n) for n in range(1, len(self.recipe.control.start) + 1)]


def check_policy(scenario: Scenario, topology: Topology, dim: int) -> None:
    """What an adaptive tau needs is there. Raises WiringError with what is missing."""
    if not isinstance(scenario.algorithm, AdaptiveRecipe):
        return
    ladder, needs = scenario.ladder, scenario.algorithm.control.policy.needs
    if "deadline" in needs and scenario.stop.deadline is None:
        raise BuildError("algorithm: tau.adaptive.policy plans up to a deadline; give stop.deadline")
    if "bounds" not in needs:
        return
    try:
        check_means(ladder)
        down_variances(ladder, dim)
        for n, layer in enumerate(ladder.layers, start=1):
            variance(layer.up, dim, f"layer {n}: up")
    except PlanError as error:
        raise BuildError(f"algorithm: tau.adaptive.policy: {error}; or use adacomm or stages") from None
    devices = len(topology.devices)
    if "gradients" in needs and devices * dim > LARGEST:
        raise BuildError(
            f"algorithm: tau.adaptive.policy holds a gradient per device, {devices} x {dim:,} numbers, more than "
            f"{LARGEST:,}; use hier_local_qsgd or adacomm"
        )


def needs_values(scenario: Scenario) -> bool:
    """Whether the taus depend on what the models are."""
    return isinstance(scenario.algorithm, AdaptiveRecipe) and bool(scenario.algorithm.control.policy.needs)
