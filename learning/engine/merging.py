"""How a combine reads its answers: as updates, or as whole models where nothing was lost on the way."""

from __future__ import annotations

import math

from torch import Tensor, zeros_like

from learning.engine.promises import Answer, Combine


def carries_models(op: Combine) -> bool:
    """Whether sum_c p_c w_c may stand for copy + sum_c p_c (w_c - copy).

    So it may when every answer arrives lossless, the rule is affine and the weights sum to 1. Then a
    layer with one child and no compression changes no bit of a model, which the difference form would.
    """
    lossless = all(
        isinstance(a.op, Answer) and a.op.codec.lossless and a.op.heard is op.copy for a in op.answers
    )
    return lossless and op.rule.affine and math.isclose(math.fsum(op.weights), 1.0, rel_tol=1e-9)


def base_of(op: Combine, models: bool) -> Tensor:
    """What the rule's sum is added to."""
    onto, copy = op.onto.value, op.copy.value
    if onto is None or copy is None:
        raise AssertionError("a combine was settled before its parents")
    if not models:
        return onto
    return zeros_like(onto) if op.onto is op.copy else onto - copy
