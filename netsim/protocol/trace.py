"""Trace: the append-only tables of rounds, messages, nodes and events that a run writes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, astuple, dataclass, field, fields
from typing import Any, NamedTuple

from netsim.energy.meter import Joules, Meter
from netsim.results.table_buffer import Kind, Rows
from netsim.topology import Node, Topology

MESSAGES: dict[str, Kind] = {
    "round": "whole", "layer": "small", "direction": "name", "src": "name", "dst": "name", "receivers": "small",
    "payload_bits": "whole", "wire_bits": "whole", "airtime_s": "real", "sent_s": "real", "arrived_s": "real",
    "delivered": "flag", "fate": "name",
}  # fmt: skip
NODES: dict[str, Kind] = {
    "round": "whole", "node": "name", "level": "small", "downlink_s": "real", "compute_s": "real",
    "below_s": "real", "uplink_s": "real", "waiting_s": "real",
}  # fmt: skip
EVENTS: dict[str, Kind] = {
    "round": "whole", "time_s": "real", "kind": "name", "node": "name", "from": "name", "to": "name", "reason": "name",
}  # fmt: skip
AGGREGATIONS: dict[str, Kind] = {"time_s": "real", "node": "name", "message": "whole"}
FATES = ("unfinished", "delivered", "lost", "late", "cancelled")
"""Outcomes of messages: in flight when the run ends; received; erased by the channel; fully sent, but too late for the
receiver; cancelled during transmission (the row then has the bits sent by then)."""
ENERGY_COLUMNS = tuple(f"energy_{part.name}" for part in fields(Joules))


@dataclass(frozen=True)
class Path:
    """Seconds along a critical path: computation, downlink and uplink of each layer 1 ... N, and waiting for barriers.

    `wait_s`: what passed until a barrier opened without anybody told in the same iteration having arrived last.
    """

    compute_s: float
    down_s: tuple[float, ...]
    up_s: tuple[float, ...]
    wait_s: float = 0.0

    @classmethod
    def empty(cls, depth: int) -> Path:
        """Return the empty path of a tree of `depth` layers."""
        return cls(0.0, (0.0,) * depth, (0.0,) * depth)

    def then(self, other: Path) -> Path:
        """Return this path followed by another."""
        down = tuple(a + b for a, b in zip(self.down_s, other.down_s, strict=True))
        up = tuple(a + b for a, b in zip(self.up_s, other.up_s, strict=True))
        return Path(self.compute_s + other.compute_s, down, up, self.wait_s + other.wait_s)

    def plus_compute(self, seconds: float) -> Path:
        """Return this path plus computation."""
        return Path(self.compute_s + seconds, self.down_s, self.up_s, self.wait_s)

    def plus_wait(self, seconds: float) -> Path:
        """Return this path plus a wait."""
        return Path(self.compute_s, self.down_s, self.up_s, self.wait_s + seconds) if seconds else self

    @property
    def total_s(self) -> float:
        """Length of the path in seconds."""
        return math.fsum((self.compute_s, self.wait_s, *self.down_s, *self.up_s))

    def plus_transfers(self, layer: int, down_s: float, up_s: float) -> Path:
        """Return this path plus a downlink and an uplink of `layer` (1 ... N)."""
        down, up = list(self.down_s), list(self.up_s)
        down[layer - 1] += down_s
        up[layer - 1] += up_s
        return Path(self.compute_s, tuple(down), tuple(up), self.wait_s)


MAX_BITS = 2**63 - 1
"""Largest number of bits that a table can hold."""


class TooManyBitsError(ValueError):
    """The messages of a layer have more bits than the tables can hold."""


class Message(NamedTuple):
    """A message at the beginning of its transmission; see docs/tables.md for the columns."""

    layer: int
    direction: str
    src: str
    dst: str
    receivers: int
    payload_bits: int
    wire_bits: int
    airtime_s: float
    sent_s: float
    delivered: bool


RECEIVING, WORKING, SENDING = 0, 1, 2
"""Activities of a node in an exchange with its parent."""


@dataclass
class Trace:
    """Append-only tables of one run (see docs/tables.md for their columns)."""

    topology: Topology
    meter: Meter | None = None
    rounds: list[dict[str, Any]] = field(default_factory=list)
    messages: Rows = field(default_factory=lambda: Rows(MESSAGES))
    nodes: Rows = field(default_factory=lambda: Rows(NODES))
    events: Rows = field(default_factory=lambda: Rows(EVENTS))
    aggregations: Rows | None = None
    """Row in `messages` of every answer that was aggregated; recorded only if invariants are verified."""
    interrupted: int = 0
    """Number of interrupted exchanges."""
    _totals: dict[str, list[int]] = field(default_factory=dict)
    _activity_s: dict[str, list[float]] = field(default_factory=dict)
    """Seconds of this round per node and activity."""
    _activity: dict[str, tuple[int, float]] = field(default_factory=dict)
    """Current activity of each node, and its begin in this round."""
    _bits_by_direction: dict[str, tuple[list[int], list[int]]] = field(default_factory=dict)
    """Payload and wire bits by direction."""
    _lost_uploads: list[int] = field(default_factory=list)
    _fates: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("bits_up", "bits_down", "wire_bits_up", "wire_bits_down"):
            self._totals[name] = [0] * self.topology.depth
        self._lost_uploads += [0] * self.topology.depth
        self._fates = {fate: self.messages.code[fate] for fate in FATES}
        for direction in ("up", "down"):
            self._bits_by_direction[direction] = (
                self._totals[f"bits_{direction}"],
                self._totals[f"wire_bits_{direction}"],
            )

    @property
    def current_round(self) -> int:
        """Number of the current global round (1, 2, ...)."""
        return len(self.rounds)

    @property
    def totals(self) -> Mapping[str, list[int]]:
        """Bits sent and uploads lost so far, per layer from the devices up, including an unfinished round."""
        return {name: list(values) for name, values in self._totals.items()} | {
            "lost_up": list(self._lost_uploads)
        }

    def enable_energy(self, meter: Meter) -> None:
        """Add the energy columns that `meter` fills; call before the first row."""
        self.meter, self.nodes = meter, Rows({**NODES, **dict.fromkeys(ENERGY_COLUMNS, "real")})

    def record_sent(self, message: Message) -> int:
        """Record a message at the beginning of its transmission; return its row in the messages table.

        Raises TooManyBitsError if the bits of a layer exceed `MAX_BITS`.
        """
        layer, direction, src, dst, receivers, payload_bits, wire_bits, airtime_s, sent_s, delivered = message
        bits, wire_totals = self._bits_by_direction[direction]
        bits[layer - 1] += payload_bits
        wire_totals[layer - 1] += wire_bits
        if wire_totals[layer - 1] > MAX_BITS:
            raise TooManyBitsError(
                f"layer {layer} has sent more than {MAX_BITS} bits, the most that can be counted; take a smaller model"
            )
        code = self.messages.code
        return self.messages.append(
            self.current_round, layer, code[direction], code[src], code[dst], receivers,
            payload_bits, wire_bits, airtime_s, sent_s, math.nan, delivered, self._fates["unfinished"],
        )  # fmt: skip

    def record_arrival(self, row: int, now_s: float, *, delivered: bool) -> None:
        """Record that the message in `row` has arrived at a receiver or was erased; the last instant is kept."""
        self.messages.put(row, "arrived_s", now_s)
        self.messages.put(row, "fate", self._fates["delivered" if delivered else "lost"])
        if not delivered:
            self._lost_uploads[int(self.messages[row]["layer"]) - 1] += 1

    def record_cancelled(self, row: int, now_s: float, *, fully_sent: bool) -> None:
        """Record that the message in `row` is cancelled; it is late if it was fully sent."""
        self.messages.put(row, "arrived_s", now_s)
        self.messages.put(row, "fate", self._fates["late" if fully_sent else "cancelled"])
        self.messages.put(row, "delivered", False)

    def record_unsent(
        self, row: int, message: Message, payload_bits: int, wire_bits: int, airtime_s: float
    ) -> None:
        """Subtract what is not sent of the message in `row` because it was stopped."""
        bits, wire_totals = self._bits_by_direction[message.direction]
        bits[message.layer - 1] -= payload_bits
        wire_totals[message.layer - 1] -= wire_bits
        self.messages.add(row, "payload_bits", -payload_bits)
        self.messages.add(row, "wire_bits", -wire_bits)
        self.messages.add(row, "airtime_s", -airtime_s)

    def record_event(
        self, now_s: float, kind: str, node: Node, before: Node | None, after: Node | None, reason: str
    ) -> None:
        """Record an event of `kind` at `node`, with its parents before and after the event."""
        code = self.events.code
        names = (code[kind], code[node.name], *(code[one.name if one else ""] for one in (before, after)))
        self.events.append(self.current_round, now_s, *names, code[reason])

    def record_aggregation(self, now_s: float, node: Node, rows: Iterable[int]) -> None:
        """Record that `node` aggregates the messages in these rows."""
        if self.aggregations is not None:
            for row in rows:
                self.aggregations.append(now_s, self.aggregations.code[node.name], row)

    def set_activity(self, node: Node, activity: int | None, now_s: float) -> None:
        """Record that `node` is RECEIVING, WORKING or SENDING from now on (None: it waits for its parent)."""
        name = node.name
        before = self._activity.pop(name, None)
        if before is not None:
            self._activity_s[name][before[0]] += now_s - before[1]
        elif name not in self._activity_s:
            self._activity_s[name] = [0.0, 0.0, 0.0]
        if activity is not None:
            self._activity[name] = activity, now_s

    def record_initial(self, metrics: Mapping[str, float]) -> None:
        """Append row 0: the initial model at t = 0."""
        zeros = dict.fromkeys(self._totals, [0] * self.topology.depth)
        self._row(0, 0.0, metrics, 0, zeros, Path.empty(self.topology.depth))

    def record_round(
        self, number: int, now_s: float, metrics: Mapping[str, float], steps: float, path: Path
    ) -> None:
        """Append the row of a completed global round (1, 2, ...), and the nodes' rows with their time and energy."""
        length_s = now_s - self.rounds[-1]["sim_time_s"]
        for name, (activity, since_s) in self._activity.items():
            self._activity_s[name][activity] += now_s - since_s
            self._activity[name] = activity, now_s
        joules = self.meter.close(length_s) if self.meter is not None else {}
        self._row(number, now_s, metrics, steps, self._totals, path)
        for level in self.topology.levels:
            for node in level:
                self._node_row(number, node, length_s, joules.get(node.name))
        self._activity_s = {name: [0.0, 0.0, 0.0] for name in self._activity}

    def _row(
        self,
        number: int,
        now_s: float,
        metrics: Mapping[str, float],
        steps: float,
        totals: Mapping[str, list[int]],
        path: Path,
    ) -> None:
        row: dict[str, Any] = {"round": number, "sim_time_s": now_s, **metrics}
        row["local_steps"] = steps
        for name, values in totals.items():
            row |= {f"{name}_{n}": value for n, value in enumerate(values, start=1)}
        if self.meter is not None:
            spent = self.meter.closed_j
            row |= {"energy_j": spent.total_j} | {
                f"energy_{name}": value for name, value in asdict(spent).items()
            }
            row |= {f"energy_layer_j_{n}": value for n, value in enumerate(self.meter.layer_j, start=1)}
        row["path_compute_s"] = path.compute_s
        row |= {f"path_down_s_{n}": value for n, value in enumerate(path.down_s, start=1)}
        row |= {f"path_up_s_{n}": value for n, value in enumerate(path.up_s, start=1)}
        row["path_wait_s"] = path.wait_s
        self.rounds.append(row)

    def _node_row(self, number: int, node: Node, length_s: float, joules: Joules | None) -> None:
        activity_s = self._activity_s.get(node.name, [0.0, 0.0, 0.0])
        if node is self.topology.root:  # it serves its children all the time
            activity_s = [0.0, length_s, 0.0]
        receiving_s, working_s, sending_s = activity_s
        waiting_s = max(0.0, length_s - (receiving_s + working_s + sending_s))
        busy = (0.0, working_s) if node.level else (working_s, 0.0)
        joined = () if joules is None else astuple(joules)
        self.nodes.append(
            number, self.nodes.code[node.name], node.level, receiving_s, *busy, sending_s, waiting_s, *joined
        )
