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
from netsim.network import ParentLinks
from netsim.protocol.membership import Membership, subtree_weight
from netsim.scenario import Scenario
from netsim.selection.association import ChildrenByParent, children_by_parent, count_labels
from netsim.topology import Node, Topology


class BuildError(ValueError):
    """Valid sections of a scenario do not fit together; the text says which ones and what to change."""


def build_task(scenario: Scenario, topology: Topology) -> Task:
    """Return the learning task with its data partitioned over the devices of the topology.

    Raises DataError if the data set is missing or damaged, BuildError if sections do not fit together.
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
        scenario.layered_algorithm.check_dimension(task.dim)
    except ValueError as error:
        raise BuildError(f"algorithm: {error}") from None
    return task


def _ancestors(root: Node) -> list[tuple[int, ...]]:
    """Return, for every device in order, the ordinals of its ancestors from the edge server to below the root."""
    if root.level == 1:
        return [() for _ in root.children]
    descendants = [(child, path) for child in root.children for path in _ancestors(child)]
    return [(*path, child.ordinal) for child, path in descendants]


def initial_children(scenario: Scenario, topology: Topology, task: Task | None) -> ChildrenByParent:
    """Return the children of every node at the beginning of a run. Raises BuildError if association is impossible."""
    try:
        counts = count_labels(task) if scenario.association.needs_labels and task is not None else None
        return children_by_parent(topology, scenario.association.edge_ordinals(topology, counts))
    except ValueError as error:
        raise BuildError(f"association: {error}") from None


def check_association_and_availability(scenario: Scenario, topology: Topology) -> None:
    """Check what can be checked without data: association and availability files. Raises BuildError."""
    if not scenario.association.needs_labels:
        initial_children(scenario, topology, None)
    try:
        if scenario.devices.availability is not None:
            next(scenario.devices.availability.absences(scenario.seed, topology.devices[0]), None)
    except (ValueError, OSError) as error:
        raise BuildError(f"devices.availability: {error}") from None


def build_membership(
    ports: dict[str, ParentLinks], children: ChildrenByParent, algorithm: Algorithm, samples: Sequence[int]
) -> Membership:
    """Return the tree at the beginning of a run. `samples`: training samples of every device."""
    weights = [device_weights(layer.rule, samples) for layer in algorithm.layers]
    return Membership(ports, dict(children), weights)


def device_clock(scenario: Scenario, topology: Topology, work: Work) -> Clock:
    """Return the devices' clock. Raises BuildError if the compute model cannot time this work."""
    ordinals = [device.ordinal for device in topology.levels[0]]
    try:
        return scenario.devices.compute.clock(work, ordinals, scenario.seed)
    except (ValueError, OSError) as error:
        raise BuildError(f"devices.compute: {error}") from None


def build_meter(scenario: Scenario, topology: Topology, clock: Clock) -> Meter | None:
    """Return the energy meter; None without a section `energy`. Raises BuildError if a power model lacks a number."""
    if scenario.energy is None:
        return None
    try:
        return Meter(scenario.energy, topology, clock, [Radios.of(layer) for layer in scenario.network])
    except ValueError as error:
        raise BuildError(f"energy: {error}") from None


def build_links(
    scenario: Scenario, topology: Topology, env: simpy.Environment, children: ChildrenByParent | None = None
) -> dict[str, ParentLinks]:
    """Return the links between every parent and its children (default: those of the topology), by parent name.

    Raises BuildError if one cannot be built, such as for a distance outside the range of its path loss model.
    """
    ports = {}
    for level in topology.levels[1:]:
        for parent in level:
            layer = scenario.network[parent.level - 1]
            try:
                attached = parent.children if children is None else children[parent.name]
                ports[parent.name] = layer.connect(env, parent, attached, scenario.seed)
            except ValueError as error:
                raise BuildError(f"network[{parent.level - 1}]: {error}") from None
    return ports


def device_weights(rule: Rule, samples: Sequence[int]) -> Sequence[int]:
    """Return the integer weight of each device in a layer's rule: 1, or its number of samples."""
    by_samples = isinstance(rule, Mean | Vote) and rule.weights == "samples"
    return samples if by_samples else (1,) * len(samples)


def child_shares(parent: Node, rule: Rule, samples: Sequence[int]) -> tuple[float, ...]:
    """Return the weights of the children in their parent's rule, normalised to a sum of 1."""
    weights = device_weights(rule, samples)
    own = [subtree_weight(child, weights, lambda node: node.children) for child in parent.children]
    total = sum(own)
    return tuple(weight / total for weight in own)
