"""Preparation of a run: choice of the training strategy, and the estimate of its memory."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from learning.engine import DeviceKind, EngineKind, StrategyError, resolve_numerics
from learning.host_memory import memory_bytes as machine_bytes
from learning.tasks.task import describe_task
from netsim.cli.exit_codes import InputError
from netsim.scenario import Scenario, grow
from netsim.simulation.memory_estimate import MemoryEstimate, estimate_memory, format_bytes


def choose_strategy(
    scenario: Scenario,
    engine: EngineKind,
    device: DeviceKind,
    strategy: str | None,
    tune: bool,
    memory_bytes: int | None,
) -> str | None:
    """Return the strategy to use: the given one, the fastest measured one (table on stderr), or None."""
    if engine != "batched" and (tune or strategy is not None):
        option = "--tune" if tune else "--strategy"
        raise InputError(f"{option} applies to --engine batched, got --engine {engine}; remove one of them")
    if tune and strategy is not None:
        raise InputError(f"--tune chooses the strategy, got --strategy {strategy} too; remove one of them")
    if not tune:
        return strategy
    from learning.engine.strategy_tuning import tune_strategy
    from netsim.build import build_task

    topology = grow(scenario)
    task = build_task(scenario, topology)
    try:
        numerics = resolve_numerics("batched", device, scenario.precision, task)
    except StrategyError as error:
        raise InputError(str(error)) from None
    leaf, steps = scenario.layered_algorithm.leaf, scenario.layered_algorithm.layers[0].tau
    trials = tune_strategy(numerics, task, leaf, steps if isinstance(steps, int) else 1, memory_bytes)
    lines = [f"  {trial.strategy:<10}{trial.steps_per_s:>12,.0f}" for trial in trials]
    best = trials[0].strategy
    lines = [
        "strategy    device-steps/s",
        *lines,
        f"pinned: {best}; `--strategy {best}` repeats this run on any machine",
    ]
    sys.stderr.write("\n".join(lines) + "\n")
    return best


@dataclass(frozen=True)
class _TaskSize:
    """Sizes of a task that `resolve_numerics` needs, known without its data."""

    dim: int
    architecture: str
    devices: int


def memory_line(
    scenario: Scenario,
    engine: EngineKind = "batched",
    device: DeviceKind = "cpu",
    strategy: str | None = None,
    memory_bytes: int | None = None,
) -> str:
    """Return the line `memory: about ...`; empty for an invalid scenario, whose error follows later."""
    found = _estimate(scenario, engine, device, strategy, memory_bytes)
    return f"memory: {found}\n" if found is not None else ""


def check_memory(
    scenario: Scenario,
    engine: EngineKind,
    device: DeviceKind,
    strategy: str | None,
    memory_bytes: int | None,
) -> None:
    """Raise InputError if the estimate, accurate to a factor of two, exceeds twice the memory of this machine."""
    found, there = _estimate(scenario, engine, device, strategy, memory_bytes), machine_bytes()
    if found is not None and device != "cuda" and found.total > 2 * there:
        raise InputError(
            f"the run would need {found}, and this machine has {format_bytes(there)}; take a smaller "
            "model, batch_size, tree or stop.rounds, or lower --memory"
        )


def _estimate(
    scenario: Scenario,
    engine: EngineKind,
    device: DeviceKind,
    strategy: str | None,
    memory_bytes: int | None,
) -> MemoryEstimate | None:
    topology, model = grow(scenario), scenario.task.model
    folder = Path(scenario.task.data_dir) if scenario.task.data_dir else None
    try:
        dim, _, shape = describe_task(scenario.task.dataset, model, folder)
        sizes = _TaskSize(dim, "objective" if model is None else model.architecture, len(topology.levels[0]))
        numerics = resolve_numerics(engine, device, scenario.precision, sizes, strategy, memory_bytes)
    except ValueError:
        return None
    return estimate_memory(scenario, topology, dim, shape, numerics, memory_bytes)
