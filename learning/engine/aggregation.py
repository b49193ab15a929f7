"""A combine under way: what its rule has gathered of the answers so far."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from learning.engine.answer_batches import add_run
from learning.engine.finite_check import poisoned, without
from learning.engine.message_values import carries_models, merge, value_of
from learning.engine.promises import Combine, Ref
from learning.rng.keyed import KeyedRandom

if TYPE_CHECKING:
    from torch import Tensor


class PendingAggregation:
    """The promise `ref` of combine `op`, from its first answer to its last: the state lives no longer than that."""

    def __init__(self, ref: Ref, op: Combine) -> None:
        self._ref, self._op = ref, op
        self._models = carries_models(op)
        self._state = op.rule.begin(value_of(op.onto))
        self.bad: list[int] = []

    def take(self, first: int, last: int, rows: Sequence[Tensor] | Tensor) -> bool:
        """Add what arrived of answers first ... last - 1; True once they were the last ones. Raises NotFiniteError."""
        self.bad += poisoned(self._op.guard, first, rows)
        add_run(self._op, self._state, self._models, first, last, rows)
        return last == len(self._op.answers)

    def end(self, rng: KeyedRandom) -> list[tuple[Ref, Combine]]:
        """Settle the promise; where answers were poisoned, return it with the combine that lacks them instead."""
        if self.bad:
            return [(self._ref, without(self._op, self.bad))]
        merge(self._ref, self._op, self._state, self._models, rng)
        return []
