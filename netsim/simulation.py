"""One run: wire the rooms together, let the loop run, close the books. Functions, not a class."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import simpy

from learning.compressors import Plain
from learning.engine import (
    DeviceKind,
    Engine,
    EngineKind,
    Numerics,
    Ref,
    StrategyError,
    ValuesNeededError,
    Visit,
    make_solver,
    resolve,
)
from learning.ledger import Ledger
from learning.tasks import Task
from netsim.protocol import Heard, Loop
from netsim.scenario import Scenario, grow
from netsim.topology import Node
from netsim.trace import Path, Trace
from netsim.wiring import WiringError, task_of, wire

if TYPE_CHECKING:
    from netsim.result import Result

OnRound = Callable[[Mapping[str, Any]], None]
"""Told each new row of the rounds table, for a progress display."""

NOT_EVALUATED = {"accuracy": float("nan"), "loss": float("nan")}


def simulate(
    scenario: Scenario,
    *,
    engine: EngineKind = "batched",
    device: DeviceKind = "auto",
    strategy: str | None = None,
    memory_bytes: int | None = None,
    ledger: Ledger | None = None,
    on_round: OnRound | None = None,
) -> Result:
    """Run `scenario` until a stopping rule holds and return its tables.

    `engine`: batched (stacked waves), eager (one device at a time, the oracle) or timing (no values, no
    torch). `strategy` pins another way to train than the model's own; it is part of the digest. Simulated time
    never depends on the host, nor do results on `memory_bytes` (but vmap's stack size, which the digest holds,
    does). With a `ledger`, a run
    whose models were all evaluated before, perhaps over another network, trains nothing: it is re-timed.
    Raises WiringError, DataError or TopologyError (all ValueError, with place and remedy) for input that
    only shows itself here: missing data sets, devices outside a path loss's range, a law of the
    algorithm that depends on the number of parameters.
    """
    from netsim.books import HostClock, close_books

    host = HostClock()
    how: dict[str, Any] = {
        "device": device,
        "strategy": strategy,
        "memory_bytes": memory_bytes,
        "ledger": ledger,
    }
    run = None if ledger is None or engine == "timing" else retimed(scenario, engine, **how)
    if run is None:
        run = play(scenario, engine=engine, on_round=on_round, **how)
    elif on_round is not None:
        on_round(run.trace.rounds[-1])
    return close_books(scenario, run.numerics, run.task, run.trace, run.stopped_by, host)


def retimed(scenario: Scenario, engine: EngineKind, **how: Any) -> Run | None:
    """The run with every value taken from the ledger; None where one is missing. `how`: as for `play`."""
    try:
        run = play(scenario, engine=engine, values=False, **how)
    except ValuesNeededError:
        return None
    return None if run.engine.unknown else run


@dataclass
class Run:
    """A run between and after its events: `model` is the cloud's model after the last finished global round."""

    scenario: Scenario
    task: Task
    numerics: Numerics
    engine: Engine
    trace: Trace
    env: simpy.Environment
    on_round: OnRound | None
    model: Ref
    stopped_by: str = "deadline"
    digests: list[bytes] = field(default_factory=list)
    """The cloud's model of every finished global round, by name."""

    def begin(self) -> None:
        """Row 0: the initial model at t = 0."""
        self.trace.start(self.engine.score(self.model))
        self._told()

    def watch(self, k: int, model: Ref, path: Path) -> bool:
        """Close global round k + 1; True once a stopping rule holds."""
        stop, turn, self.model = self.scenario.stop, k + 1, model
        self.digests.append(model.digest)
        if turn == stop.rounds or turn % self.scenario.evaluate.every == 0:
            metrics = self.engine.score(model)
        else:
            self.engine.settle(model)
            metrics = NOT_EVALUATED
        steps = turn * self.scenario.ladder.steps(self.trace.topology.depth)
        self.trace.round_done(turn, self.env.now, metrics, steps, path)
        self._told()
        if stop.target_accuracy is not None and metrics["accuracy"] >= stop.target_accuracy:
            self.stopped_by = "target_accuracy"
        elif turn == stop.rounds:
            self.stopped_by = "rounds"
        over = stop.deadline is not None and self.env.now >= stop.deadline
        return over or self.stopped_by != "deadline"

    def close(self) -> None:
        """Evaluate the last finished round if its row was not due; charge what an unfinished one has drawn."""
        row = self.trace.rounds[-1]
        if self.trace.meter is not None:
            self.trace.meter.close(max(0.0, self.env.now - row["sim_time_s"]))  # an unfinished round's
        if row["round"] % self.scenario.evaluate.every and self.stopped_by == "deadline":
            row |= self.engine.score(self.model)

    def _told(self) -> None:
        if self.on_round is not None:
            self.on_round(self.trace.rounds[-1])


def play(
    scenario: Scenario,
    *,
    engine: EngineKind = "batched",
    device: DeviceKind = "auto",
    strategy: str | None = None,
    memory_bytes: int | None = None,
    ledger: Ledger | None = None,
    on_round: OnRound | None = None,
    values: bool = True,
) -> Run:
    """Run `scenario` and return the run itself: its trace, and an engine that still holds the model.

    Arguments and errors as for `simulate`. Without `values` the vectors get the names that `engine` would
    give them, but are not computed: metrics and coded sizes come from the ledger alone.
    """
    topology = grow(scenario)
    task = task_of(scenario, topology)
    try:
        numerics = resolve(engine, device, scenario.precision, task, strategy, memory_bytes)
        solver = make_solver(numerics, task, scenario.seed, memory_bytes) if values else None
    except StrategyError as error:
        raise WiringError(str(error)) from None
    vectors = Engine(run_root(task, numerics), scenario.seed, task.dim, solver, ledger)
    env, trace = simpy.Environment(), Trace(topology)
    loop = wire(scenario, topology, task, env, vectors, trace)
    run = Run(scenario, task, numerics, vectors, trace, env, on_round, vectors.start())
    run.begin()
    _drive(run, loop, topology.root)
    run.close()
    return run


def run_root(task: Task, numerics: Numerics) -> bytes:
    """What values depend on besides operations and seed: the data, how devices share them, the model, the numerics."""
    return hashlib.blake2b(f"{task.fingerprint}|{numerics.tag}".encode(), digest_size=16).digest()


def _drive(run: Run, loop: Loop, cloud: Node) -> None:
    """Step the event loop until the cloud is done, or the next event lies beyond the deadline.

    Events at the deadline itself still happen: a round that completes at it counts.
    """
    first, stop = Heard(run.model, Plain().bits(loop.engine.dim)), run.scenario.stop
    done = run.env.process(loop.advance(cloud, first, stop.rounds, Visit((), 0), run.watch))
    with _seldom_collecting():
        while not done.processed and (stop.deadline is None or run.env.peek() <= stop.deadline):
            run.env.step()


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    """Millions of small live objects make Python's cyclic collector cost as much as the run: let it look less often."""
    usual = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()
