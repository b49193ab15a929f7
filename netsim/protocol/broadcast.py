"""Broadcast: one message to all children that can decode it, and a whole model to those that missed its base."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import simpy

from learning.compressors import Plain
from netsim.protocol.corrections import BroadcastModel
from netsim.protocol.exchange import Exchange, Inbox
from netsim.protocol.membership import Membership
from netsim.protocol.model_copies import ModelCopies
from netsim.protocol.trace import Path
from netsim.protocol.transport import Transport
from netsim.topology import Node


@dataclass(frozen=True)
class Broadcaster:
    """Sends models to children in `membership`; `dim` is the number of parameters, `depth` that of layers."""

    env: simpy.Environment
    membership: Membership
    transport: Transport
    dim: int
    depth: int
    copies: ModelCopies = field(default_factory=ModelCopies)

    def broadcast(
        self, node: Node, children: Sequence[Node], model: BroadcastModel, inbox: Inbox
    ) -> list[Exchange]:
        """Send a model to some children of `node`; return an exchange per child, in their order.

        Children that lack the copy that the message is a difference from get the whole model in a second message.
        """
        inbox.broadcasts[:] = [sent for sent in inbox.broadcasts if not self.transport.is_finished(sent)]
        if not self.copies.tracked:
            return list(self._send(node, children, model, inbox))
        is_behind = [
            not model.already_received and not self.copies.can_decode(child, model) for child in children
        ]
        whole = replace(model, bits=Plain().bits(self.dim), base=None)
        exchanges: dict[str, Exchange] = {}
        for behind, version in ((False, model), (True, whole)):
            group = [child for child, late in zip(children, is_behind, strict=True) if late is behind]
            if group:
                for exchange in self._send(node, group, version, inbox):
                    exchanges[exchange.child.name] = exchange
        for child in children:
            self.copies.record(child, model)
        return [exchanges[child.name] for child in children]

    def abort_reception(self, exchange: Exchange) -> None:
        """Record that the child stops receiving before it has the whole message."""
        self.copies.discard(exchange.child, exchange.received)
        self.transport.stop_receiving(exchange.broadcast, exchange.receiver)

    def _send(
        self, node: Node, children: Sequence[Node], model: BroadcastModel, inbox: Inbox
    ) -> Iterator[Exchange]:
        ports, empty, in_flight = self.membership.ports[node.name], Path.empty(self.depth), None
        positions = self.membership.positions(node, children)
        arrivals: Sequence[simpy.Event]
        if model.already_received:
            arrivals = [self.env.timeout(0) for _ in children]
        else:
            in_flight, arrivals = self.transport.send_down(node, ports, children, positions, model.bits)
            inbox.broadcasts.append(in_flight)
        for k, (child, i, arrival) in enumerate(zip(children, positions, arrivals, strict=True)):
            yield Exchange(child, model, self.env.now, empty, arrival, ports.up[i], in_flight, k)
