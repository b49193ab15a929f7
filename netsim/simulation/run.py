"""Run a scenario: prepare its parts, step the event loop, assemble the result."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import simpy

from learning.engine import (
    DeviceKind,
    Engine,
    EngineKind,
    NotFiniteError,
    Numerics,
    StrategyError,
    ValuesNeededError,
    make_solver,
    resolve_numerics,
)
from learning.store.checkpoints import Checkpoint
from learning.store.ledger import Ledger
from learning.tasks.task import Task
from netsim.build import BuildError, build_task
from netsim.protocol.trace import AGGREGATIONS, Trace
from netsim.results.table_buffer import Rows
from netsim.scenario import Scenario, grow
from netsim.simulation.adaptive_tau import adaptive_tau_of, needs_values
from netsim.simulation.checkpointing import CHECKPOINT_S, CheckpointSchedule
from netsim.simulation.event_loop import step_events
from netsim.simulation.invariants import verify as verify_invariants
from netsim.simulation.loop_setup import build_loop
from netsim.simulation.run_state import OnRow, Run

if TYPE_CHECKING:
    from netsim.results.result import Result


class UpdateError(ValueError):
    """An update is not finite, and the scenario has finite: stop."""


def simulate(
    scenario: Scenario,
    *,
    engine: EngineKind = "batched",
    device: DeviceKind = "auto",
    strategy: str | None = None,
    memory_bytes: int | None = None,
    ledger: Ledger | None = None,
    checkpoint_s: float = CHECKPOINT_S,
    on_round: OnRow | None = None,
    verify: bool = False,
) -> Result:
    """Run `scenario` until a stopping rule holds, or its loss has diverged, and return its tables.

    Simulated time does not depend on the host, nor do results on `memory_bytes` (except for the stack size of vmap,
    which is part of the digest).

    Args:
        engine: batched (stacked waves), eager (one device at a time, the oracle) or timing (no values, no torch).
        device: auto, cpu or cuda.
        strategy: how to train, instead of the model's own strategy; it is part of the digest.
        memory_bytes: bound of the workspace in which models are computed.
        ledger: values computed before. A run whose models were all evaluated before, perhaps over another network,
            trains nothing: it is re-timed. A run that was killed, or that now has more rounds, continues from its last
            checkpoint, with equal tables.
        checkpoint_s: host seconds between checkpoints (0: after every round; inf: only after the last).
        on_round: called with each new row of the rounds table.
        verify: check the invariants of `netsim.simulation.invariants` too.

    Raises:
        BuildError, DataError, TopologyError: (all ValueError, with place and remedy) for input that shows itself only
            here: missing data sets, devices outside the range of a path loss model, a condition of the algorithm
            that depends on the number of parameters.
        UpdateError: an update is not finite, and the scenario has finite: stop.
        InvariantError: an invariant does not hold.
    """
    from netsim.simulation.result_assembly import HostClock, assemble_result

    host = HostClock()
    options: dict[str, Any] = {
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
        run, known = retime(scenario, **options)
    if run is None:
        options |= {"on_round": on_round, "checkpoint_s": checkpoint_s}
        run = _resume(scenario, known, **options) or execute(scenario, **options)
    elif on_round is not None:
        on_round(run.trace.rounds[-1])
    return assemble_result(scenario, run.numerics, run.task, run.trace, run.stopped_by, host)


def retime(scenario: Scenario, **options: Any) -> tuple[Run | None, list[bytes]]:
    """Return the run with all values from the ledger, and the digests of its models.

    The run is None if a value is missing; the digests then end there. `options`: as for `prepare`.
    """
    run = prepare(scenario, values=False, **options)
    try:
        run_to_end(run)
    except ValuesNeededError:
        return None, run.digests
    return (None if run.engine.missing_metrics else run), run.digests


def _resume(scenario: Scenario, known: list[bytes], ledger: Ledger | None, **options: Any) -> Run | None:
    """Return the run continued from its last checkpoint; None if there is none."""
    checkpoint = None
    if ledger is not None and options["engine"] == "batched":
        checkpoint = ledger.latest_checkpoint(known)
    if checkpoint is None:
        return None
    try:
        return execute(scenario, ledger=ledger, checkpoint=checkpoint, **options)
    except ValuesNeededError:  # the ledger was pruned by another process
        return None


def execute(scenario: Scenario, **options: Any) -> Run:
    """Run `scenario` and return the run with its trace and an engine that still holds the model.

    Options as for `prepare`, errors as for `simulate`.
    """
    run = prepare(scenario, **options)
    run_to_end(run)
    return run


def run_to_end(run: Run) -> None:
    """Run from the initial model until a stopping rule holds."""
    try:
        run.begin()
        if run.verify:
            run.trace.aggregations = Rows(AGGREGATIONS)
        step_events(run)
        run.end()
        if run.verify:
            verify_invariants(run)
    except NotFiniteError as error:
        raise UpdateError(run.describe_update(error)) from None


def prepare(
    scenario: Scenario,
    *,
    engine: EngineKind = "batched",
    device: DeviceKind = "auto",
    strategy: str | None = None,
    memory_bytes: int | None = None,
    ledger: Ledger | None = None,
    checkpoint: Checkpoint | None = None,
    checkpoint_s: float | None = None,
    on_round: OnRow | None = None,
    values: bool = True,
    verify: bool = False,
) -> Run:
    """Return a run that is ready to begin. Arguments and errors as for `simulate`.

    Without `values` the vectors get the digests that `engine` would give them, but are not computed: metrics and coded
    sizes come from the ledger alone. With a `checkpoint`, the run continues as if it had never stopped.
    """
    topology = grow(scenario)
    if engine == "timing" and needs_values(scenario):
        raise BuildError(
            "algorithm: an adaptive tau depends on the model's loss, which the timing engine does not compute: use "
            "--engine batched, or the policy stages"
        )
    task = build_task(scenario, topology)
    try:
        numerics = resolve_numerics(engine, device, scenario.precision, task, strategy, memory_bytes)
        solver = make_solver(numerics, task, scenario.seed, memory_bytes) if values else None
    except StrategyError as error:
        raise BuildError(str(error)) from None
    root = digest_root(task, numerics)
    vectors = Engine(root, scenario.seed, task.dim, solver, ledger, checkpoint, scenario.finite)
    env, trace = simpy.Environment(), Trace(topology)
    loop = build_loop(scenario, topology, task, env, vectors, trace)
    if (control := adaptive_tau_of(scenario, task, vectors, trace)) is not None:
        loop = replace(loop, next_algorithm=control.next_algorithm)
    writes_checkpoints = values and engine == "batched" and ledger and checkpoint_s is not None
    checkpoints = CheckpointSchedule(ledger, checkpoint_s) if writes_checkpoints else None  # type: ignore[arg-type]
    initial = vectors.initial_model()
    return Run(
        scenario,
        task,
        numerics,
        vectors,
        trace,
        loop,
        checkpoints,
        on_round,
        initial,
        control,
        verify=verify,
    )


def digest_root(task: Task, numerics: Numerics) -> bytes:
    """Return the digest of what all values depend on besides operations and seed: data, partition, model, numerics."""
    return hashlib.blake2b(f"{task.fingerprint}|{numerics.tag}".encode(), digest_size=16).digest()
