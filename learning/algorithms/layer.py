"""The building blocks of an algorithm: local training at the devices, and one layer of aggregation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from learning.aggregation.rules import Rule, Vote
from learning.compressors import Compressor, Integer, Plain
from learning.optimizers import PLAIN, Local

SMALLEST_RATE, LARGEST_RATE = 1e-30, 1e30
"""Learning rates for which a step neither vanishes nor overflows in float32."""
LARGEST_BATCH = 1_000_000
LARGEST_TAU = 1_000_000_000


@dataclass(frozen=True)
class Leaf:
    """One inner iteration at a device: w <- w - learning_rate * g(w; batch_size samples), or as `local` defines it.

    Minibatches are drawn with replacement, so a device may have fewer samples than `batch_size`.
    Raises ValueError where a number is not positive, or outside the bounds above.
    """

    learning_rate: float
    batch_size: int
    local: Local = PLAIN

    def __post_init__(self) -> None:
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise ValueError(f"learning_rate must be > 0, got {self.learning_rate}")
        if not SMALLEST_RATE <= self.learning_rate <= LARGEST_RATE:
            raise ValueError(
                f"learning_rate must be between {SMALLEST_RATE:g} and {LARGEST_RATE:g}, got {self.learning_rate}; "
                "0.001 to 1 are usual"
            )
        if self.batch_size < 1:
            raise ValueError(f"batch_size must be >= 1, got {self.batch_size}")
        if self.batch_size > LARGEST_BATCH:
            raise ValueError(
                f"batch_size must be at most {LARGEST_BATCH:,}, got {self.batch_size}; 8 to 512 are usual"
            )


@dataclass(frozen=True)
class Layer:
    """One layer: children iterate `tau` times and upload through `up`; the parent aggregates by `rule` and broadcasts.

    `down` encodes the difference between the parent's model and the model that its children hold. None selects the
    1-bit vote after a `vote`, else the full model (32 d bits).
    `onto` is the model to which the updates are added: the broadcast one ("said"), or the parent's "own" model. The
    latter retains what a lossy `down` leaves out, which is error feedback whose memory is the difference of the two.
    With `drift: true` the child corrects its gradients by (own - received) / (learning rate x steps), summed over its
    periods (as the recipes mtgc and scaffold): "own" is the model at the end of a period, "received" the model of the
    next broadcast. `echo: true` also broadcasts the last model of a period to the children, which costs a broadcast.
    With `pull` rho the drift is ADMM's dual variable: the sum of rho (own - received), besides rho (w - received) in
    all gradients below, where `leaf.local.prox` is the sum over layers.
    `last` is tau in the last iteration of the parent's period (QHetFed); None: `tau`.
    """

    tau: int
    up: Compressor
    rule: Rule
    down: Compressor | None = None
    onto: Literal["said", "own"] = "said"
    drift: bool = False
    echo: bool = False
    last: int | None = None
    pull: float = 0.0

    def __post_init__(self) -> None:
        for name, tau in (("tau", self.tau), ("last", self.last)):
            if tau is not None and tau < 1:
                raise ValueError(
                    f"{name} must be >= 1, got {tau}; to skip a layer, remove it from the topology"
                )
            if tau is not None and tau > LARGEST_TAU:
                raise ValueError(f"{name} must be at most {LARGEST_TAU:,}, got {tau}; 1 to 100 are usual")

    def tau_in(self, last_iteration: bool) -> int:
        """Return the child's iterations within one of its parent's, which is the last of its period or not."""
        return self.last if last_iteration and self.last is not None else self.tau

    @cached_property
    def downlink(self) -> Compressor:
        """The compressor of the parent's broadcasts after the first of a period, which is forwarded."""
        if self.down is not None:
            return self.down
        if isinstance(self.rule, Vote):
            return Integer(step=self.rule.step, span=1, zeros=self.rule.can_be_zero)
        return Plain()
