"""Faults by name: affected nodes, times, and effects."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

from netsim.dynamics.attachment import Attachment, LoadBalanced
from netsim.dynamics.fault_times import FaultInterval, FaultTimes
from netsim.topology import Node, Topology
from netsim.units import DurationS, TimeS, check_quantities, render


@dataclass(frozen=True)
class NodeDown:
    """The node is down with the whole subtree below it; its parent detects it after `detection_s`.

    Its children attach to other parents by `reattach` (None: they wait), and return once it is up again if `go_home`.
    """

    detection_s: float = 0.0
    reattach: Attachment | None = None
    go_home: bool = True


@dataclass(frozen=True)
class LinkDown:
    """The node's link to its parent transmits nothing; an upload in progress fails, or `stalls` and continues later."""

    stalls: bool = False


@dataclass(frozen=True)
class ComputeSlowdown:
    """Computing on the device takes `factor` times as long."""

    factor: float


Effect: TypeAlias = NodeDown | LinkDown | ComputeSlowdown


class Fault(Protocol):
    """A fault: an entry of `faults`."""

    @property
    def effect(self) -> Effect:
        """The effect on each affected node."""
        ...

    def affected_nodes(self, topology: Topology) -> Sequence[Node]:
        """The nodes with this fault. Raises ValueError for an unknown name, or a node that cannot have it."""
        ...

    def intervals(self, seed: int, fault_index: int, node: Node) -> Iterator[FaultInterval]:
        """The times of the fault at a node, in order and disjoint; `fault_index` is its index in the list of faults."""
        ...

    def describe(self) -> str:
        """One line for `netsim check`."""
        ...


@dataclass(frozen=True)
class Crash:
    """Devices (`nodes`, or all) crash, lose the current work and the model they received, and return.

    A device that returns receives the full model. Compressor memories and corrections survive (they are on its disk).
    """

    when: FaultTimes
    nodes: tuple[str, ...] = ()
    detection: TimeS = 0.0

    def __post_init__(self) -> None:
        check_quantities(self)

    @property
    def effect(self) -> Effect:
        """See `Fault`."""
        return NodeDown(self.detection)

    def affected_nodes(self, topology: Topology) -> Sequence[Node]:
        """See `Fault`."""
        return _named(topology, self.nodes, 0)

    def intervals(self, seed: int, fault_index: int, node: Node) -> Iterator[FaultInterval]:
        """See `Fault`."""
        return self.when.intervals(seed, fault_index, node)

    def describe(self) -> str:
        """See `Fault`."""
        return f"{_describe_nodes(self.nodes, 0)} crash: {self.when.describe()}{_describe_detection(self.detection)}"


@dataclass(frozen=True)
class ServerFailure:
    """Servers (`nodes`, or all of a `level`) fail; their children re-attach to others of that level, or wait.

    All work below stops at once and frees the links. `reattach`: a policy, or none. Once the server is up, children
    that left it return when they are next idle (`go_home`), except devices whose parent `mobility` chooses.
    """

    when: FaultTimes
    nodes: tuple[str, ...] = ()
    level: int = 1
    reattach: Attachment | None = field(default_factory=LoadBalanced)
    go_home: bool = True
    detection: TimeS = 0.0

    def __post_init__(self) -> None:
        check_quantities(self)
        if self.level < 1:
            raise ValueError(f"level must be >= 1, got {self.level}; devices crash")

    @property
    def effect(self) -> Effect:
        """See `Fault`."""
        return NodeDown(self.detection, self.reattach, self.go_home)

    def affected_nodes(self, topology: Topology) -> Sequence[Node]:
        """See `Fault`."""
        return _named(topology, self.nodes, self.level)

    def intervals(self, seed: int, fault_index: int, node: Node) -> Iterator[FaultInterval]:
        """See `Fault`."""
        return self.when.intervals(seed, fault_index, node)

    def describe(self) -> str:
        """See `Fault`."""
        policy = (
            "children wait" if self.reattach is None else f"children re-attach ({self.reattach.describe()})"
        )
        nodes, detection = _describe_nodes(self.nodes, self.level), _describe_detection(self.detection)
        return f"{nodes} fail: {self.when.describe()}{detection}; {policy}"


@dataclass(frozen=True)
class Presence:
    """Given nodes are present only from `joins` to `leaves`; the children of a server that leaves re-attach."""

    nodes: tuple[str, ...]
    joins: TimeS = 0.0
    leaves: DurationS | None = None
    reattach: Attachment | None = field(default_factory=LoadBalanced)

    def __post_init__(self) -> None:
        check_quantities(self)
        if not self.nodes:
            raise ValueError("nodes must name at least one node, got none")
        if not self.joins < (math.inf if self.leaves is None else self.leaves):
            raise ValueError(f"joins must be before leaves, got {render(self.joins, 'time')}; swap them")

    @property
    def effect(self) -> Effect:
        """See `Fault`."""
        return NodeDown(0.0, self.reattach)

    def affected_nodes(self, topology: Topology) -> Sequence[Node]:
        """See `Fault`."""
        return _named(topology, self.nodes, None)

    def intervals(self, seed: int, fault_index: int, node: Node) -> Iterator[FaultInterval]:
        """See `Fault`."""
        if self.joins:
            yield FaultInterval(0.0, self.joins)
        if self.leaves is not None:
            yield FaultInterval(self.leaves, math.inf)

    def describe(self) -> str:
        """See `Fault`."""
        limits = [f"from {render(self.joins, 'time')}"] if self.joins else []
        limits += [f"until {render(self.leaves, 'time')}"] if self.leaves is not None else []
        return f"{', '.join(self.nodes)} present {' '.join(limits) or 'always'}"


@dataclass(frozen=True)
class LinkOutage:
    """Links of children (`nodes`, or all of a `level`) to their parents transmit nothing for a while.

    No model is sent over such a link. A child that is receiving loses the message; an upload is lost (`uploads: fail`),
    or pauses and continues afterwards (`stall`); a child that is computing continues. What was sent before arrives.
    """

    when: FaultTimes
    nodes: tuple[str, ...] = ()
    level: int = 0
    uploads: Literal["fail", "stall"] = "fail"

    def __post_init__(self) -> None:
        if self.level < 0:
            raise ValueError(f"level must be >= 0, got {self.level}; 0 are the devices")
        if self.uploads not in ("fail", "stall"):
            raise ValueError(
                f"uploads must be fail or stall, got {self.uploads!r}; stalled uploads continue afterwards"
            )

    @property
    def effect(self) -> Effect:
        """See `Fault`."""
        return LinkDown(self.uploads == "stall")

    def affected_nodes(self, topology: Topology) -> Sequence[Node]:
        """See `Fault`."""
        return _named(topology, self.nodes, self.level)

    def intervals(self, seed: int, fault_index: int, node: Node) -> Iterator[FaultInterval]:
        """See `Fault`."""
        return self.when.intervals(seed, fault_index, node)

    def describe(self) -> str:
        """See `Fault`."""
        nodes = _describe_nodes(self.nodes, self.level)
        return f"links of {nodes} down: {self.when.describe()}; uploads {self.uploads}"


@dataclass(frozen=True)
class SlowDown:
    """Devices (`nodes`, or all) compute `factor` times as long for a while, e.g. a throttled or shared processor."""

    factor: float
    when: FaultTimes
    nodes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.factor < math.inf:
            raise ValueError(
                f"factor must be finite and >= 1, got {self.factor}; 5 makes computing take five times as long"
            )

    @property
    def effect(self) -> Effect:
        """See `Fault`."""
        return ComputeSlowdown(self.factor)

    def affected_nodes(self, topology: Topology) -> Sequence[Node]:
        """See `Fault`."""
        return _named(topology, self.nodes, 0)

    def intervals(self, seed: int, fault_index: int, node: Node) -> Iterator[FaultInterval]:
        """See `Fault`."""
        return self.when.intervals(seed, fault_index, node)

    def describe(self) -> str:
        """See `Fault`."""
        return f"{_describe_nodes(self.nodes, 0)} {self.factor:g} times slower: {self.when.describe()}"


def _named(topology: Topology, names: Sequence[str], level: int | None) -> Sequence[Node]:
    """The nodes with these names, which must be of the level (None: any below the cloud); without names all of it."""
    if level is not None and not level < topology.depth:
        raise ValueError(f"level must be below the cloud's, {topology.depth}, got {level}")
    if level is not None and not names:
        return topology.levels[level]
    by_name = {node.name: node for row in topology.levels[:-1] for node in row}
    for name in names:
        if name not in by_name:
            raise ValueError(f"nodes: there is no {name!r} below the cloud; {_name_ranges(topology)}")
        if level is not None and by_name[name].level != level:
            raise ValueError(f"nodes: {name!r} is at level {by_name[name].level}, not {level}; set level")
    return [by_name[name] for name in names]


def _describe_nodes(names: Sequence[str], level: int) -> str:
    if names:
        return ", ".join(names)
    return "devices" if not level else f"all nodes of level {level}"


def _describe_detection(detection_s: float) -> str:
    return f", detected {render(detection_s, 'time')} later" if detection_s else ""


FAULTS: dict[str, type[Fault]] = {
    "crash": Crash,
    "server_failure": ServerFailure,
    "presence": Presence,
    "link_outage": LinkOutage,
    "slow_down": SlowDown,
}


def _name_ranges(topology: Topology) -> str:
    """The first and the last name of every level below the cloud."""
    ends = [(row[0].name, row[-1].name) for row in topology.levels[:-1]]
    return "names run from " + ", ".join(f"{first!r} to {last!r}" for first, last in ends)
