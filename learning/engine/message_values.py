"""How messages are read from models and models from messages: differences, whole models, exact sums of votes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, zeros_like

from learning.aggregation.rules import Vote, rule_remembers
from learning.compressors import Compressor, Integer, OfModel
from learning.engine.promises import Answer, Combine, Ref
from learning.rng.keyed import KeyedRandom


def carries_models(op: Combine) -> bool:
    """Whether sum_c p_c w_c may stand for copy + sum_c p_c (w_c - copy).

    So it may when every answer arrives lossless, the rule is affine and the weights sum to 1. Then a
    layer with one child and no compression changes no bit of a model, which the difference form would.
    """
    lossless = all(
        isinstance(a.op, Answer) and a.op.codec.lossless and a.op.heard is op.copy for a in op.answers
    )
    return lossless and op.rule.affine and math.isclose(math.fsum(op.weights), 1.0, rel_tol=1e-9)


def difference(codec: Compressor, mine: Ref, theirs: Ref, out: Tensor) -> Tensor:
    """What a message has to say: `mine - theirs`, written to `out` [d]; of a model, `mine` alone.

    For an integer code it comes from the exact sums of votes: float32 models forget small steps.
    """
    if isinstance(codec, OfModel):
        return out.copy_(value_of(mine))
    if isinstance(codec, Integer) and mine.tally is not None:
        known = zeros_like(out) if theirs.tally is None else theirs.tally
        return torch.sub(mine.tally, known, out=out).mul_(codec.step)
    return torch.sub(value_of(mine), value_of(theirs), out=out)


def decoded(codec: Compressor, rows: Tensor, theirs: Sequence[Ref]) -> Tensor:
    """What the messages that decode to `rows` [K, d] say of how far each sender is from `theirs`; in place."""
    if isinstance(codec, OfModel):
        for row, known in zip(rows, theirs, strict=True):
            row.sub_(value_of(known))
    return rows


def copied(codec: Compressor, row: Tensor, copy: Ref) -> Tensor:
    """The receivers' new copy after a broadcast that decodes to `row` [d]."""
    return row.clone() if isinstance(codec, OfModel) else value_of(copy) + row


def merge(ref: Ref, op: Combine, state: Tensor, models: bool, rng: KeyedRandom) -> Tensor | None:
    """Settle a combine from its rule's state; return the memory it leaves, which is settled too if it is promised.

    A vote also counts the steps since its period began.
    """
    if isinstance(op.rule, Vote):
        votes = op.rule.votes(state, rng)
        ref.tally = votes if op.onto.tally is None else op.onto.tally + votes
        ref.settle(value_of(op.onto) + votes * op.rule.step)
    elif rule_remembers(op.rule):
        before = None if op.memory is None else value_of(op.memory)
        model, left = op.rule.remember(state, base_of(op, models), before)
        ref.settle(model)
        return _left(ref, left)
    else:
        ref.settle(op.rule.end(state, base_of(op, models), rng))
    return None


def stay(ref: Ref, op: Combine) -> Tensor | None:
    """Settle a combine of which every answer was rejected: nothing moves. Returns the memory it leaves."""
    ref.tally = op.onto.tally
    onto = value_of(op.onto)
    ref.settle(onto)
    if not rule_remembers(op.rule):
        return None
    if op.memory is not None:
        return _left(ref, value_of(op.memory))
    return _left(ref, op.rule.remember(op.rule.begin(onto), onto, None)[1])  # of a merge of nothing


def _left(ref: Ref, memory: Tensor) -> Tensor:
    after = None if ref.after is None else ref.after()
    if after is not None:
        after.settle(memory)
    return memory


def base_of(op: Combine, models: bool) -> Tensor:
    """What the rule's sum is added to."""
    onto, copy = value_of(op.onto), value_of(op.copy)
    if not models:
        return onto
    return zeros_like(onto) if op.onto is op.copy else onto - copy


def weighted_sum(terms: Sequence[tuple[float, Ref]]) -> Tensor:
    """sum of coefficient times vector, in their order."""
    total = zeros_like(value_of(terms[0][1]))
    for factor, ref in terms:
        total.add_(value_of(ref), alpha=factor)
    return total


def value_of(ref: Ref) -> Tensor:
    """A settled vector; asking for one that is not is our bug."""
    if ref.value is None:
        raise AssertionError(f"looked at an unsettled promise: {ref.op}")
    return ref.value
