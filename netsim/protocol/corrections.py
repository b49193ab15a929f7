"""What a node is told, and what it adds to gradients because of what it heard before."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from learning.engine import Engine, Ref
from netsim.topology import Node


@dataclass(frozen=True)
class ReceivedModel:
    """What a node was told: its receivers' new copy of the model, and the payload bits that carried it.

    `shift` corrects every gradient below; `known` says that the receivers have heard it before: nothing is sent.
    `base` is the copy that the message says a difference from (None: it says the whole model), which the speaker at
    level `origin` said before.
    """

    model: Ref
    bits: int
    shift: Ref | None = None
    known: bool = False
    base: Ref | None = None
    origin: int = 0


@dataclass
class Drift:
    """One node's correction so far; `mine` is the model it ended its last period in, `weight` 1 / (rate x steps)."""

    mine: Ref | None = None
    weight: float = 0.0
    shift: Ref | None = None


@dataclass(frozen=True)
class Corrections:
    """Every node's correction, by name: shift += (mine - heard) / (rate x steps).

    So do MTGC (arXiv:2409.18448) and SCAFFOLD (arXiv:1910.06378, option II with everybody taking part, where c - c_i is
    this sum). ADMM's duals are rho (mine - heard), added up: there `rate` is 1 / rho. One period's worth, taken anew by
    a prologue, is DC-HierSignSGD's anchor (arXiv:2602.02355).
    """

    drifts: dict[str, Drift] = field(default_factory=dict)

    def replaced(self, newer: Corrections) -> None:
        """Forget what is known of every node of which `newer` knows."""
        self.drifts.update(newer.drifts)

    def ended(self, node: Node, moved: Ref, rate: float) -> None:
        """The node ended its period in `moved`, after steps of a total `rate` (learning rate x steps)."""
        drift = self.drifts.setdefault(node.name, Drift())
        drift.mine, drift.weight = moved, 1.0 / rate

    def moved(self, engine: Engine, said: ReceivedModel, model: Ref, pull: float) -> Ref | None:
        """The shift of everybody below once `model` is said instead: rho (new - old) more, `pull` being rho."""
        if not pull:
            return said.shift
        step = ((pull, model), (-pull, said.model))
        return engine.linear(step if said.shift is None else ((1.0, said.shift), *step))

    def told(self, engine: Engine, node: Node, said: ReceivedModel) -> ReceivedModel:
        """What the node makes of a broadcast: the corrections from above and its own, brought up to date by it."""
        drift = self.drifts.get(node.name)
        if drift is None:
            return said
        if drift.mine is not None:
            new = ((drift.weight, drift.mine), (-drift.weight, said.model))
            old = ((1.0, drift.shift),) if drift.shift is not None else ()
            drift.shift, drift.mine = engine.linear((*old, *new)), None
        if drift.shift is None:
            return said
        both = drift.shift if said.shift is None else engine.linear(((1.0, said.shift), (1.0, drift.shift)))
        return replace(said, shift=both)
