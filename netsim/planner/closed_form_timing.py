"""The length of a global round in closed form, for constant links: the planner's clock and the simulator's oracle.

A node's period is tau * max over children of (downlink + the child's own period + uplink), level by level
(theory: section 5, exact barrier model). On a shared medium the last of its uploads ends at
max_j (r_j + sum of the airtimes of those ready at r_j or later), whatever the discipline, since it never
idles while somebody waits. That is exact for equal latencies and no caps, and a lower bound otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import simpy

from netsim.barriers.barriers import All
from netsim.bounds.costs import Indices, Sizes, monotone
from netsim.bounds.problem import Floats
from netsim.build import build_links
from netsim.devices.clock import Clock
from netsim.devices.variation import NoSpread
from netsim.network import ParentLinks
from netsim.network.channel import FixedRate
from netsim.network.constant_delay import ConstantDelay
from netsim.network.fifo_medium import FifoMedium
from netsim.network.links import Link
from netsim.network.media import DedicatedMedium, SharedMedium
from netsim.scenario import Scenario
from netsim.selection.association import GivenAssociation
from netsim.selection.selections import AllChildren
from netsim.topology import Node, Topology


@dataclass(frozen=True, eq=False)
class Group:
    """The children of equally many parents' of one level, [parents, children per parent], as the uplink sees them."""

    parents: Indices
    """Ordinals of the parents [P]."""
    children: Indices
    """Ordinals of the children [P, K]."""
    shared: bool
    latency_s: Floats
    """[P, K]."""
    cap: Floats
    """[P, K]."""
    airtime_s: Floats
    """Of an upload, [choices, P, K]."""


@dataclass(frozen=True, eq=False)
class ClosedForm:
    """Round lengths of a scenario with constant links and steps; made by `closed_form`."""

    step_s: Floats
    """Seconds of a step of each device."""
    groups: tuple[tuple[Group, ...], ...]
    """Per layer."""
    arrival_s: Mapping[float, tuple[Floats, ...]]
    """By downlink bits, per layer: when a message sent at 0 reaches each child of that layer."""
    sizes: Sizes
    aggregation_s: float
    exact: bool
    """False: a lower bound (unequal latencies or caps on a shared medium)."""

    def seconds(self, tau: Floats, choice: Indices, share: Floats) -> tuple[Floats, Floats]:
        """The first round's and a later round's length for tau [N, B], uplink choices [N, B], share of devices [B]."""
        down = self.sizes.down
        first = self._round(tau, choice, share, self.sizes.first, down)
        if self.sizes.first == down[-1]:
            return first, first
        return first, self._round(tau, choice, share, down[-1], down)

    def at_least(self, tau: Floats, choice: Indices, share: Floats) -> Floats:
        """No more than a later round's length and, per local step, falling in every tau."""
        down = monotone(self.sizes.down)
        return self._round(tau, choice, share, down[-1], down)

    def _round(
        self, tau: Floats, choice: Indices, share: Floats, received: float, down: Sequence[float]
    ) -> Floats:
        busy = dict.fromkeys({received, *down}, tau[0] * self.step_s[:, None])
        for n, groups in enumerate(self.groups, start=1):
            above = {received, *down[n - 1 :]}
            once = {s: self._iteration(n, groups, busy[s], choice[n - 1], share, s) for s in above}
            if n == len(self.groups):
                return np.asarray(once[received][0])
            more = (tau[n] - 1) * once[down[n - 1]]
            busy = {s: once[s] + more for s in above}
        raise AssertionError("a tree has at least one layer")

    def _iteration(
        self, n: int, groups: Sequence[Group], busy: Floats, choice: Indices, share: Floats, size: float
    ) -> Floats:
        """Seconds of one iteration of every level-n node [nodes, B] whose message has `size` bits."""
        arrival = self.arrival_s[size][n - 1]
        done = np.empty((sum(len(g.parents) for g in groups), busy.shape[1]))
        for group in groups:
            ready = (arrival[:, None] + busy)[group.children]
            work = np.moveaxis(group.airtime_s[choice], 0, -1)  # [P, K, B]
            done[group.parents] = last_upload(
                ready, work * (share if n == 1 and group.shared else 1.0), group
            )
        return done + self.aggregation_s


def last_upload(ready: Floats, work: Floats, group: Group) -> Floats:
    """When the last of the uploads has arrived [P, B]; ready and work are [P, K, B]."""
    late = np.broadcast_to(group.latency_s[:, :, None], ready.shape)
    alone = (ready + work / group.cap[:, :, None] + late).max(axis=1)
    if not group.shared:
        return np.asarray(alone)
    order = np.argsort(ready, axis=1)[:, ::-1]
    ready, work, late = (np.take_along_axis(x, order, axis=1) for x in (ready, work, late))
    together = ready + np.cumsum(work, axis=1) + np.minimum.accumulate(late, axis=1)
    return np.asarray(np.maximum(alone, together.max(axis=1)))


def closed_form(scenario: Scenario, topology: Topology, clock: Clock, sizes: Sizes) -> ClosedForm | None:
    """The closed form of a scenario.

    None where links fade, follow traces or lose messages, steps jitter, or somebody is not waited for, not asked, away
    or associated anew.
    """
    if any(not isinstance(wait, All) for wait in scenario.wait):
        return None
    if any(not isinstance(selection, AllChildren) for selection in scenario.selection):
        return None
    if scenario.association != GivenAssociation() or scenario.devices.availability is not None:
        return None
    env = simpy.Environment()
    ports = build_links(scenario, topology, env)
    links = [link for port in ports.values() for link in (*port.up, *port.down.links)]
    if not all(map(_constant, links)) or not isinstance(clock.jitter.law, NoSpread):
        return None
    layers = [_groups(level, ports, sizes.up[n]) for n, level in enumerate(topology.levels[1:])]
    if any(groups is None for groups in layers):
        return None
    found = tuple(tuple(groups) for groups in layers if groups is not None)
    messages = {sizes.first, *sizes.down, *monotone(sizes.down)}
    arrival = {size: _arrivals(scenario, topology, size) for size in messages}
    exact = all(_exact(group) for groups in found for group in groups) and not _crossing(
        topology, ports, arrival
    )
    return ClosedForm(np.asarray(clock.step_s), found, arrival, sizes, scenario.servers.aggregation, exact)


def _constant(link: Link) -> bool:
    return isinstance(link.channel, FixedRate | ConstantDelay) and link.error_rate == 0


def _groups(
    parents: Sequence[Node], ports: Mapping[str, ParentLinks], up: Sequence[float]
) -> list[Group] | None:
    """Parents of equally many children together; None where a medium is of neither known kind."""
    kinds: dict[tuple[int, bool], list[Node]] = {}
    for parent in parents:
        media = [link.medium for link in ports[parent.name].up]
        if not all(isinstance(medium, DedicatedMedium | SharedMedium | FifoMedium) for medium in media):
            return None
        distinct = len({id(medium) for medium in media})
        alone = distinct == len(media) or isinstance(media[0], DedicatedMedium)
        if not alone and distinct > 1:
            return None
        kinds.setdefault((len(media), not alone), []).append(parent)
    return [_group(together, shared, ports, up) for (_, shared), together in kinds.items()]


def _group(
    parents: Sequence[Node], shared: bool, ports: Mapping[str, ParentLinks], up: Sequence[float]
) -> Group:
    rows = [ports[parent.name].up for parent in parents]
    airtime = [[[link.airtime_s(round(bits), 0.0) for link in row] for row in rows] for bits in up]
    return Group(
        np.array([parent.ordinal for parent in parents]),
        np.array([[child.ordinal for child in parent.children] for parent in parents]),
        shared,
        np.array([[link.latency_s for link in row] for row in rows]),
        np.array([[link.cap for link in row] for row in rows]),
        np.array(airtime),
    )


def _exact(group: Group) -> bool:
    equal = bool((group.latency_s == group.latency_s[:, :1]).all() and (group.cap == 1).all())
    return not group.shared or equal


def _crossing(
    topology: Topology, ports: Mapping[str, ParentLinks], arrival: Mapping[float, tuple[Floats, ...]]
) -> bool:
    """Whether an upload could meet downlinks on one medium, because siblings still listen."""
    for n, level in enumerate(topology.levels[1:]):
        for parent in level:
            port = ports[parent.name]
            medium, siblings = port.up[0].medium, [child.ordinal for child in parent.children]
            uneven = any(np.ptp(layers[n][siblings]) > 0 for layers in arrival.values())
            one = medium is port.down.links[0].medium and not isinstance(medium, DedicatedMedium)
            if one and uneven:
                return True
    return False


def _arrivals(scenario: Scenario, topology: Topology, bits: float) -> tuple[Floats, ...]:
    """Per layer, when a message of that size, sent at time 0 by every parent, reaches each child."""
    env = simpy.Environment()
    ports = build_links(scenario, topology, env)
    times = [np.zeros(len(level)) for level in topology.levels[:-1]]

    def note(row: Floats, ordinal: int, event: simpy.Event) -> None:
        def stamp(_: simpy.Event) -> None:
            row[ordinal] = env.now

        if event.callbacks is None:
            return  # over already, at 0
        event.callbacks.append(stamp)

    for n, level in enumerate(topology.levels[1:]):
        for parent in level:
            sent = ports[parent.name].down.send(round(bits))
            for child, event in zip(parent.children, sent.arrivals, strict=True):
                note(times[n], child.ordinal, event)
    env.run()
    return tuple(times)
