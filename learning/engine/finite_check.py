"""Updates that are no numbers: left out of the merge and counted, or the end of the run, as the scenario says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import fsum
from typing import TYPE_CHECKING, Literal, TypeAlias

from learning.engine.promises import Combine, Guard, IterationIndex, Payload, Place

if TYPE_CHECKING:
    from torch import Tensor

Finite: TypeAlias = Literal["keep", "reject", "stop"]
"""What a node does with an answer that holds nan or inf: merge it all the same, leave it out, end the run."""


class NotFiniteError(ValueError):
    """An update holds nan or inf, and the scenario wants to stop there; `place` and `turn` say whose and when."""

    def __init__(self, place: Place, turn: int, bad: int, dim: int) -> None:
        super().__init__(place, turn, bad, dim)  # simpy makes a copy from these
        self.place, self.turn, self._bad, self._dim = place, turn, bad, dim

    def __str__(self) -> str:
        return f"{self._bad} of {self._dim} numbers are nan or inf"


def guard_of(finite: Finite, answers: Sequence[Payload], iteration: IterationIndex) -> Guard | None:
    """The guard of a combine; None where nothing is looked at."""
    if finite == "keep":
        return None
    return Guard(finite == "reject", iteration.path[0] + 1, tuple(payload.sender for payload in answers))


def poisoned(guard: Guard | None, first: int, rows: Sequence[Tensor] | Tensor) -> list[int]:
    """Which answers, from number `first` on, came as `rows` that are not finite; NotFiniteError to stop there."""
    if guard is None:
        return []
    bad = [k for k, row in enumerate(rows) if not bool(row.isfinite().all())]
    if bad and not guard.reject:
        row = rows[bad[0]]
        wrong = int((~row.isfinite()).sum())
        raise NotFiniteError(guard.senders[first + bad[0]], guard.turn, wrong, len(row))
    return [first + k for k in bad]


def without(op: Combine, bad: Sequence[int]) -> Combine:
    """The combine as if these answers had not come: the others' weights grow, their sum is what it was."""
    kept = [k for k in range(len(op.answers)) if k not in set(bad)]
    weights = [op.weights[k] for k in kept]
    share = fsum(weights) / fsum(op.weights)
    answers = tuple(op.answers[k] for k in kept)
    return replace(op, answers=answers, weights=tuple(w / share for w in weights), guard=None)
