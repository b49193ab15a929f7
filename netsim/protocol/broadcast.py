"""How a node speaks to its children: one message to those who can build on it, a whole copy to those who missed one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import simpy

from learning.compressors import Plain
from netsim.protocol.corrections import ReceivedModel
from netsim.protocol.exchange import Exchange, Inbox
from netsim.protocol.membership import Membership
from netsim.protocol.model_copies import ModelCopies
from netsim.protocol.trace import Path
from netsim.protocol.transport import Transport
from netsim.topology import Node


@dataclass(frozen=True)
class Broadcaster:
    """Speaks to the children that `membership` knows; `dim` is the number of parameters, `depth` that of layers."""

    env: simpy.Environment
    membership: Membership
    transport: Transport
    dim: int
    depth: int
    copies: ModelCopies = field(default_factory=ModelCopies)

    def tell(self, node: Node, children: Sequence[Node], said: ReceivedModel, inbox: Inbox) -> list[Exchange]:
        """Speak to some children; each one's talk begins, in their order.

        Whoever missed the copy that a message builds on gets the whole copy, in a message of its own size.
        """
        inbox.spoken[:] = [in_flight for in_flight in inbox.spoken if not self.transport.is_over(in_flight)]
        if not self.copies.watching:
            return list(self._told(node, children, said, inbox))
        behind = [not said.known and not self.copies.fits(child, said) for child in children]
        whole = replace(said, bits=Plain().bits(self.dim), base=None)
        exchanges: dict[str, Exchange] = {}
        for late, heard in ((False, said), (True, whole)):
            those = [child for child, missed in zip(children, behind, strict=True) if missed is late]
            if those:
                for exchange in self._told(node, those, heard, inbox):
                    exchanges[exchange.child.name] = exchange
        for child in children:
            self.copies.has(child, said)
        return [exchanges[child.name] for child in children]

    def unheard(self, exchange: Exchange) -> None:
        """The child stops listening before it has heard all."""
        self.copies.missed(exchange.child, exchange.heard)
        self.transport.unheard(exchange.told, exchange.place)

    def _told(
        self, node: Node, children: Sequence[Node], heard: ReceivedModel, inbox: Inbox
    ) -> Iterator[Exchange]:
        ports, nothing, in_flight = self.membership.ports[node.name], Path.none(self.depth), None
        places = self.membership.places(node, children)
        events: Sequence[simpy.Event] = [self.env.timeout(0) for _ in children] if heard.known else ()
        if not heard.known:
            in_flight, events = self.transport.speak(node, ports, children, places, heard.bits)
            inbox.spoken.append(in_flight)
        for k, (child, i, hears) in enumerate(zip(children, places, events, strict=True)):
            yield Exchange(child, heard, self.env.now, nothing, hears, ports.up[i], in_flight, k)
