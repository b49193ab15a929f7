"""One run: wire the rooms together, let the loop run, close the books. Functions, not a class."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import simpy

from learning.engine import (
    DeviceKind,
    Engine,
    EngineKind,
    NotFiniteError,
    Numerics,
    Ref,
    StrategyError,
    ValuesNeededError,
    make_solver,
    resolve,
)
from learning.store.checkpoints import Checkpoint
from learning.store.ledger import Ledger
from learning.tasks.task import Task
from netsim.build import BuildError, task_of
from netsim.protocol.loop import Loop
from netsim.protocol.trace import MERGES, Path, Trace
from netsim.results.table_buffer import Rows
from netsim.scenario import Scenario, grow
from netsim.simulation.adaptive_tau import Control, control_of, needs_values
from netsim.simulation.checkpointing import CHECKPOINT_S, CheckpointSchedule
from netsim.simulation.event_loop import NOBODY, drive
from netsim.simulation.invariants import verify
from netsim.simulation.loop_setup import wire

if TYPE_CHECKING:
    from netsim.results.result import Result

OnRound = Callable[[Mapping[str, Any]], None]
"""Told each new row of the rounds table, for a progress display."""

DIVERGED = 1e6
"""A loss so many times the first one (plus 1) ends a run, as one does that is not finite."""

NOT_EVALUATED = {"accuracy": float("nan"), "loss": float("nan")}


def simulate(
    scenario: Scenario,
    *,
    engine: EngineKind = "batched",
    device: DeviceKind = "auto",
    strategy: str | None = None,
    memory_bytes: int | None = None,
    ledger: Ledger | None = None,
    checkpoint_s: float = CHECKPOINT_S,
    on_round: OnRound | None = None,
    verify: bool = False,
) -> Result:
    """Run `scenario` until a stopping rule holds, or its loss has diverged, and return its tables.

    `engine`: batched (stacked waves), eager (one device at a time, the oracle) or timing (no values, no
    torch). `strategy` pins another way to train than the model's own; it is part of the digest. Simulated time
    never depends on the host, nor do results on `memory_bytes` (but vmap's stack size, which the digest holds,
    does). `verify`: check the laws of `netsim.simulation.invariants` too (BrokenLawError). With a `ledger`, a run whose models
    were all evaluated before, perhaps over another network, trains nothing: it is re-timed; one that was killed, or
    now asks for more rounds, goes on from its last checkpoint, to equal tables. Checkpoints are `checkpoint_s` host
    seconds apart (0: after every round; inf: only after the last).
    Raises WiringError, DataError or TopologyError (all ValueError, with place and remedy) for input that
    only shows itself here: missing data sets, devices outside a path loss's range, a law of the
    algorithm that depends on the number of parameters.
    """
    from netsim.simulation.result_assembly import HostClock, close_books

    host = HostClock()
    how: dict[str, Any] = {
        "engine": engine,
        "device": device,
        "strategy": strategy,
        "memory_bytes": memory_bytes,
        "ledger": ledger,
        "verify": verify,
    }
    run: Run | None = None
    known: list[bytes] = []
    if ledger is not None and engine != "timing":
        run, known = retimed(scenario, **how)
    if run is None:
        how |= {"on_round": on_round, "checkpoint_s": checkpoint_s}
        run = _resumed(scenario, known, **how) or play(scenario, **how)
    elif on_round is not None:
        on_round(run.trace.rounds[-1])
    return close_books(scenario, run.numerics, run.task, run.trace, run.stopped_by, host)


def retimed(scenario: Scenario, **how: Any) -> tuple[Run | None, list[bytes]]:
    """The run with every value taken from the ledger (None where one is missing), and its models up to there.

    `how`: as for `stage`.
    """
    run = stage(scenario, values=False, **how)
    try:
        run.go()
    except ValuesNeededError:
        return None, run.digests
    return (None if run.engine.unknown else run), run.digests


def _resumed(scenario: Scenario, known: list[bytes], ledger: Ledger | None, **how: Any) -> Run | None:
    """The run continued from its last checkpoint, if there is one."""
    cut = ledger.latest_cut(known) if ledger is not None and how["engine"] == "batched" else None
    if cut is None:
        return None
    try:
        return play(scenario, ledger=ledger, cut=cut, **how)
    except ValuesNeededError:  # somebody pruned the ledger meanwhile
        return None


class UpdateError(ValueError):
    """An update is not finite, and the scenario says finite: stop."""


@dataclass
class Run:
    """A run between and after its events: `model` is the cloud's model after the last finished global round."""

    scenario: Scenario
    task: Task
    numerics: Numerics
    engine: Engine
    trace: Trace
    loop: Loop
    checkpoints: CheckpointSchedule | None
    on_round: OnRound | None
    model: Ref
    control: Control | None = None
    """Of an adaptive tau."""
    stopped_by: str = "deadline"
    verify: bool = False
    """Whether the laws of `netsim.simulation.invariants` are checked on the way and at the end."""
    digests: list[bytes] = field(default_factory=list)
    """The cloud's model of every finished global round, by name."""

    @property
    def env(self) -> simpy.Environment:
        """The event loop."""
        return self.loop.env

    def go(self) -> None:
        """From the initial model until a stopping rule holds."""
        try:
            self.begin()
            if self.verify:
                self.trace.merges = Rows(MERGES)
            drive(self)
            self.close()
            if self.verify:
                verify(self)
        except NotFiniteError as error:
            raise UpdateError(self._whose(error)) from None

    def begin(self) -> None:
        """Row 0: the initial model at t = 0."""
        self.trace.start(self.engine.score(self.model))
        self._tau_columns()
        self._told()

    def watch(self, k: int, model: Ref, path: Path) -> bool:
        """Close global round k + 1; True once a stopping rule holds."""
        stop, turn, self.model = self.scenario.stop, k + 1, model
        self.digests.append(model.digest)
        self.engine.reached(turn)
        due = self.control is not None and self.control.due(turn)
        evaluated = due or turn == stop.rounds or turn % self.scenario.evaluate.every == 0
        if evaluated:
            metrics = self.engine.score(model)
        else:
            self.engine.settle(model)
            metrics = NOT_EVALUATED
        ladder = self.loop.algorithm if self.control is None else self.control.algorithm
        steps = self.trace.rounds[-1]["local_steps"] + ladder.steps(ladder.depth) * self.loop.paces.mean
        self.trace.round_done(turn, self.env.now, metrics, steps, path)
        self._tau_columns()
        self._told()
        if stop.target_accuracy is not None and metrics["accuracy"] >= stop.target_accuracy:
            self.stopped_by = "target_accuracy"
        elif turn == stop.rounds:
            self.stopped_by = "rounds"
        if evaluated and self._diverged(metrics["loss"]):
            self.stopped_by = "diverged"
        over = stop.deadline is not None and self.env.now >= stop.deadline
        over = over or self.stopped_by != "deadline"
        if self.checkpoints is not None:
            self.checkpoints.after_round(self.engine, model, turn, last=over)
        if self.control is not None and due and not over:
            self.control.choose(turn, self.env.now, model, metrics)
        return over

    def close(self) -> None:
        """Evaluate the last finished round if its row was not due; charge what an unfinished one drew by now."""
        row = self.trace.rounds[-1]
        if self.trace.meter is not None:
            self.trace.meter.cut(self.env.now)
            self.trace.meter.close(max(0.0, self.env.now - row["sim_time_s"]))
        if row["round"] % self.scenario.evaluate.every and self.stopped_by in ("deadline", NOBODY):
            row |= self.engine.score(self.model)

    def _diverged(self, loss: float) -> bool:
        """Whether there is no point in going on: a loss that overflowed, or DIVERGED times the first one."""
        if self.engine.unknown:
            return False  # nobody computed it
        return diverged(loss, self.trace.rounds[0]["loss"])

    def _tau_columns(self) -> None:
        """Where the taus may change, every row says which were in use."""
        if self.control is not None:
            self.trace.rounds[-1] |= self.control.columns

    def _whose(self, error: NotFiniteError) -> str:
        level, ordinal = error.place
        node = self.trace.topology.levels[level][ordinal]
        return (
            f"round {error.turn}: the update of {node.name} is not finite: {error}; lower the learning rate or clip "
            "gradients, or leave such updates out (finite: reject)"
        )

    def _told(self) -> None:
        if self.on_round is not None:
            self.on_round(self.trace.rounds[-1])


def diverged(loss: float, first: float) -> bool:
    """Whether a loss ends a run: one that is not finite, or DIVERGED times the `first` one (plus 1)."""
    return not math.isfinite(loss) or loss > DIVERGED * (1.0 + abs(first))


def play(scenario: Scenario, **how: Any) -> Run:
    """Run `scenario` and return the run itself: its trace, and an engine that still holds the model.

    Arguments as for `stage`, errors as for `simulate`.
    """
    run = stage(scenario, **how)
    run.go()
    return run


def stage(
    scenario: Scenario,
    *,
    engine: EngineKind = "batched",
    device: DeviceKind = "auto",
    strategy: str | None = None,
    memory_bytes: int | None = None,
    ledger: Ledger | None = None,
    cut: Checkpoint | None = None,
    checkpoint_s: float | None = None,
    on_round: OnRound | None = None,
    values: bool = True,
    verify: bool = False,
) -> Run:
    """A run that is ready to go: arguments and errors as for `simulate`.

    Without `values` the vectors get the names that `engine` would give them, but are not computed: metrics
    and coded sizes come from the ledger alone. From a `cut` on, the run goes as if it had never stopped.
    """
    topology = grow(scenario)
    if engine == "timing" and needs_values(scenario):
        raise BuildError(
            "algorithm: an adaptive tau follows the model's loss, and the timing engine computes none: use --engine "
            "batched, or the policy stages"
        )
    task = task_of(scenario, topology)
    try:
        numerics = resolve(engine, device, scenario.precision, task, strategy, memory_bytes)
        solver = make_solver(numerics, task, scenario.seed, memory_bytes) if values else None
    except StrategyError as error:
        raise BuildError(str(error)) from None
    vectors = Engine(run_root(task, numerics), scenario.seed, task.dim, solver, ledger, cut, scenario.finite)
    env, trace = simpy.Environment(), Trace(topology)
    loop = wire(scenario, topology, task, env, vectors, trace)
    if (control := control_of(scenario, task, vectors, trace)) is not None:
        loop = replace(loop, ladders=control.ladder)
    keeps = values and engine == "batched"
    cadence = (
        CheckpointSchedule(ledger, checkpoint_s) if keeps and ledger and checkpoint_s is not None else None
    )
    first = vectors.start()
    return Run(
        scenario, task, numerics, vectors, trace, loop, cadence, on_round, first, control, verify=verify
    )


def run_root(task: Task, numerics: Numerics) -> bytes:
    """What values depend on besides operations and seed: the data, how devices share them, the model, the numerics."""
    return hashlib.blake2b(f"{task.fingerprint}|{numerics.tag}".encode(), digest_size=16).digest()
