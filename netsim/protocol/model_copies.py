"""Which copies of a model each node holds, so that a broadcast that encodes a difference can be decoded."""

from __future__ import annotations

from dataclasses import dataclass, field

from learning.engine import LazyVector
from netsim.protocol.corrections import BroadcastModel
from netsim.topology import Node


@dataclass(frozen=True)
class ModelCopies:
    """The last copy received, per receiver and level of its sender.

    Recorded only if `tracked`, that is where a node can miss a message; otherwise every node holds the last copy.
    """

    tracked: bool = False
    _held: dict[str, dict[int, LazyVector]] = field(default_factory=dict)

    def can_decode(self, receiver: Node, broadcast: BroadcastModel) -> bool:
        """Whether the receiver holds the copy that the message is a difference from."""
        if not self.tracked or broadcast.base is None:
            return True
        return any(copy is broadcast.base for copy in self._held.get(receiver.name, {}).values())

    def record(self, receiver: Node, broadcast: BroadcastModel) -> None:
        """Record that the message is sent to the receiver, which holds the new copy from now on."""
        if self.tracked:
            self._held.setdefault(receiver.name, {})[broadcast.origin] = broadcast.model

    def discard(self, receiver: Node, broadcast: BroadcastModel) -> None:
        """Record that the receiver stopped before it had received the whole message."""
        self._held.get(receiver.name, {}).pop(broadcast.origin, None)

    def discard_all(self, receiver: Node) -> None:
        """Record that the receiver has lost all copies."""
        self._held.pop(receiver.name, None)
