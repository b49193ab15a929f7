"""Dynamics of a run: applies the sections `faults` and `mobility` to the round loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import simpy

from netsim.dynamics import Mobility, NodeDown, Trajectory
from netsim.dynamics.attachment import Attachment
from netsim.network import Cell
from netsim.protocol.loop import Loop
from netsim.scenario import Scenario
from netsim.simulation.fault_injection import FaultInjector
from netsim.simulation.link_updates import LinkUpdates, NodeAt, centre_of_servers
from netsim.simulation.reattachment import Reattachment
from netsim.topology import Node, Topology


def apply_dynamics(loop: Loop, scenario: Scenario, topology: Topology) -> Loop:
    """Start the scenario's faults and return the loop with a tree that follows faults and mobility.

    Raises ValueError, whose text begins with the section, for a policy without the coordinates or radio that it
    needs, or a fault that names no node.
    """
    exchanges, mobility = loop.exchanges, scenario.mobility
    membership = exchanges.membership
    membership.change_event = membership.change_event or loop.env.event()
    membership.devices_move = mobility is not None
    node_at = _static if mobility is None else _moving(mobility, topology, scenario.seed, loop.env)
    clearance_m = 0.0 if mobility is None else mobility.clearance
    links = LinkUpdates(loop.env, topology, scenario.network, scenario.seed, membership, node_at, clearance_m)
    reattachment = Reattachment(exchanges, topology, links, mobility)
    injector = FaultInjector(reattachment, scenario.seed)
    if mobility is not None:
        _check(mobility.handover, scenario, topology, 1, "mobility.handover")
    for number, fault in enumerate(scenario.faults):
        try:
            nodes = fault.affected_nodes(topology)
        except ValueError as error:
            raise ValueError(f"faults[{number}]: {error}") from None
        effect = fault.effect
        if isinstance(effect, NodeDown) and effect.reattach is not None:
            for level in {node.level for node in nodes if node.level}:
                _check(effect.reattach, scenario, topology, level, f"faults[{number}].reattach")
    injector.start(scenario.faults)
    if exchanges.transport.meter is not None:
        exchanges.transport.meter.fanout = lambda node: len(membership.children(node))
    local_work = replace(loop.local_work, slowdown=injector.slowdown)
    return replace(loop, before_aggregation=reattachment.update_tree, local_work=local_work)


def _check(policy: Attachment, scenario: Scenario, topology: Topology, level: int, section: str) -> None:
    """Raise ValueError if an attachment policy lacks what it needs for children of the nodes of a level."""
    if policy.needs == "nothing":
        return
    if policy.needs == "radio" and not isinstance(scenario.network[level - 1], Cell):
        raise ValueError(
            f"{section}: the policy compares SNRs, but network[{level - 1}] is no cell; choose nearest or load_balanced"
        )
    nodes: Sequence[Node] = topology.levels[level]
    if scenario.mobility is None:
        nodes = [*nodes, *topology.levels[level - 1]]
    without = next((node for node in nodes if node.x_m is None), None)
    if without is not None:
        raise ValueError(
            f"{section}: the policy needs the positions of all nodes, but {without.name!r} has no coordinates; give it "
            "x_m and y_m, or choose load_balanced"
        )


def _static(node: Node) -> Node:
    return node


def _moving(mobility: Mobility, topology: Topology, seed: int, env: simpy.Environment) -> NodeAt:
    centre_m = centre_of_servers(topology)
    courses = {device.name: mobility.motion.trajectory(seed, device, centre_m) for device in topology.devices}
    for device in topology.devices:
        if courses[device.name] is None and device.x_m is None:
            raise ValueError(
                f"mobility.motion: {device.name!r} has no track and no coordinates; give it one of these"
            )
    return _OnCourse(
        env, {name: trajectory for name, trajectory in courses.items() if trajectory is not None}
    )


@dataclass(frozen=True)
class _OnCourse:
    """Positions on courses, at the time of the event loop."""

    env: simpy.Environment
    courses: dict[str, Trajectory]

    def __call__(self, node: Node) -> Node:
        """See `NodeAt`."""
        trajectory = self.courses.get(node.name)
        if trajectory is None:
            return node
        x_m, y_m = trajectory.at(self.env.now)
        return replace(node, x_m=x_m, y_m=y_m)
