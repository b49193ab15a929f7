"""Facts about time and bits, appended as they happen; whoever wants them reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from netsim.meter import Joules, Meter
from netsim.topology import Node, Topology


@dataclass(frozen=True)
class Path:
    """Seconds along a critical path: compute, and per layer 1 ... N the downlink and uplink waited for."""

    compute_s: float
    down_s: tuple[float, ...]
    up_s: tuple[float, ...]

    @classmethod
    def none(cls, depth: int) -> Path:
        """The empty path of a tree of `depth` layers."""
        return cls(0.0, (0.0,) * depth, (0.0,) * depth)

    def then(self, other: Path) -> Path:
        """This path followed by another."""
        down = tuple(a + b for a, b in zip(self.down_s, other.down_s, strict=True))
        up = tuple(a + b for a, b in zip(self.up_s, other.up_s, strict=True))
        return Path(self.compute_s + other.compute_s, down, up)

    def computing(self, seconds: float) -> Path:
        """This path followed by a server's own computing."""
        return Path(self.compute_s + seconds, self.down_s, self.up_s)

    def over(self, layer: int, down_s: float, up_s: float) -> Path:
        """This path with a downlink before and an uplink after it on `layer` (1 ... N)."""
        down, up = list(self.down_s), list(self.up_s)
        down[layer - 1] += down_s
        up[layer - 1] += up_s
        return Path(self.compute_s, tuple(down), tuple(up))


@dataclass
class _Shares:
    """Where a node's time went in one round."""

    downlink_s: float = 0.0
    busy_s: float = 0.0
    uplink_s: float = 0.0


@dataclass
class Trace:
    """Append-only tables of one run (see netsim.result for their columns)."""

    topology: Topology
    meter: Meter | None = None
    rounds: list[dict[str, Any]] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    nodes: list[dict[str, Any]] = field(default_factory=list)
    _totals: dict[str, list[int]] = field(default_factory=dict)
    _shares: dict[tuple[int, str], _Shares] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("bits_up", "bits_down", "wire_bits_up", "wire_bits_down"):
            self._totals[name] = [0] * self.topology.depth

    @property
    def totals(self) -> Mapping[str, list[int]]:
        """Bits sent and uploads lost so far, per layer from the devices up, in finished rounds or not."""
        lost = [0] * self.topology.depth
        for message in self.messages:
            lost[message["layer"] - 1] += not message["delivered"]
        return {name: list(values) for name, values in self._totals.items()} | {"lost_up": lost}

    def sent(self, message: dict[str, Any]) -> dict[str, Any]:
        """Record a transfer when it begins; the returned row gets its `arrived_s` later."""
        layer, way = message["layer"] - 1, message["direction"]
        self._totals[f"bits_{way}"][layer] += message["payload_bits"]
        self._totals[f"wire_bits_{way}"][layer] += message["wire_bits"]
        self.messages.append(message)
        return message

    def spent(self, turn: int, node: Node, downlink_s: float, busy_s: float, uplink_s: float) -> None:
        """Add a finished conversation of `node` with its parent to global round `turn`."""
        shares = self._shares.setdefault((turn, node.name), _Shares())
        shares.downlink_s += downlink_s
        shares.busy_s += busy_s
        shares.uplink_s += uplink_s

    def start(self, metrics: Mapping[str, float]) -> None:
        """Row 0: the initial model at t = 0."""
        nothing = dict.fromkeys(self._totals, [0] * self.topology.depth)
        self._row(0, 0.0, metrics, 0, nothing, Path.none(self.topology.depth))

    def round_done(
        self, turn: int, now_s: float, metrics: Mapping[str, float], steps: int, path: Path
    ) -> None:
        """Close global round `turn` (1, 2, ...): its row, and where each node's time and energy went."""
        length_s = now_s - self.rounds[-1]["sim_time_s"]
        joules = self.meter.close(length_s) if self.meter is not None else {}
        self._row(turn, now_s, metrics, steps, self._totals, path)
        for level in self.topology.levels:
            for node in level:
                self._node_row(turn, node, length_s)
                if node.name in joules:
                    self.nodes[-1] |= _columns(joules[node.name])

    def _row(
        self,
        turn: int,
        now_s: float,
        metrics: Mapping[str, float],
        steps: int,
        totals: Mapping[str, list[int]],
        path: Path,
    ) -> None:
        row: dict[str, Any] = {
            "round": turn,
            "sim_time_s": now_s,
            "accuracy": metrics["accuracy"],
            "loss": metrics["loss"],
        }
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
        self.rounds.append(row)

    def _node_row(self, turn: int, node: Node, length_s: float) -> None:
        served = _Shares(busy_s=length_s)  # the cloud serves its children all the time
        shares = served if node is self.topology.root else self._shares.pop((turn, node.name), _Shares())
        spent_s = shares.downlink_s + shares.busy_s + shares.uplink_s
        self.nodes.append(
            {
                "round": turn,
                "node": node.name,
                "level": node.level,
                "downlink_s": shares.downlink_s,
                "compute_s": 0.0 if node.children else shares.busy_s,
                "below_s": shares.busy_s if node.children else 0.0,
                "uplink_s": shares.uplink_s,
                "waiting_s": max(0.0, length_s - spent_s),
            }
        )


def _columns(joules: Joules) -> dict[str, float]:
    return {f"energy_{name}": value for name, value in asdict(joules).items()}
