"""Joules of a run, added up as it happens: per node, and per layer for what goes over links."""

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

    A station serves K own bands at once with one radio: each message costs it airtime / K, at a K-th of its
    power per hertz. A device has all its power in its own band, and a broadcast takes the whole band.
    """

    device_w: float
    station_w: float
    own_bands: bool = False

    @classmethod
    def of(cls, layer: LayerNetwork) -> Radios | None:
        """What a layer's network radiates: the cell's own powers; None for anything but a cell."""
        if not isinstance(layer, Cell):
            return None
        radio = layer.radio
        powers = w_from_dbm(radio.device_power), w_from_dbm(radio.station_power)
        return cls(*powers, own_bands=radio.access == "fdma")


@dataclass
class Joules:
    """Where a node's energy went; `wired_j` is the wires' for what it sent."""

    compute_j: float = 0.0
    transmit_j: float = 0.0
    receive_j: float = 0.0
    idle_j: float = 0.0
    wired_j: float = 0.0

    @property
    def total_j(self) -> float:
        """The sum of the parts."""
        return self.compute_j + self.transmit_j + self.receive_j + self.idle_j + self.wired_j


class _Computing(NamedTuple):
    begun_s: float
    seconds: float
    joules: float


class _Sending(NamedTuple):
    layer: int
    sender: Node
    receivers: Sequence[Node]
    transfer: Transfer
    whole: bool = False
    """Whether it takes all the band, as broadcasts do."""


class Meter:
    """Counts what nodes draw. Call `computed` and `begun` as work and transfers begin, `close` at a round's end.

    Both charge the whole of it at once. Where a run is cut off, `cut` takes back what was not done by then.

    Args:
        energy: the scenario's section.
        topology: whose nodes are metered.
        clock: the devices' clock. Raises ValueError if `energy.compute` needs what it does not know.
        radios: per layer from the devices up; None for a layer that is no cell.
    """

    def __init__(
        self, energy: Energy, topology: Topology, clock: Clock, radios: Sequence[Radios | None]
    ) -> None:
        energy.compute.check(clock)
        self.energy, self.clock, self.radios = energy, clock, tuple(radios)
        self.topology = topology
        self.fanout: Callable[[Node], int] = lambda node: len(node.children)
        """How many children a node has now."""
        self.layer_j = [0.0] * topology.depth
        """Joules of sending, receiving and wires of each layer since the run began, both ends together."""
        self.node_j: dict[str, Joules] = {node.name: Joules() for level in topology.levels for node in level}
        """Joules of each node since the last `close`."""
        self.closed_j = Joules()
        """Joules of all nodes up to the last `close`."""
        self._busy_s = dict.fromkeys(self.node_j, 0.0)
        self._off_since_s: dict[str, float] = {}
        self._off_s: dict[str, float] = {}
        self._closed_s = 0.0
        self._computing: dict[str, _Computing] = {}
        self._under_way: dict[simpy.Event, _Sending] = {}

    def computed(self, device: Node, steps: float, seconds: float, begun_s: float) -> None:
        """A device makes `steps` SGD steps in `seconds` from the instant `begun_s` on."""
        joules = self.energy.compute.compute_j(self.clock, device.ordinal, steps, seconds)
        self.node_j[device.name].compute_j += joules
        self._busy_s[device.name] += seconds
        self._computing[device.name] = _Computing(begun_s, seconds, joules)

    def begun(
        self, layer: int, sender: Node, receivers: Sequence[Node], transfer: Transfer, *, whole: bool = False
    ) -> None:
        """A transfer begins: charge it as `sent` does, and remember it while it is served."""
        receivers = [one for one in receivers if one.name not in self._off_since_s]
        self.sent(layer, sender, receivers, transfer.wire_bits, transfer.airtime_s, whole)
        self._under_way[transfer.served] = _Sending(layer, sender, receivers, transfer, whole)
        assert transfer.served.callbacks is not None
        transfer.served.callbacks.append(self._through)

    def _through(self, served: simpy.Event) -> None:
        self._under_way.pop(served, None)

    def cut(self, now_s: float) -> None:
        """The run ends here: take back the joules of what computing and sending is not yet done.

        Computing is done evenly over its time, a transfer as far as its medium has served it; latency is free.
        """
        for transfer in [sending.transfer for sending in self._under_way.values()]:
            self.cancelled(transfer)
        for name in list(self._computing):
            self._stopped(name, now_s)

    def cancelled(self, transfer: Transfer) -> None:
        """A transfer ends now, served or not: take back the joules of what its medium has not served."""
        under_way = self._under_way.pop(transfer.served, None)
        if under_way is not None and transfer.airtime_s > 0:
            lacks_s = transfer.left_s()
            lacking_bits = transfer.wire_bits * (lacks_s / transfer.airtime_s)
            one = under_way
            self.sent(one.layer, one.sender, one.receivers, -lacking_bits, -lacks_s, one.whole)

    def off(self, node: Node, now_s: float) -> None:
        """A node goes down: it draws nothing until it is `on` again."""
        self._off_since_s[node.name] = now_s

    def on(self, node: Node, now_s: float) -> None:
        """A node is up again."""
        since_s = self._off_since_s.pop(node.name, now_s)
        self._off_s[node.name] = self._off_s.get(node.name, 0.0) + now_s - max(since_s, self._closed_s)

    def stopped(self, device: Node, now_s: float) -> None:
        """A device stops computing before its time: take back the joules of what it has not done."""
        self._stopped(device.name, now_s)

    def _stopped(self, name: str, now_s: float) -> None:
        computing = self._computing.pop(name, None)
        lacks_s = 0.0 if computing is None else computing.begun_s + computing.seconds - now_s
        if computing is not None and lacks_s > 0:
            self.node_j[name].compute_j -= computing.joules * (lacks_s / computing.seconds)
            self._busy_s[name] -= lacks_s

    def sent(
        self,
        layer: int,
        sender: Node,
        receivers: Sequence[Node],
        wire_bits: float,
        airtime_s: float,
        whole: bool | None = None,
    ) -> None:
        """Charge one transfer on `layer` (1 ... N): a broadcast is one with all children as receivers.

        `airtime_s`: seconds of sole use of the medium; whatever was erased is paid all the same.
        `whole`: it takes all the band (None: if it has several receivers).
        """
        radios = self.radios[layer - 1]
        if radios is None:
            joules = self.energy.wired_per_bit * wire_bits
            self.node_j[sender.name].wired_j += joules
        else:
            whole = len(receivers) > 1 if whole is None else whole
            joules = self._send(sender, layer, radios, airtime_s, whole)
            for receiver in receivers:
                joules += self._receive(receiver, layer, radios, airtime_s, False)
        self.layer_j[layer - 1] += joules

    def close(self, length_s: float) -> Mapping[str, Joules]:
        """Charge the waiting of `length_s` seconds and return each node's joules since the last call.

        Nodes with a radio wait at its idle power, devices without one at `device.idle_power`.
        """
        self._closed_s += length_s
        later = self._charge_of_later(self._closed_s)
        done = self.node_j
        for name, since_s in self._off_since_s.items():
            begun_s = max(since_s, self._closed_s - length_s)
            self._off_s[name] = self._off_s.get(name, 0.0) + self._closed_s - begun_s
        for level in self.topology.levels:
            for node in level:
                waiting = self._waiting_w(node)
                done[node.name].idle_j += idle_j(
                    waiting, length_s - self._off_s.get(node.name, 0.0), self._busy_s[node.name]
                )
        for joules in done.values():
            for one in fields(Joules):
                setattr(self.closed_j, one.name, getattr(self.closed_j, one.name) + getattr(joules, one.name))
        self.node_j = {name: Joules() for name in done}
        self._busy_s = dict.fromkeys(done, 0.0)
        self._off_s.clear()
        for charge in later:
            charge()
        return done

    def _charge_of_later(self, now_s: float) -> list[Callable[[], None]]:
        """Take back what is charged already but not done yet; calling the results charges it again."""
        later: list[Callable[[], None]] = []
        for name, (begun_s, seconds, joules) in self._computing.items():
            lacks_s = begun_s + seconds - now_s
            if lacks_s > 0:
                self._compute(name, -joules * (lacks_s / seconds), -lacks_s)
                later.append(partial(self._compute, name, joules * (lacks_s / seconds), lacks_s))
        for layer, sender, receivers, transfer, whole in self._under_way.values():
            if transfer.airtime_s > 0 and (lacks_s := transfer.left_s()) > 0:
                bits = transfer.wire_bits * (lacks_s / transfer.airtime_s)
                self.sent(layer, sender, receivers, -bits, -lacks_s, whole)
                later.append(partial(self.sent, layer, sender, receivers, bits, lacks_s, whole))
        return later

    def _compute(self, name: str, joules: float, seconds: float) -> None:
        self.node_j[name].compute_j += joules
        self._busy_s[name] += seconds

    def _send(self, node: Node, layer: int, radios: Radios, airtime_s: float, whole: bool) -> float:
        terminal, radiated_w, own_s = self._radio(node, layer, radios, airtime_s, whole)
        joules = terminal.transmit_j(radiated_w, own_s)
        self.node_j[node.name].transmit_j += joules
        self._busy_s[node.name] += own_s
        return joules

    def _receive(self, node: Node, layer: int, radios: Radios, airtime_s: float, whole: bool) -> float:
        terminal, _, own_s = self._radio(node, layer, radios, airtime_s, whole)
        joules = receive_j(terminal.receive_power, own_s)
        self.node_j[node.name].receive_j += joules
        self._busy_s[node.name] += own_s
        return joules

    def _radio(
        self, node: Node, layer: int, radios: Radios, airtime_s: float, whole: bool
    ) -> tuple[Terminal, float, float]:
        """The node's radio, its radiated power and how long it is busy; `whole`: the message takes all the band."""
        if node.level < layer:
            return self.energy.device, radios.device_w, airtime_s
        share = 1.0 / max(1, self.fanout(node)) if radios.own_bands and not whole else 1.0
        return self.energy.station, radios.station_w, airtime_s * share

    def _waiting_w(self, node: Node) -> float:
        if node.level and self.radios[node.level - 1] is not None:
            return self.energy.station.idle_power
        radio_above = node.level < len(self.radios) and self.radios[node.level] is not None
        return self.energy.device.idle_power if radio_above or not node.level else 0.0
