"""Build the round loop of a run from the parts that `netsim.build` makes."""

from __future__ import annotations

from dataclasses import replace

import simpy

from learning.aggregation.rules import Vote
from learning.engine import Engine
from learning.tasks.task import Task
from netsim.barriers.barriers import All
from netsim.build import BuildError, attached, clock_of, connect, meter_of, roster_of
from netsim.devices.clock import Work
from netsim.network.message_loss import NoLoss
from netsim.protocol.availability import begin
from netsim.protocol.broadcast import Broadcaster
from netsim.protocol.local_steps import LocalSteps
from netsim.protocol.loop import Loop
from netsim.protocol.model_copies import ModelCopies
from netsim.protocol.trace import Trace
from netsim.protocol.transport import Transport
from netsim.scenario import Scenario
from netsim.selection.availability import Availability
from netsim.selection.selection import SelectionContext
from netsim.simulation.dynamics import disturbed
from netsim.topology import Topology


def wire(
    scenario: Scenario, topology: Topology, task: Task, env: simpy.Environment, engine: Engine, trace: Trace
) -> Loop:
    """Everything the nested loop needs. Raises WiringError as `connect` does."""
    algorithm = scenario.ladder
    _check_votes(scenario)
    below = attached(scenario, topology, task)
    membership = roster_of(connect(scenario, topology, env, below), below, algorithm, task.samples)
    batch = algorithm.leaf.batch_size
    work = Work(float(task.flops_per_sample * batch), batch)
    clock = clock_of(scenario, topology, work)
    if (meter := meter_of(scenario, topology, clock)) is not None:
        trace.metered(meter)
    waits = scenario.wait if any(not isinstance(wait, All) for wait in scenario.wait) else ()
    context = SelectionContext(scenario.seed, membership, task.samples, clock)
    choices = tuple(selection.choice(context) for selection in scenario.selection)
    choices = choices if any(choice is not None for choice in choices) else ()
    availability = scenario.devices.availability
    changing = bool(scenario.faults) or scenario.mobility is not None
    copies = ModelCopies(watching=bool(waits or choices or availability) or changing)
    broadcaster = Broadcaster(env, membership, Transport(env, trace, meter), task.dim, topology.depth, copies)
    loop = Loop(env, engine, algorithm, broadcaster, clock, scenario.servers.aggregation, waits, choices)
    each = algorithm.paces(task.samples)
    loop = replace(loop, paces=LocalSteps(each if max(each) > 1 else ()))
    if availability is not None:
        attended(loop, topology, availability, scenario.seed)
    try:
        return disturbed(loop, scenario, topology) if changing else loop
    except (ValueError, OSError) as error:
        raise BuildError(str(error)) from None


def attended(loop: Loop, topology: Topology, availability: Availability, seed: int) -> None:
    """Have devices come and go. Raises WiringError for a recording that cannot be used."""
    try:
        begin(loop, topology.devices, availability, seed)
    except (ValueError, OSError) as error:
        raise BuildError(f"devices.availability: {error}") from None


def _check_votes(scenario: Scenario) -> None:
    """An edge server that hears no vote makes no step, for which the one-bit code has no word."""
    rule, part = scenario.ladder.layers[0].rule, scenario.network[0]
    if not isinstance(rule, Vote) or rule.stays:
        return
    loss = getattr(getattr(part, "radio", part), "loss", None)
    why = ""
    if loss is not None and not isinstance(loss, NoLoss):
        why = "network[0].loss: uploads can be lost"
    elif scenario.wait and scenario.wait[0].enough(0, 0, 2, due=True):
        why = "wait[0]: the barrier may open before anybody has answered (or set at_least: 1)"
    elif scenario.finite == "reject":
        why = "finite: votes can be rejected (or finite: stop)"
    if why:
        raise BuildError(
            f"{why}, and an edge server that hears no vote makes no step, which one bit cannot say; set the vote's "
            "ties: zero"
        )
