"""Build the parts of a run from a scenario: learning task, links, device clock, energy meter and weights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import simpy

from learning.aggregation.rules import Mean, Rule, Vote
from learning.algorithms.algorithm import Algorithm
from learning.datasets import DataError
from learning.tasks.task import Task, make_task
from netsim.devices.clock import Clock, Work
from netsim.energy.meter import Meter, Radios
from netsim.network import Ports
from netsim.protocol.membership import Membership, mass_of
from netsim.scenario import Scenario
from netsim.selection.association import Below, associated, labels_of
from netsim.topology import Node, Topology


class BuildError(ValueError):
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
        raise BuildError(f"task: {error}") from None
    try:
        scenario.ladder.check_dimension(task.dim)
    except ValueError as error:
        raise BuildError(f"algorithm: {error}") from None
    return task


def _ancestors(root: Node) -> list[tuple[int, ...]]:
    """For every device below, in order, the ordinals of the nodes above it, from its edge server to below the root."""
    if root.level == 1:
        return [() for _ in root.children]
    below = [(child, path) for child in root.children for path in _ancestors(child)]
    return [(*path, child.ordinal) for child, path in below]


def attached(scenario: Scenario, topology: Topology, task: Task | None) -> Below:
    """Who is below whom as the run begins. Raises WiringError where the association cannot be made."""
    try:
        counts = labels_of(task) if scenario.association.by_labels and task is not None else None
        return associated(topology, scenario.association.homes(topology, counts))
    except ValueError as error:
        raise BuildError(f"association: {error}") from None


def check_presence(scenario: Scenario, topology: Topology) -> None:
    """Whether devices can be associated and their recordings read, as far as that needs no data. Raises WiringError."""
    if not scenario.association.by_labels:
        attached(scenario, topology, None)
    try:
        if scenario.devices.availability is not None:
            next(scenario.devices.availability.absences(scenario.seed, topology.devices[0]), None)
    except (ValueError, OSError) as error:
        raise BuildError(f"devices.availability: {error}") from None


def roster_of(
    ports: dict[str, Ports], below: Below, algorithm: Algorithm, samples: Sequence[int]
) -> Membership:
    """The tree as it begins. `samples`: of every device."""
    masses = [device_masses(layer.rule, samples) for layer in algorithm.layers]
    return Membership(ports, dict(below), masses)


def clock_of(scenario: Scenario, topology: Topology, work: Work) -> Clock:
    """The devices' clock. Raises WiringError where the compute part cannot time this work."""
    ordinals = [device.ordinal for device in topology.levels[0]]
    try:
        return scenario.devices.compute.clock(work, ordinals, scenario.seed)
    except (ValueError, OSError) as error:
        raise BuildError(f"devices.compute: {error}") from None


def meter_of(scenario: Scenario, topology: Topology, clock: Clock) -> Meter | None:
    """The meter of a scenario with an energy section. Raises WiringError where a part lacks what it needs."""
    if scenario.energy is None:
        return None
    try:
        return Meter(scenario.energy, topology, clock, [Radios.of(layer) for layer in scenario.network])
    except ValueError as error:
        raise BuildError(f"energy: {error}") from None


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
                raise BuildError(f"network[{parent.level - 1}]: {error}") from None
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
