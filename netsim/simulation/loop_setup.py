"""Set-up of the round loop: joins the parts of a run that `netsim.build` makes from a scenario."""

from __future__ import annotations

import simpy

from learning.aggregation.rules import Vote
from learning.engine import Engine
from learning.tasks.task import Task
from netsim.barriers.barriers import All
from netsim.build import (
    BuildError,
    build_links,
    build_membership,
    build_meter,
    device_clock,
    initial_children,
)
from netsim.devices.clock import Work
from netsim.network.message_loss import NoLoss
from netsim.protocol.absences import start_absences
from netsim.protocol.broadcast import Broadcaster
from netsim.protocol.exchange_runner import ExchangeRunner
from netsim.protocol.local_steps import LocalSteps, LocalWork
from netsim.protocol.loop import Loop
from netsim.protocol.model_copies import ModelCopies
from netsim.protocol.trace import Trace
from netsim.protocol.transport import Transport
from netsim.scenario import Scenario
from netsim.selection.interfaces import SelectionContext
from netsim.simulation.dynamics_setup import apply_dynamics
from netsim.topology import Topology


def build_loop(
    scenario: Scenario, topology: Topology, task: Task, env: simpy.Environment, engine: Engine, trace: Trace
) -> Loop:
    """Return the round loop of a run. Raises BuildError where parts of the scenario do not fit together."""
    algorithm = scenario.layered_algorithm
    _check_empty_votes(scenario)
    children = initial_children(scenario, topology, task)
    links = build_links(scenario, topology, env, children)
    membership = build_membership(links, children, algorithm, task.samples)
    batch = algorithm.leaf.batch_size
    clock = device_clock(scenario, topology, Work(float(task.flops_per_sample * batch), batch))
    if (meter := build_meter(scenario, topology, clock)) is not None:
        trace.enable_energy(meter)

    synchronous = all(isinstance(barrier, All) for barrier in scenario.wait)
    barriers = () if synchronous else scenario.wait
    context = SelectionContext(scenario.seed, membership, task.samples, clock)
    selectors = tuple(selection.make_selector(context) for selection in scenario.selection)
    if all(selector is None for selector in selectors):
        selectors = ()
    availability = scenario.devices.availability
    is_dynamic = bool(scenario.faults) or scenario.mobility is not None
    can_miss_messages = bool(barriers or selectors or availability) or is_dynamic

    copies = ModelCopies(tracked=can_miss_messages)
    transport = Transport(env, trace, meter)
    broadcaster = Broadcaster(env, membership, transport, task.dim, topology.depth, copies)
    exchanges = ExchangeRunner(env, broadcaster)
    steps = algorithm.steps_per_iteration(task.samples)
    local_work = LocalWork(clock, LocalSteps(steps if max(steps) > 1 else ()), meter=meter)
    aggregation_s = scenario.servers.aggregation
    loop = Loop(exchanges, engine, algorithm, local_work, aggregation_s, barriers, selectors)
    if availability is not None:
        try:
            start_absences(exchanges, topology.devices, availability, scenario.seed)
        except (ValueError, OSError) as error:
            raise BuildError(f"devices.availability: {error}") from None
    if not is_dynamic:
        return loop
    try:
        return apply_dynamics(loop, scenario, topology)
    except (ValueError, OSError) as error:
        raise BuildError(str(error)) from None


def _check_empty_votes(scenario: Scenario) -> None:
    """Raise BuildError if an edge server may aggregate no vote: the one-bit code cannot encode an empty step."""
    rule, part = scenario.layered_algorithm.layers[0].rule, scenario.network[0]
    if not isinstance(rule, Vote) or rule.can_be_zero:
        return
    loss = getattr(getattr(part, "radio", part), "loss", None)
    reason = ""
    if loss is not None and not isinstance(loss, NoLoss):
        reason = "network[0].loss: uploads can be lost"
    elif scenario.wait and scenario.wait[0].is_satisfied(0, 0, 2, timed_out=True):
        reason = "wait[0]: the barrier can open before the first answer (or set at_least: 1)"
    elif scenario.finite == "reject":
        reason = "finite: votes can be rejected (or set finite: stop)"
    if reason:
        raise BuildError(
            f"{reason}, and an edge server without votes makes no step, which one bit per coordinate cannot encode; "
            "set the vote's ties: zero"
        )
