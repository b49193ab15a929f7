"""The energy meter of a run: energy per node, and per layer for the links."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import NamedTuple

import simpy

from netsim.devices.clock import Clock
from netsim.energy.consumption import Energy, Terminal, idle_j, receive_j
from netsim.network import Cell, LayerNetwork, Transfer
from netsim.topology import Node, Topology
from netsim.units import w_from_dbm


@dataclass(frozen=True)
class Radios:
    """Radiated powers of a layer's cells, and whether each device has a band of its own (static FDMA).

    A station serves K separate bands at once with one radio: each message costs it airtime / K, at a K-th of its
    power per hertz. A device has all its power in its own band, and a broadcast uses the whole band.
    """

    device_w: float
    station_w: float
    own_bands: bool = False

    @classmethod
    def of(cls, layer: LayerNetwork) -> Radios | None:
        """The powers of a layer's network if it is a cell, else None."""
        if not isinstance(layer, Cell):
            return None
        radio = layer.radio
        powers = w_from_dbm(radio.device_power), w_from_dbm(radio.station_power)
        return cls(*powers, own_bands=radio.access == "fdma")


@dataclass
class Joules:
    """The energy of a node by use, J; `wired_j` is that of the wired links for what it sent."""

    compute_j: float = 0.0
    transmit_j: float = 0.0
    receive_j: float = 0.0
    idle_j: float = 0.0
    wired_j: float = 0.0

    @property
    def total_j(self) -> float:
        """The sum over all uses."""
        return self.compute_j + self.transmit_j + self.receive_j + self.idle_j + self.wired_j


class _ComputeCharge(NamedTuple):
    started_s: float
    seconds: float
    joules: float


class _TransferCharge(NamedTuple):
    layer: int
    sender: Node
    receivers: Sequence[Node]
    transfer: Transfer
    whole_band: bool = False
    """Whether the transfer uses the whole band, as broadcasts do."""


class Meter:
    """Computes the energy of all nodes from their work and transfers.

    Call `record_compute` and `start_transfer` when work and transfers start, and `close` at the end of a round. Both
    charge the full energy at once; at the end of a run `refund_unfinished` subtracts what was not done.

    Args:
        energy: the scenario's section.
        topology: whose nodes are metered.
        clock: the devices' clock. Raises ValueError if it lacks what `energy.compute` needs.
        radios: per layer from the devices up; None for a layer that is not a cell.
    """

    def __init__(
        self, energy: Energy, topology: Topology, clock: Clock, radios: Sequence[Radios | None]
    ) -> None:
        energy.compute.check(clock)
        self.energy, self.clock, self.radios = energy, clock, tuple(radios)
        self.topology = topology
        self.fanout: Callable[[Node], int] = lambda node: len(node.children)
        """Current number of children of a node."""
        self.layer_j = [0.0] * topology.depth
        """Energy of sending, receiving and wired links of each layer since the start, both ends together."""
        self.node_j: dict[str, Joules] = {node.name: Joules() for level in topology.levels for node in level}
        """Energy of each node since the last `close`."""
        self.closed_j = Joules()
        """Energy of all nodes up to the last `close`."""
        self._busy_s = dict.fromkeys(self.node_j, 0.0)
        self._off_since_s: dict[str, float] = {}
        self._off_s: dict[str, float] = {}
        self._closed_s = 0.0
        self._computing: dict[str, _ComputeCharge] = {}
        self._transfers: dict[simpy.Event, _TransferCharge] = {}

    def record_compute(self, device: Node, steps: float, seconds: float, started_s: float) -> None:
        """Charge the `steps` SGD steps that a device makes in `seconds` from the time `started_s` on."""
        joules = self.energy.compute.compute_j(self.clock, device.ordinal, steps, seconds)
        self.node_j[device.name].compute_j += joules
        self._busy_s[device.name] += seconds
        self._computing[device.name] = _ComputeCharge(started_s, seconds, joules)

    def start_transfer(
        self,
        layer: int,
        sender: Node,
        receivers: Sequence[Node],
        transfer: Transfer,
        *,
        whole_band: bool = False,
    ) -> None:
        """Charge a transfer that starts, as `charge_transfer` does, and keep it until it is served."""
        receivers = [one for one in receivers if one.name not in self._off_since_s]
        self.charge_transfer(layer, sender, receivers, transfer.wire_bits, transfer.airtime_s, whole_band)
        self._transfers[transfer.served] = _TransferCharge(layer, sender, receivers, transfer, whole_band)
        assert transfer.served.callbacks is not None
        transfer.served.callbacks.append(self._finish)

    def _finish(self, served: simpy.Event) -> None:
        self._transfers.pop(served, None)

    def refund_unfinished(self, now_s: float) -> None:
        """End the run: subtract the energy of the part of computing and sending that is not done.

        Computing proceeds evenly over its time, a transfer as far as its medium has served it.
        """
        for transfer in [charge.transfer for charge in self._transfers.values()]:
            self.cancel_transfer(transfer)
        for name in list(self._computing):
            self._stop_compute(name, now_s)

    def cancel_transfer(self, transfer: Transfer) -> None:
        """Stop a transfer, served or not: subtract the energy of the part that its medium has not served."""
        charge = self._transfers.pop(transfer.served, None)
        if charge is not None and transfer.airtime_s > 0:
            unsent_s = transfer.remaining_s()
            unsent_bits = transfer.wire_bits * (unsent_s / transfer.airtime_s)
            self.charge_transfer(
                charge.layer, charge.sender, charge.receivers, -unsent_bits, -unsent_s, charge.whole_band
            )

    def power_off(self, node: Node, now_s: float) -> None:
        """A node goes down: its power is zero until `power_on`."""
        self._off_since_s[node.name] = now_s

    def power_on(self, node: Node, now_s: float) -> None:
        """A node is up again."""
        since_s = self._off_since_s.pop(node.name, now_s)
        self._off_s[node.name] = self._off_s.get(node.name, 0.0) + now_s - max(since_s, self._closed_s)

    def stop_compute(self, device: Node, now_s: float) -> None:
        """A device stops computing early: subtract the energy of the steps it has not done."""
        self._stop_compute(device.name, now_s)

    def _stop_compute(self, name: str, now_s: float) -> None:
        charge = self._computing.pop(name, None)
        undone_s = 0.0 if charge is None else charge.started_s + charge.seconds - now_s
        if charge is not None and undone_s > 0:
            self.node_j[name].compute_j -= charge.joules * (undone_s / charge.seconds)
            self._busy_s[name] -= undone_s

    def charge_transfer(
        self,
        layer: int,
        sender: Node,
        receivers: Sequence[Node],
        wire_bits: float,
        airtime_s: float,
        whole_band: bool | None = None,
    ) -> None:
        """Charge one transfer on `layer` (1 ... N); a broadcast is one transfer with all children as receivers.

        `airtime_s`: transmission time at the full rate, s; lost messages are charged too.
        `whole_band`: the transfer uses the whole band (None: if it has several receivers).
        """
        radios = self.radios[layer - 1]
        if radios is None:
            joules = self.energy.wired_per_bit * wire_bits
            self.node_j[sender.name].wired_j += joules
        else:
            whole_band = len(receivers) > 1 if whole_band is None else whole_band
            joules = self._send(sender, layer, radios, airtime_s, whole_band)
            for receiver in receivers:
                joules += self._receive(receiver, layer, radios, airtime_s, False)
        self.layer_j[layer - 1] += joules

    def close(self, length_s: float) -> Mapping[str, Joules]:
        """Charge the idle time of the last `length_s` seconds and return each node's energy since the last call.

        The idle power is that of the node's radio; for devices without one it is `device.idle_power`.
        """
        self._closed_s += length_s
        deferred = self._defer_future(self._closed_s)
        closed = self.node_j
        for name, since_s in self._off_since_s.items():
            started_s = max(since_s, self._closed_s - length_s)
            self._off_s[name] = self._off_s.get(name, 0.0) + self._closed_s - started_s
        for level in self.topology.levels:
            for node in level:
                idle_w = self._idle_w(node)
                closed[node.name].idle_j += idle_j(
                    idle_w, length_s - self._off_s.get(node.name, 0.0), self._busy_s[node.name]
                )
        for joules in closed.values():
            for one in fields(Joules):
                setattr(self.closed_j, one.name, getattr(self.closed_j, one.name) + getattr(joules, one.name))
        self.node_j = {name: Joules() for name in closed}
        self._busy_s = dict.fromkeys(closed, 0.0)
        self._off_s.clear()
        for charge in deferred:
            charge()
        return closed

    def _defer_future(self, now_s: float) -> list[Callable[[], None]]:
        """Subtract what is charged already but not done yet; return the calls that charge it again."""
        deferred: list[Callable[[], None]] = []
        for name, (started_s, seconds, joules) in self._computing.items():
            undone_s = started_s + seconds - now_s
            if undone_s > 0:
                self._charge_compute(name, -joules * (undone_s / seconds), -undone_s)
                deferred.append(partial(self._charge_compute, name, joules * (undone_s / seconds), undone_s))
        for layer, sender, receivers, transfer, whole_band in self._transfers.values():
            if transfer.airtime_s > 0 and (unsent_s := transfer.remaining_s()) > 0:
                bits = transfer.wire_bits * (unsent_s / transfer.airtime_s)
                self.charge_transfer(layer, sender, receivers, -bits, -unsent_s, whole_band)
                deferred.append(
                    partial(self.charge_transfer, layer, sender, receivers, bits, unsent_s, whole_band)
                )
        return deferred

    def _charge_compute(self, name: str, joules: float, seconds: float) -> None:
        self.node_j[name].compute_j += joules
        self._busy_s[name] += seconds

    def _send(self, node: Node, layer: int, radios: Radios, airtime_s: float, whole_band: bool) -> float:
        terminal, radiated_w, own_s = self._radio(node, layer, radios, airtime_s, whole_band)
        joules = terminal.transmit_j(radiated_w, own_s)
        self.node_j[node.name].transmit_j += joules
        self._busy_s[node.name] += own_s
        return joules

    def _receive(self, node: Node, layer: int, radios: Radios, airtime_s: float, whole_band: bool) -> float:
        terminal, _, own_s = self._radio(node, layer, radios, airtime_s, whole_band)
        joules = receive_j(terminal.receive_power, own_s)
        self.node_j[node.name].receive_j += joules
        self._busy_s[node.name] += own_s
        return joules

    def _radio(
        self, node: Node, layer: int, radios: Radios, airtime_s: float, whole_band: bool
    ) -> tuple[Terminal, float, float]:
        """The node's radio, its radiated power, and how long the radio is busy with a message."""
        if node.level < layer:
            return self.energy.device, radios.device_w, airtime_s
        share = 1.0 / max(1, self.fanout(node)) if radios.own_bands and not whole_band else 1.0
        return self.energy.station, radios.station_w, airtime_s * share

    def _idle_w(self, node: Node) -> float:
        if node.level and self.radios[node.level - 1] is not None:
            return self.energy.station.idle_power
        radio_above = node.level < len(self.radios) and self.radios[node.level] is not None
        return self.energy.device.idle_power if radio_above or not node.level else 0.0
