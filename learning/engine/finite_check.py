"""Check of updates for nan and inf: such updates are kept, rejected and counted, or stop the run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import fsum
from typing import TYPE_CHECKING, Literal, TypeAlias

from learning.engine.lazy_vectors import Aggregate, FiniteCheck, IterationIndex, NodeIndex, Payload

if TYPE_CHECKING:
    from torch import Tensor

NonFinitePolicy: TypeAlias = Literal["keep", "reject", "stop"]
"""Treatment of an update that contains nan or inf: aggregate it, leave it out, or end the run."""


class NotFiniteError(ValueError):
    """An update contains nan or inf, and the scenario requires the run to stop.

    `node` is the sender, `round_number` the global round, counted from 1.
    """

    def __init__(self, node: NodeIndex, round_number: int, count: int, dim: int) -> None:
        super().__init__(node, round_number, count, dim)  # SimPy copies the exception from these
        self.node, self.round_number, self._count, self._dim = node, round_number, count, dim

    def __str__(self) -> str:
        return f"{self._count} of {self._dim} numbers are nan or inf"


def make_finite_check(
    policy: NonFinitePolicy, uploads: Sequence[Payload], iteration: IterationIndex
) -> FiniteCheck | None:
    """Return the check of an aggregation; None where updates are not checked."""
    if policy == "keep":
        return None
    senders = tuple(payload.sender for payload in uploads)
    return FiniteCheck(policy == "reject", iteration.path[0] + 1, senders)


def find_non_finite(check: FiniteCheck | None, first: int, rows: Sequence[Tensor] | Tensor) -> list[int]:
    """Return the positions of uploads that are not finite; `rows` are the uploads from position `first` on.

    Raises NotFiniteError where there is one and the run must stop.
    """
    if check is None:
        return []
    found = [k for k, row in enumerate(rows) if not bool(row.isfinite().all())]
    if found and not check.reject:
        row = rows[found[0]]
        count = int((~row.isfinite()).sum())
        raise NotFiniteError(check.senders[first + found[0]], check.round_number, count, len(row))
    return [first + k for k in found]


def remove_uploads(op: Aggregate, positions: Sequence[int]) -> Aggregate:
    """Return the aggregation without some uploads; the other weights are scaled up to the same sum."""
    remaining = [k for k in range(len(op.uploads)) if k not in set(positions)]
    weights = [op.weights[k] for k in remaining]
    share = fsum(weights) / fsum(op.weights)
    uploads = tuple(op.uploads[k] for k in remaining)
    return replace(op, uploads=uploads, weights=tuple(w / share for w in weights), finite_check=None)
