"""From a scenario to live parts: the learning task, the links, the clocks and the children's weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import simpy

from learning.algorithm import Algorithm
from learning.datasets import DataError
from learning.engine import Engine
from learning.rules import Mean, Rule, Vote
from learning.tasks import Task, make_task
from netsim.barriers.waits import All
from netsim.changes.disturbing import disturbed
from netsim.clocks import Clock, Work
from netsim.meter import Meter, Radios
from netsim.network import Ports
from netsim.network.loss import NoLoss
from netsim.protocol.attendance import begin
from netsim.protocol.copies import Copies
from netsim.protocol.loop import Loop
from netsim.protocol.paces import Paces
from netsim.protocol.posts import Posts
from netsim.protocol.telling import Teller
from netsim.roster import Roster, mass_of
from netsim.scenario import Scenario
from netsim.selection.association import Below, associated, labels_of
from netsim.selection.availability import Availability
from netsim.selection.choice import Grounds
from netsim.topology import Node, Topology
from netsim.trace import Trace


class WiringError(ValueError):
    """Parts that are right by themselves do not fit together; the text says which and what to change."""


def task_of(scenario: Scenario, topology: Topology) -> Task:
    """The learning task, its data split over the topology's devices (groups are the edge servers).

    Raises DataError where the data set is missing or broken, WiringError where the parts do not fit.
    """
    spec = scenario.task
    groups = [edge.ordinal for edge in topology.levels[1] for _ in edge.children]
    folder = Path(spec.data_dir) if spec.data_dir else None
    try:
        task = make_task(
            spec.dataset, spec.partition, spec.model, groups, scenario.seed, folder,
            paths=_ancestors(topology.root), shifts=spec.shifts or (),
        )  # fmt: skip
    except DataError:
        raise
    except ValueError as error:
        raise WiringError(f"task: {error}") from None
    try:
        scenario.ladder.check_dimension(task.dim)
    except ValueError as error:
        raise WiringError(f"algorithm: {error}") from None
    return task


def _ancestors(root: Node) -> list[tuple[int, ...]]:
    """For every device below, in order, the ordinals of the nodes above it, from its edge server to below the root."""
    if root.level == 1:
        return [() for _ in root.children]
    below = [(child, path) for child in root.children for path in _ancestors(child)]
    return [(*path, child.ordinal) for child, path in below]


def wire(
    scenario: Scenario, topology: Topology, task: Task, env: simpy.Environment, engine: Engine, trace: Trace
) -> Loop:
    """Everything the nested loop needs. Raises WiringError as `connect` does."""
    algorithm = scenario.ladder
    _check_votes(scenario)
    below = attached(scenario, topology, task)
    roster = roster_of(connect(scenario, topology, env, below), below, algorithm, task.samples)
    batch = algorithm.leaf.batch_size
    work = Work(float(task.flops_per_sample * batch), batch)
    clock = clock_of(scenario, topology, work)
    if (meter := meter_of(scenario, topology, clock)) is not None:
        trace.metered(meter)
    waits = scenario.wait if any(not isinstance(wait, All) for wait in scenario.wait) else ()
    grounds = Grounds(scenario.seed, roster, task.samples, clock)
    choices = tuple(selection.choice(grounds) for selection in scenario.selection)
    choices = choices if any(choice is not None for choice in choices) else ()
    availability = scenario.devices.availability
    changing = bool(scenario.faults) or scenario.mobility is not None
    copies = Copies(watching=bool(waits or choices or availability) or changing)
    teller = Teller(env, roster, Posts(env, trace, meter), task.dim, topology.depth, copies)
    loop = Loop(env, engine, algorithm, teller, clock, scenario.servers.aggregation, waits, choices)
    each = algorithm.paces(task.samples)
    loop = replace(loop, paces=Paces(each if max(each) > 1 else ()))
    if availability is not None:
        attended(loop, topology, availability, scenario.seed)
    try:
        return disturbed(loop, scenario, topology) if changing else loop
    except (ValueError, OSError) as error:
        raise WiringError(str(error)) from None


def attended(loop: Loop, topology: Topology, availability: Availability, seed: int) -> None:
    """Have devices come and go. Raises WiringError for a recording that cannot be used."""
    try:
        begin(loop, topology.devices, availability, seed)
    except (ValueError, OSError) as error:
        raise WiringError(f"devices.availability: {error}") from None


def attached(scenario: Scenario, topology: Topology, task: Task | None) -> Below:
    """Who is below whom as the run begins. Raises WiringError where the association cannot be made."""
    try:
        counts = labels_of(task) if scenario.association.by_labels and task is not None else None
        return associated(topology, scenario.association.homes(topology, counts))
    except ValueError as error:
        raise WiringError(f"association: {error}") from None


def check_presence(scenario: Scenario, topology: Topology) -> None:
    """Whether devices can be associated and their recordings read, as far as that needs no data. Raises WiringError."""
    if not scenario.association.by_labels:
        attached(scenario, topology, None)
    try:
        if scenario.devices.availability is not None:
            next(scenario.devices.availability.absences(scenario.seed, topology.devices[0]), None)
    except (ValueError, OSError) as error:
        raise WiringError(f"devices.availability: {error}") from None


def roster_of(ports: dict[str, Ports], below: Below, algorithm: Algorithm, samples: Sequence[int]) -> Roster:
    """The tree as it begins. `samples`: of every device."""
    masses = [device_masses(layer.rule, samples) for layer in algorithm.layers]
    return Roster(ports, dict(below), masses)


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
        raise WiringError(
            f"{why}, and an edge server that hears no vote makes no step, which one bit cannot say; set the vote's "
            "ties: zero"
        )


def clock_of(scenario: Scenario, topology: Topology, work: Work) -> Clock:
    """The devices' clock. Raises WiringError where the compute part cannot time this work."""
    ordinals = [device.ordinal for device in topology.levels[0]]
    try:
        return scenario.devices.compute.clock(work, ordinals, scenario.seed)
    except (ValueError, OSError) as error:
        raise WiringError(f"devices.compute: {error}") from None


def meter_of(scenario: Scenario, topology: Topology, clock: Clock) -> Meter | None:
    """The meter of a scenario with an energy section. Raises WiringError where a part lacks what it needs."""
    if scenario.energy is None:
        return None
    try:
        return Meter(scenario.energy, topology, clock, [Radios.of(layer) for layer in scenario.network])
    except ValueError as error:
        raise WiringError(f"energy: {error}") from None


def connect(
    scenario: Scenario, topology: Topology, env: simpy.Environment, below: Below | None = None
) -> dict[str, Ports]:
    """The links between every parent and its children (default: the topology's own), by parent name.

    Raises WiringError where one cannot be built, such as for a distance its path loss does not cover.
    """
    ports = {}
    for level in topology.levels[1:]:
        for parent in level:
            layer = scenario.network[parent.level - 1]
            try:
                children = parent.children if below is None else below[parent.name]
                ports[parent.name] = layer.connect(env, parent, children, scenario.seed)
            except ValueError as error:
                raise WiringError(f"network[{parent.level - 1}]: {error}") from None
    return ports


def device_masses(rule: Rule, samples: Sequence[int]) -> Sequence[int]:
    """How much each device counts in a layer's rule: as one, or by its samples."""
    by_samples = isinstance(rule, Mean | Vote) and rule.weights == "samples"
    return samples if by_samples else (1,) * len(samples)


def children_shares(parent: Node, rule: Rule, samples: Sequence[int]) -> tuple[float, ...]:
    """The children's weights in their parent's rule, summing to 1: by devices below them, or by samples."""
    masses = device_masses(rule, samples)
    mine = [mass_of(child, masses, lambda node: node.children) for child in parent.children]
    whole = sum(mine)
    return tuple(mass / whole for mass in mine)
