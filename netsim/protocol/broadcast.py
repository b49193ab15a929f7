"""How a node speaks to its children: one message to those who can build on it, a whole copy to those who missed one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import simpy

from learning.compressors import Plain
from netsim.protocol.corrections import Heard
from netsim.protocol.exchange import Hall, Talk
from netsim.protocol.membership import Roster
from netsim.protocol.model_copies import Copies
from netsim.protocol.trace import Path
from netsim.protocol.transport import Posts
from netsim.topology import Node


@dataclass(frozen=True)
class Teller:
    """Speaks to the children that `roster` knows; `dim` is the number of parameters, `depth` that of layers."""

    env: simpy.Environment
    roster: Roster
    posts: Posts
    dim: int
    depth: int
    copies: Copies = field(default_factory=Copies)

    def tell(self, node: Node, children: Sequence[Node], said: Heard, hall: Hall) -> list[Talk]:
        """Speak to some children; each one's talk begins, in their order.

        Whoever missed the copy that a message builds on gets the whole copy, in a message of its own size.
        """
        hall.spoken[:] = [posted for posted in hall.spoken if not self.posts.is_over(posted)]
        if not self.copies.watching:
            return list(self._told(node, children, said, hall))
        behind = [not said.known and not self.copies.fits(child, said) for child in children]
        whole = replace(said, bits=Plain().bits(self.dim), base=None)
        talks: dict[str, Talk] = {}
        for late, heard in ((False, said), (True, whole)):
            those = [child for child, missed in zip(children, behind, strict=True) if missed is late]
            if those:
                for talk in self._told(node, those, heard, hall):
                    talks[talk.child.name] = talk
        for child in children:
            self.copies.has(child, said)
        return [talks[child.name] for child in children]

    def unheard(self, talk: Talk) -> None:
        """The child stops listening before it has heard all."""
        self.copies.missed(talk.child, talk.heard)
        self.posts.unheard(talk.told, talk.place)

    def _told(self, node: Node, children: Sequence[Node], heard: Heard, hall: Hall) -> Iterator[Talk]:
        ports, nothing, posted = self.roster.ports[node.name], Path.none(self.depth), None
        places = self.roster.places(node, children)
        events: Sequence[simpy.Event] = [self.env.timeout(0) for _ in children] if heard.known else ()
        if not heard.known:
            posted, events = self.posts.speak(node, ports, children, places, heard.bits)
            hall.spoken.append(posted)
        for k, (child, i, hears) in enumerate(zip(children, places, events, strict=True)):
            yield Talk(child, heard, self.env.now, nothing, hears, ports.up[i], posted, k)
