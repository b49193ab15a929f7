"""Who holds which copy of a model: what a broadcast that says only a difference builds on."""

from __future__ import annotations

from dataclasses import dataclass, field

from learning.engine import Ref
from netsim.protocol.corrections import ReceivedModel
from netsim.topology import Node


@dataclass(frozen=True)
class ModelCopies:
    """Per listener and speaker's level, the copy last heard.

    Kept only where somebody may miss a message (`watching`): else everybody always holds the last one.
    """

    watching: bool = False
    _held: dict[str, dict[int, Ref]] = field(default_factory=dict)

    def fits(self, listener: Node, said: ReceivedModel) -> bool:
        """Whether the listener can make the new copy out of the message."""
        if not self.watching or said.base is None:
            return True
        return any(copy is said.base for copy in self._held.get(listener.name, {}).values())

    def has(self, listener: Node, said: ReceivedModel) -> None:
        """The listener is told: it holds the new copy from now on."""
        if self.watching:
            self._held.setdefault(listener.name, {})[said.origin] = said.model

    def missed(self, listener: Node, said: ReceivedModel) -> None:
        """The listener was told and stopped listening before it had heard all."""
        self._held.get(listener.name, {}).pop(said.origin, None)

    def forget(self, listener: Node) -> None:
        """The listener has lost all copies it held."""
        self._held.pop(listener.name, None)
