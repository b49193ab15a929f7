"""Broadcast models, and the gradient corrections of MTGC, SCAFFOLD, ADMM and DC-HierSignSGD."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from learning.engine import Engine, LazyVector
from netsim.topology import Node


@dataclass(frozen=True)
class BroadcastModel:
    """A model as a parent broadcasts it: the copy that receivers hold afterwards, and the payload bits it takes.

    Receivers add `shift` to every gradient. With `already_received` nothing is sent, because the receivers hold the
    model. `base` is the copy that the message is a difference from (None: the message is the whole model), which
    a sender at level `origin` broadcast before.
    """

    model: LazyVector
    bits: int
    shift: LazyVector | None = None
    already_received: bool = False
    base: LazyVector | None = None
    origin: int = 0


@dataclass
class Drift:
    """The correction of one node: `last_model` ended its last period, `weight` is 1 / (learning rate x steps)."""

    last_model: LazyVector | None = None
    weight: float = 0.0
    shift: LazyVector | None = None


@dataclass(frozen=True)
class Corrections:
    """The correction of every node, by name: shift += (last model - received model) / (learning rate x steps).

    This is the correction of MTGC (arXiv:2409.18448) and of SCAFFOLD (arXiv:1910.06378, option II with full
    participation, where c - c_i is this sum). The dual variables of ADMM are rho (last model - received model), summed:
    there the rate is 1 / rho. The value of one period, recomputed by a prologue, is the anchor of DC-HierSignSGD
    (arXiv:2602.02355).
    """

    drifts: dict[str, Drift] = field(default_factory=dict)

    def update_from(self, newer: Corrections) -> None:
        """Replace the corrections of all nodes that `newer` contains."""
        self.drifts.update(newer.drifts)

    def record_end(self, node: Node, model: LazyVector, total_rate: float) -> None:
        """Record that `node` ended its period in `model`; `total_rate` is learning rate x steps."""
        drift = self.drifts.setdefault(node.name, Drift())
        drift.last_model, drift.weight = model, 1.0 / total_rate

    def shift_for(
        self, engine: Engine, previous: BroadcastModel, model: LazyVector, rho: float
    ) -> LazyVector | None:
        """Return the shift that goes with `model` after `previous`: its shift plus rho (model - previous model)."""
        if not rho:
            return previous.shift
        step = ((rho, model), (-rho, previous.model))
        return engine.weighted_sum(step if previous.shift is None else ((1.0, previous.shift), *step))

    def apply(self, engine: Engine, node: Node, broadcast: BroadcastModel) -> BroadcastModel:
        """Return what `node` works with: the broadcast, its shift plus the node's own correction, updated by it."""
        drift = self.drifts.get(node.name)
        if drift is None:
            return broadcast
        if drift.last_model is not None:
            new = ((drift.weight, drift.last_model), (-drift.weight, broadcast.model))
            old = ((1.0, drift.shift),) if drift.shift is not None else ()
            drift.shift, drift.last_model = engine.weighted_sum((*old, *new)), None
        if drift.shift is None:
            return broadcast
        if broadcast.shift is None:
            return replace(broadcast, shift=drift.shift)
        return replace(broadcast, shift=engine.weighted_sum(((1.0, broadcast.shift), (1.0, drift.shift))))
