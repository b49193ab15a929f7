"""From the sections `faults` and `mobility` to a loop whose network changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import simpy

from netsim.dynamics import Course, Down, Mobility
from netsim.dynamics.attachment import Attachment
from netsim.network import Cell
from netsim.protocol.loop import Loop
from netsim.scenario import Scenario
from netsim.simulation.fault_injection import FaultInjector
from netsim.simulation.link_updates import DevicePositions, LinkUpdates, around
from netsim.simulation.reattachment import Reattachment
from netsim.topology import Node, Topology


def disturbed(loop: Loop, scenario: Scenario, topology: Topology) -> Loop:
    """The loop with its faults begun, and a tree that follows the devices.

    Raises ValueError, which begins with the section, where a policy lacks coordinates or a radio, or a fault its nodes.
    """
    membership, mobility = loop.membership, scenario.mobility
    membership.changed = membership.changed or loop.env.event()
    membership.roaming = mobility is not None
    where = _still if mobility is None else _moving(mobility, topology, scenario.seed, loop.env)
    clearance_m = 0.0 if mobility is None else mobility.clearance
    relinking = LinkUpdates(
        loop.env, topology, scenario.network, scenario.seed, membership, where, clearance_m
    )
    forming = Reattachment(loop, topology, relinking, mobility)
    changes = FaultInjector(forming, scenario.seed)
    if mobility is not None:
        _check(mobility.handover, scenario, topology, 1, "mobility.handover")
    for number, fault in enumerate(scenario.faults):
        try:
            concerned = fault.concerned(topology)
        except ValueError as error:
            raise ValueError(f"faults[{number}]: {error}") from None
        effect = fault.effect
        if isinstance(effect, Down) and effect.reattach is not None:
            for level in {node.level for node in concerned if node.level}:
                _check(effect.reattach, scenario, topology, level, f"faults[{number}].reattach")
    changes.start(scenario.faults)
    if loop.transport.meter is not None:
        loop.transport.meter.fanout = lambda node: len(membership.children(node))
    return replace(loop, before=forming.before, pace=changes.pace)


def _check(policy: Attachment, scenario: Scenario, topology: Topology, level: int, at: str) -> None:
    """Whether a policy finds what it goes by, for children of a level's nodes. Raises ValueError."""
    if policy.needs == "nothing":
        return
    if policy.needs == "radio" and not isinstance(scenario.network[level - 1], Cell):
        raise ValueError(
            f"{at}: SNRs are those of cells, but network[{level - 1}] is none; choose nearest or load_balanced"
        )
    moving = scenario.mobility is not None
    placed: Sequence[Node] = (
        topology.levels[level] if moving else [*topology.levels[level], *topology.levels[level - 1]]
    )
    lost = next((node for node in placed if node.x_m is None), None)
    if lost is not None:
        raise ValueError(
            f"{at}: the policy needs to know where everybody stands, but {lost.name!r} has no coordinates; give it x_m "
            "and y_m, or choose load_balanced"
        )


def _still(node: Node) -> Node:
    return node


def _moving(mobility: Mobility, topology: Topology, seed: int, env: simpy.Environment) -> DevicePositions:
    middle_m = around(topology)
    courses = {device.name: mobility.motion.course(seed, device, middle_m) for device in topology.devices}
    for device in topology.devices:
        if courses[device.name] is None and device.x_m is None:
            raise ValueError(
                f"mobility.motion: {device.name!r} has no track and no coordinates; give it one of these"
            )
    return _Somewhere(env, {name: course for name, course in courses.items() if course is not None})


@dataclass(frozen=True)
class _Somewhere:
    """Where nodes are by the clock of a run."""

    env: simpy.Environment
    courses: dict[str, Course]

    def __call__(self, node: Node) -> Node:
        """See `DevicePositions`."""
        course = self.courses.get(node.name)
        if course is None:
            return node
        x_m, y_m = course.at(self.env.now)
        return replace(node, x_m=x_m, y_m=y_m)
