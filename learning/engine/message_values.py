"""Arithmetic of messages: differences that are encoded, models that are decoded, exact sums of votes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, zeros_like

from learning.aggregation.rules import Vote, is_stateful_rule
from learning.compressors import Compressor, Integer, OfModel
from learning.engine.lazy_vectors import Aggregate, LazyVector, Upload
from learning.rng.keyed import KeyedRandom


def averages_models(op: Aggregate) -> bool:
    """Whether sum_c p_c w_c may be computed instead of reference + sum_c p_c (w_c - reference).

    This holds when every upload is lossless, the rule is affine and the weights sum to 1. Then a layer with one child
    and no compression changes no bit of a model, which the difference form would.
    """
    lossless = all(
        isinstance(upload.op, Upload) and upload.op.codec.lossless and upload.op.reference is op.reference
        for upload in op.uploads
    )
    return lossless and op.rule.affine and math.isclose(math.fsum(op.weights), 1.0, rel_tol=1e-9)


def compute_difference(codec: Compressor, model: LazyVector, reference: LazyVector, out: Tensor) -> Tensor:
    """Write the vector that a message encodes to `out` [d]: `model - reference`, or `model` for `OfModel`.

    For an integer code the difference is that of the exact vote sums, since float32 models round small steps off.
    """
    if isinstance(codec, OfModel):
        return out.copy_(value_of(model))
    if isinstance(codec, Integer) and model.vote_sum is not None:
        start = zeros_like(out) if reference.vote_sum is None else reference.vote_sum
        return torch.sub(model.vote_sum, start, out=out).mul_(codec.step)
    return torch.sub(value_of(model), value_of(reference), out=out)


def decode_updates(codec: Compressor, rows: Tensor, references: Sequence[LazyVector]) -> Tensor:
    """Convert decoded messages `rows` [K, d] to differences from the senders' references, in place."""
    if isinstance(codec, OfModel):
        for row, reference in zip(rows, references, strict=True):
            row.sub_(value_of(reference))
    return rows


def apply_broadcast(codec: Compressor, row: Tensor, reference: LazyVector) -> Tensor:
    """Return the receivers' model [d] after a broadcast that decodes to `row` [d]."""
    return row.clone() if isinstance(codec, OfModel) else value_of(reference) + row


def finish_aggregation(
    vector: LazyVector, op: Aggregate, state: Tensor, models: bool, rng: KeyedRandom
) -> Tensor | None:
    """Set the value of an aggregation from its rule's state; return the memory row of a stateful rule, else None.

    The memory row's own lazy vector is set too, if there is one. A vote also counts the steps since its period began.
    """
    if isinstance(op.rule, Vote):
        votes = op.rule.votes(state, rng)
        vector.vote_sum = votes if op.base.vote_sum is None else op.base.vote_sum + votes
        vector.set_value(value_of(op.base) + votes * op.rule.step)
    elif is_stateful_rule(op.rule):
        before = None if op.memory is None else value_of(op.memory)
        model, memory = op.rule.remember(state, compute_base(op, models), before)
        vector.set_value(model)
        return _set_memory(vector, memory)
    else:
        vector.set_value(op.rule.end(state, compute_base(op, models), rng))
    return None


def keep_base(vector: LazyVector, op: Aggregate) -> Tensor | None:
    """Set the value of an aggregation whose uploads were all rejected to its base; return the rule's memory row."""
    vector.vote_sum = op.base.vote_sum
    base = value_of(op.base)
    vector.set_value(base)
    if not is_stateful_rule(op.rule):
        return None
    if op.memory is not None:
        return _set_memory(vector, value_of(op.memory))
    return _set_memory(vector, op.rule.remember(op.rule.begin(base), base, None)[1])  # of no updates


def _set_memory(vector: LazyVector, memory: Tensor) -> Tensor:
    following = vector.live_memory_after()
    if following is not None:
        following.set_value(memory)
    return memory


def compute_base(op: Aggregate, models: bool) -> Tensor:
    """Return the vector [d] to which the rule's sum of updates (or of `models`) is added."""
    base, reference = value_of(op.base), value_of(op.reference)
    if not models:
        return base
    return zeros_like(base) if op.base is op.reference else base - reference


def weighted_sum(terms: Sequence[tuple[float, LazyVector]]) -> Tensor:
    """Return the sum of coefficient times vector, added in order."""
    total = zeros_like(value_of(terms[0][1]))
    for factor, vector in terms:
        total.add_(value_of(vector), alpha=factor)
    return total


def value_of(vector: LazyVector) -> Tensor:
    """Return the value [d] of a computed vector. Raises AssertionError (a bug of ours) where it is not computed."""
    if vector.value is None:
        raise AssertionError(f"the value of a vector was read before it was computed: {vector.op}")
    return vector.value
