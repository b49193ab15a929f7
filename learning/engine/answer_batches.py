"""How a stack of answers reaches the rules: the rows of one combine together wherever they lie together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from torch import Tensor

from learning.engine.message_values import value_of
from learning.engine.promises import Answer, Combine, Ref


def runs(owners: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """(owner, first, last + 1) of every run of equal owners, in order."""
    first = 0
    for owner, same in groupby(owners):
        last = first + len(list(same))
        yield owner, first, last
        first = last


def add_run(
    combine: Combine,
    state: Tensor,
    models: bool,
    first: int,
    last: int,
    rows: Sequence[Tensor] | Tensor,
) -> None:
    """Give the rule what arrived of the combine's answers first ... last - 1: whole models, or updates.

    Rows in one tensor come from answers of one codec.
    """
    answers, weights = combine.answers[first:last], combine.weights[first:last]
    if isinstance(rows, Tensor) and (models or not _lossless(answers[0])):
        combine.rule.add(state, rows, weights)
        return
    for answer, weight, row in zip(answers, weights, rows, strict=True):
        update = row if models or not _lossless(answer) else row - _heard(answer)
        combine.rule.add(state, update[None], (weight,))


def _lossless(answer: Ref) -> bool:
    return isinstance(answer.op, Answer) and answer.op.codec.lossless


def _heard(answer: Ref) -> Tensor:
    assert isinstance(answer.op, Answer)
    return value_of(answer.op.heard)
