"""State of a run: the parts that it works with, and what happens at the end of each global round."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import simpy

from learning.engine import Engine, LazyVector, NotFiniteError, Numerics
from learning.tasks.task import Task
from netsim.protocol.loop import Loop
from netsim.protocol.trace import Path, Trace
from netsim.scenario import Scenario
from netsim.simulation.adaptive_tau import AdaptiveTau
from netsim.simulation.checkpointing import CheckpointSchedule

OnRow = Callable[[Mapping[str, Any]], None]
"""Called with each new row of the rounds table, for a progress display."""

DIVERGED = 1e6
"""A loss larger than this multiple of (1 + the first loss) ends a run, as a loss that is not finite does."""

NO_DEVICE_LEFT = "nobody left"
"""`stopped_by` of a run that ends because no device can take part any more."""

NOT_EVALUATED = {"accuracy": float("nan"), "loss": float("nan")}


@dataclass
class Run:
    """A run; `model` is the cloud's model after the last completed global round.

    `control` is that of an adaptive tau; with `verify`, the invariants are checked during the run and at its end.
    """

    scenario: Scenario
    task: Task
    numerics: Numerics
    engine: Engine
    trace: Trace
    loop: Loop
    checkpoints: CheckpointSchedule | None
    on_row: OnRow | None
    model: LazyVector
    control: AdaptiveTau | None = None
    stopped_by: str = "deadline"
    verify: bool = False
    digests: list[bytes] = field(default_factory=list)
    """Digest of the cloud's model after every completed global round."""

    @property
    def env(self) -> simpy.Environment:
        """The event loop."""
        return self.loop.env

    def begin(self) -> None:
        """Write row 0: the initial model at t = 0."""
        self.trace.record_initial(self.engine.evaluate(self.model))
        self._add_tau_columns()
        self._notify()

    def complete_round(self, k: int, model: LazyVector, path: Path) -> bool:
        """Complete global round k + 1: evaluate, write its row, checkpoint, adapt tau; return whether the run ends."""
        stop, number, self.model = self.scenario.stop, k + 1, model
        self.digests.append(model.digest)
        self.engine.end_round(number)
        adapts = self.control is not None and self.control.is_due(number)
        evaluates = adapts or number == stop.rounds or number % self.scenario.evaluate.every == 0
        if evaluates:
            metrics = self.engine.evaluate(model)
        else:
            self.engine.compute(model)
            metrics = NOT_EVALUATED
        algorithm = self.loop.algorithm if self.control is None else self.control.algorithm
        steps_per_round = algorithm.steps(algorithm.depth) * self.loop.local_work.steps.mean
        local_steps = self.trace.rounds[-1]["local_steps"] + steps_per_round
        self.trace.record_round(number, self.env.now, metrics, local_steps, path)
        self._add_tau_columns()
        self._notify()

        if stop.target_accuracy is not None and metrics["accuracy"] >= stop.target_accuracy:
            self.stopped_by = "target_accuracy"
        elif number == stop.rounds:
            self.stopped_by = "rounds"
        if evaluates and self._has_diverged(metrics["loss"]):
            self.stopped_by = "diverged"
        is_past_deadline = stop.deadline is not None and self.env.now >= stop.deadline
        ends = is_past_deadline or self.stopped_by != "deadline"
        if self.checkpoints is not None:
            self.checkpoints.after_round(self.engine, model, number, last=ends)
        if self.control is not None and adapts and not ends:
            self.control.choose(number, self.env.now, model, metrics)
        return ends

    def end(self) -> None:
        """Charge the energy of an unfinished round, and evaluate the last completed round if that was not done."""
        row = self.trace.rounds[-1]
        if self.trace.meter is not None:
            self.trace.meter.refund_unfinished(self.env.now)
            self.trace.meter.close(max(0.0, self.env.now - row["sim_time_s"]))
        was_cut = self.stopped_by in ("deadline", NO_DEVICE_LEFT)
        if row["round"] % self.scenario.evaluate.every and was_cut:
            row |= self.engine.evaluate(self.model)

    def describe_update(self, error: NotFiniteError) -> str:
        """Return the error text for an update that is not finite."""
        level, ordinal = error.node
        node = self.trace.topology.levels[level][ordinal]
        return (
            f"round {error.round_number}: the update of {node.name} is not finite: {error}; lower the learning rate or "
            "clip gradients, or leave such updates out (finite: reject)"
        )

    def _has_diverged(self, loss: float) -> bool:
        if self.engine.missing_metrics:
            return False  # the loss was not computed
        return has_diverged(loss, self.trace.rounds[0]["loss"])

    def _add_tau_columns(self) -> None:
        if self.control is not None:
            self.trace.rounds[-1] |= self.control.columns

    def _notify(self) -> None:
        if self.on_row is not None:
            self.on_row(self.trace.rounds[-1])


def has_diverged(loss: float, first: float) -> bool:
    """Return whether a loss ends a run: it is not finite, or above DIVERGED x (1 + |first loss|)."""
    return not math.isfinite(loss) or loss > DIVERGED * (1.0 + abs(first))
