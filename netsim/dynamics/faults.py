"""Faults by name: whom they strike, when, and what they do to them."""

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
class Down:
    """The node does nothing, and everybody below it stops; its parent learns of it after `detection_s`.

    Its children go to other parents by `reattach` (None: they wait), and home once it is up again if they `go_home`.
    """

    detection_s: float = 0.0
    reattach: Attachment | None = None
    go_home: bool = True


@dataclass(frozen=True)
class Cut:
    """The node's link to its parent carries nothing; what was being uploaded fails, or `stalls` and goes on later."""

    stalls: bool = False


@dataclass(frozen=True)
class Slow:
    """The device computes `factor` times as long."""

    factor: float


Effect: TypeAlias = Down | Cut | Slow


class Fault(Protocol):
    """An entry of `faults:`."""

    @property
    def effect(self) -> Effect:
        """What it does."""
        ...

    def concerned(self, topology: Topology) -> Sequence[Node]:
        """Whom it strikes. Raises ValueError for a name that is not in the tree, or that it cannot strike."""
        ...

    def episodes(self, seed: int, number: int, node: Node) -> Iterator[FaultInterval]:
        """When, in order and apart from each other; `number` is the fault's place in the list."""
        ...

    def describe(self) -> str:
        """One line for `netsim check`."""
        ...


@dataclass(frozen=True)
class Crash:
    """Devices (`nodes`, or all) crash, lose the work at hand and the model they heard, and come back.

    A device that returns is told the whole model. Compressor memories and corrections survive (they are on its disk).
    """

    when: FaultTimes
    nodes: tuple[str, ...] = ()
    detection: TimeS = 0.0

    def __post_init__(self) -> None:
        check_quantities(self)

    @property
    def effect(self) -> Effect:
        """See `Fault`."""
        return Down(self.detection)

    def concerned(self, topology: Topology) -> Sequence[Node]:
        """See `Fault`."""
        return _named(topology, self.nodes, 0)

    def episodes(self, seed: int, number: int, node: Node) -> Iterator[FaultInterval]:
        """See `Fault`."""
        return self.when.episodes(seed, number, node)

    def describe(self) -> str:
        """See `Fault`."""
        return f"{_whom(self.nodes, 0)} crash: {self.when.describe()}{_late(self.detection)}"


@dataclass(frozen=True)
class ServerFailure:
    """Servers (`nodes`, or all of a `level`) fail; their children re-attach to others of that level, or wait.

    Everybody below stops at once and frees the links. `reattach`: a policy, or none. Once the server is back, children
    that left it return when they next are free (`go_home`), but for devices whose place `mobility` decides.
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
        return Down(self.detection, self.reattach, self.go_home)

    def concerned(self, topology: Topology) -> Sequence[Node]:
        """See `Fault`."""
        return _named(topology, self.nodes, self.level)

    def episodes(self, seed: int, number: int, node: Node) -> Iterator[FaultInterval]:
        """See `Fault`."""
        return self.when.episodes(seed, number, node)

    def describe(self) -> str:
        """See `Fault`."""
        after = (
            "children wait" if self.reattach is None else f"children re-attach ({self.reattach.describe()})"
        )
        return f"{_whom(self.nodes, self.level)} fail: {self.when.describe()}{_late(self.detection)}; {after}"


@dataclass(frozen=True)
class Presence:
    """Named nodes are there from `joins` to `leaves` alone; the children of a server that leaves re-attach."""

    nodes: tuple[str, ...]
    joins: TimeS = 0.0
    leaves: DurationS | None = None
    reattach: Attachment | None = field(default_factory=LoadBalanced)

    def __post_init__(self) -> None:
        check_quantities(self)
        if not self.nodes:
            raise ValueError("nodes must name at least one node, got none")
        if not self.joins < (math.inf if self.leaves is None else self.leaves):
            raise ValueError(f"joins must come before leaves, got {render(self.joins, 'time')}; swap them")

    @property
    def effect(self) -> Effect:
        """See `Fault`."""
        return Down(0.0, self.reattach)

    def concerned(self, topology: Topology) -> Sequence[Node]:
        """See `Fault`."""
        return _named(topology, self.nodes, None)

    def episodes(self, seed: int, number: int, node: Node) -> Iterator[FaultInterval]:
        """See `Fault`."""
        if self.joins:
            yield FaultInterval(0.0, self.joins)
        if self.leaves is not None:
            yield FaultInterval(self.leaves, math.inf)

    def describe(self) -> str:
        """See `Fault`."""
        said = [f"from {render(self.joins, 'time')}"] if self.joins else []
        said += [f"until {render(self.leaves, 'time')}"] if self.leaves is not None else []
        return f"{', '.join(self.nodes)} there {' '.join(said) or 'always'}"


@dataclass(frozen=True)
class LinkOutage:
    """Links of children (`nodes`, or all of a `level`) to their parents carry nothing for a while.

    Nobody is asked over such a link. Who was hearing misses it and what was sent up is lost (`uploads: fail`), or the
    upload pauses and goes on afterwards (`stall`); who was working works on. What has left the sender arrives.
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
                f"uploads must be fail or stall, got {self.uploads!r}; stalled ones go on afterwards"
            )

    @property
    def effect(self) -> Effect:
        """See `Fault`."""
        return Cut(self.uploads == "stall")

    def concerned(self, topology: Topology) -> Sequence[Node]:
        """See `Fault`."""
        return _named(topology, self.nodes, self.level)

    def episodes(self, seed: int, number: int, node: Node) -> Iterator[FaultInterval]:
        """See `Fault`."""
        return self.when.episodes(seed, number, node)

    def describe(self) -> str:
        """See `Fault`."""
        return (
            f"links of {_whom(self.nodes, self.level)} down: {self.when.describe()}; uploads {self.uploads}"
        )


@dataclass(frozen=True)
class SlowDown:
    """Devices (`nodes`, or all) compute `factor` times as long for a while: a processor that throttles or is shared."""

    factor: float
    when: FaultTimes
    nodes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.factor < math.inf:
            raise ValueError(
                f"factor must be finite and >= 1, got {self.factor}; 5 makes work take five times as long"
            )

    @property
    def effect(self) -> Effect:
        """See `Fault`."""
        return Slow(self.factor)

    def concerned(self, topology: Topology) -> Sequence[Node]:
        """See `Fault`."""
        return _named(topology, self.nodes, 0)

    def episodes(self, seed: int, number: int, node: Node) -> Iterator[FaultInterval]:
        """See `Fault`."""
        return self.when.episodes(seed, number, node)

    def describe(self) -> str:
        """See `Fault`."""
        return f"{_whom(self.nodes, 0)} {self.factor:g} times slower: {self.when.describe()}"


def _named(topology: Topology, names: Sequence[str], level: int | None) -> Sequence[Node]:
    """The nodes of these names, which must be of the level (None: any below the cloud); without names all of it."""
    if level is not None and not level < topology.depth:
        raise ValueError(f"level must be below the cloud's, {topology.depth}, got {level}")
    if level is not None and not names:
        return topology.levels[level]
    known = {node.name: node for row in topology.levels[:-1] for node in row}
    for name in names:
        if name not in known:
            raise ValueError(f"nodes: there is no {name!r} below the cloud; {_names(topology)}")
        if level is not None and known[name].level != level:
            raise ValueError(f"nodes: {name!r} is at level {known[name].level}, not {level}; set level")
    return [known[name] for name in names]


def _whom(names: Sequence[str], level: int) -> str:
    if names:
        return ", ".join(names)
    return "devices" if not level else f"all nodes of level {level}"


def _late(detection_s: float) -> str:
    return f", noticed {render(detection_s, 'time')} later" if detection_s else ""


FAULTS: dict[str, type[Fault]] = {
    "crash": Crash,
    "server_failure": ServerFailure,
    "presence": Presence,
    "link_outage": LinkOutage,
    "slow_down": SlowDown,
}


def _names(topology: Topology) -> str:
    """The first and the last name of every level below the cloud."""
    ends = [(row[0].name, row[-1].name) for row in topology.levels[:-1]]
    return "names run from " + ", ".join(f"{first!r} to {last!r}" for first, last in ends)
