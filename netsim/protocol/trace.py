"""Facts about time and bits, appended as they happen; whoever wants them reads them."""

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
MERGES: dict[str, Kind] = {"time_s": "real", "node": "name", "message": "whole"}
FATES = ("unfinished", "delivered", "lost", "late", "cancelled")
"""What becomes of messages: still under way when the run ends; used; erased on the way; fully sent, but whoever
waited had gone on; stopped while it was sent (the row then counts what was sent by then)."""
SPENT = tuple(f"energy_{part.name}" for part in fields(Joules))


@dataclass(frozen=True)
class Path:
    """Seconds along a critical path: compute, per layer 1 ... N the downlink and uplink waited for, and barriers.

    `wait_s`: what passed until a barrier opened without anybody told in the same iteration having arrived last.
    """

    compute_s: float
    down_s: tuple[float, ...]
    up_s: tuple[float, ...]
    wait_s: float = 0.0

    @classmethod
    def none(cls, depth: int) -> Path:
        """The empty path of a tree of `depth` layers."""
        return cls(0.0, (0.0,) * depth, (0.0,) * depth)

    def then(self, other: Path) -> Path:
        """This path followed by another."""
        down = tuple(a + b for a, b in zip(self.down_s, other.down_s, strict=True))
        up = tuple(a + b for a, b in zip(self.up_s, other.up_s, strict=True))
        return Path(self.compute_s + other.compute_s, down, up, self.wait_s + other.wait_s)

    def computing(self, seconds: float) -> Path:
        """This path followed by a server's own computing."""
        return Path(self.compute_s + seconds, self.down_s, self.up_s, self.wait_s)

    def waiting(self, seconds: float) -> Path:
        """This path with a wait besides."""
        return Path(self.compute_s, self.down_s, self.up_s, self.wait_s + seconds) if seconds else self

    @property
    def total_s(self) -> float:
        """How long it is."""
        return math.fsum((self.compute_s, self.wait_s, *self.down_s, *self.up_s))

    def over(self, layer: int, down_s: float, up_s: float) -> Path:
        """This path with a downlink before and an uplink after it on `layer` (1 ... N)."""
        down, up = list(self.down_s), list(self.up_s)
        down[layer - 1] += down_s
        up[layer - 1] += up_s
        return Path(self.compute_s, tuple(down), tuple(up), self.wait_s)


MOST = 2**63 - 1
"""Bits that a table's column can hold."""


class TooManyBitsError(ValueError):
    """A message, or all of a layer's, has more bits than the tables can hold."""


class Message(NamedTuple):
    """One transfer as it begins; see docs/tables.md for the columns."""

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


HEARING, BUSY, SENDING = 0, 1, 2
"""What a node can be at in a conversation with its parent."""


@dataclass
class Trace:
    """Append-only tables of one run (see netsim.results.result for their columns)."""

    topology: Topology
    meter: Meter | None = None
    rounds: list[dict[str, Any]] = field(default_factory=list)
    messages: Rows = field(default_factory=lambda: Rows(MESSAGES))
    nodes: Rows = field(default_factory=lambda: Rows(NODES))
    events: Rows = field(default_factory=lambda: Rows(EVENTS))
    merges: Rows | None = None
    """What each aggregation merged, by place in `messages`; kept where laws are to be checked."""
    interrupted: int = 0
    """Conversations that were broken off so far."""
    _totals: dict[str, list[int]] = field(default_factory=dict)
    _shares: dict[str, list[float]] = field(default_factory=dict)
    """Seconds of this round that a node was at each of these."""
    _doing: dict[str, tuple[int, float]] = field(default_factory=dict)
    """What each node is at, and since when (or since the round began)."""
    _ways: dict[str, tuple[list[int], list[int]]] = field(default_factory=dict)
    """Payload and wire bits by direction."""
    _lost: list[int] = field(default_factory=list)
    _fates: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("bits_up", "bits_down", "wire_bits_up", "wire_bits_down"):
            self._totals[name] = [0] * self.topology.depth
        self._lost += [0] * self.topology.depth
        self._fates = {fate: self.messages.code[fate] for fate in FATES}
        for way in ("up", "down"):
            self._ways[way] = self._totals[f"bits_{way}"], self._totals[f"wire_bits_{way}"]

    @property
    def turn(self) -> int:
        """The global round that is under way, from 1 on."""
        return len(self.rounds)

    @property
    def totals(self) -> Mapping[str, list[int]]:
        """Bits sent and uploads lost so far, per layer from the devices up, in finished rounds or not."""
        return {name: list(values) for name, values in self._totals.items()} | {"lost_up": list(self._lost)}

    def metered(self, meter: Meter) -> None:
        """Let the tables tell what `meter` counts; before the first row."""
        self.meter, self.nodes = meter, Rows({**NODES, **dict.fromkeys(SPENT, "real")})

    def sent(self, message: Message) -> int:
        """Record a transfer when it begins; its place in the table is what `arrived` asks for.

        Raises TooManyBitsError where a layer's bits can no longer be counted.
        """
        layer, way, src, dst, receivers, payload_bits, wire_bits, airtime_s, sent_s, delivered = message
        bits, wires = self._ways[way]
        bits[layer - 1] += payload_bits
        wires[layer - 1] += wire_bits
        if wires[layer - 1] > MOST:
            raise TooManyBitsError(
                f"layer {layer} has sent more than {MOST} bits, the most that can be counted; take a smaller model"
            )
        code = self.messages.code
        return self.messages.append(
            self.turn, layer, code[way], code[src], code[dst], receivers,
            payload_bits, wire_bits, airtime_s, sent_s, math.nan, delivered, self._fates["unfinished"],
        )  # fmt: skip

    def arrived(self, place: int, now_s: float, *, delivered: bool) -> None:
        """The transfer recorded at `place` has reached a receiver, or is missed there; the last instant stays."""
        self.messages.put(place, "arrived_s", now_s)
        self.messages.put(place, "fate", self._fates["delivered" if delivered else "lost"])
        if not delivered:
            self._lost[int(self.messages[place]["layer"]) - 1] += 1

    def dropped(self, place: int, now_s: float, *, whole: bool) -> None:
        """The transfer recorded at `place` is given up now: late if all of it was sent by then."""
        self.messages.put(place, "arrived_s", now_s)
        self.messages.put(place, "fate", self._fates["late" if whole else "cancelled"])
        self.messages.put(place, "delivered", False)

    def shortened(
        self, place: int, message: Message, payload_bits: int, wire_bits: int, airtime_s: float
    ) -> None:
        """So much of the transfer recorded at `place` is not sent, now that it is stopped."""
        bits, wires = self._ways[message.direction]
        bits[message.layer - 1] -= payload_bits
        wires[message.layer - 1] -= wire_bits
        self.messages.add(place, "payload_bits", -payload_bits)
        self.messages.add(place, "wire_bits", -wire_bits)
        self.messages.add(place, "airtime_s", -airtime_s)

    def happened(
        self, now_s: float, kind: str, node: Node, before: Node | None, after: Node | None, reason: str
    ) -> None:
        """The network changed: `kind` befell `node`, which went from one parent to another where these differ."""
        code = self.events.code
        names = (code[kind], code[node.name], *(code[one.name if one else ""] for one in (before, after)))
        self.events.append(self.turn, now_s, *names, code[reason])

    def merged(self, now_s: float, node: Node, places: Iterable[int]) -> None:
        """`node` merges the messages at these places."""
        if self.merges is not None:
            for place in places:
                self.merges.append(now_s, self.merges.code[node.name], place)

    def at(self, node: Node, doing: int | None, now_s: float) -> None:
        """From now on `node` is HEARING, BUSY or SENDING (None: it waits for its parent)."""
        name = node.name
        before = self._doing.pop(name, None)
        if before is not None:
            self._shares[name][before[0]] += now_s - before[1]
        elif name not in self._shares:
            self._shares[name] = [0.0, 0.0, 0.0]
        if doing is not None:
            self._doing[name] = doing, now_s

    def start(self, metrics: Mapping[str, float]) -> None:
        """Row 0: the initial model at t = 0."""
        nothing = dict.fromkeys(self._totals, [0] * self.topology.depth)
        self._row(0, 0.0, metrics, 0, nothing, Path.none(self.topology.depth))

    def round_done(
        self, turn: int, now_s: float, metrics: Mapping[str, float], steps: float, path: Path
    ) -> None:
        """Close global round `turn` (1, 2, ...): its row, and where each node's time and energy went."""
        length_s = now_s - self.rounds[-1]["sim_time_s"]
        for name, (doing, since_s) in self._doing.items():
            self._shares[name][doing] += now_s - since_s
            self._doing[name] = doing, now_s
        joules = self.meter.close(length_s) if self.meter is not None else {}
        self._row(turn, now_s, metrics, steps, self._totals, path)
        for level in self.topology.levels:
            for node in level:
                self._node_row(turn, node, length_s, joules.get(node.name))
        self._shares = {name: [0.0, 0.0, 0.0] for name in self._doing}

    def _row(
        self,
        turn: int,
        now_s: float,
        metrics: Mapping[str, float],
        steps: float,
        totals: Mapping[str, list[int]],
        path: Path,
    ) -> None:
        row: dict[str, Any] = {"round": turn, "sim_time_s": now_s, **metrics}
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

    def _node_row(self, turn: int, node: Node, length_s: float, joules: Joules | None) -> None:
        spent_s = self._shares.get(node.name, [0.0, 0.0, 0.0])
        if node is self.topology.root:  # it serves its children all the time
            spent_s = [0.0, length_s, 0.0]
        hearing_s, busy_s, sending_s = spent_s
        waiting_s = max(0.0, length_s - (hearing_s + busy_s + sending_s))
        busy = (0.0, busy_s) if node.level else (busy_s, 0.0)
        joined = () if joules is None else astuple(joules)
        self.nodes.append(
            turn, self.nodes.code[node.name], node.level, hearing_s, *busy, sending_s, waiting_s, *joined
        )
