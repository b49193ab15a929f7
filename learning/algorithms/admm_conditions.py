"""ADMM's laws: what must hold so that the duals of every node's children keep a mean of nought."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from learning.aggregation.rules import Mean
from learning.compressors import ErrorFeedback

if TYPE_CHECKING:
    from learning.algorithms.algorithm import Algorithm, Layer

SMALLEST_PULL, LARGEST_PULL = 1e-15, 1e15


def check_pulls(algorithm: Algorithm) -> None:
    """Raise ValueError where a layer's `pull` cannot be ADMM's rho."""
    pulls = [layer.pull for layer in algorithm.layers]
    for number, layer in enumerate(algorithm.layers, start=1):
        if layer.pull:
            _check_layer(number, layer)
    prox, whole = algorithm.leaf.local.prox, math.fsum(pulls)
    if any(pulls) and not math.isclose(prox, whole, rel_tol=1e-12):
        raise ValueError(
            f"leaf.local.prox must be the sum of all layers' pulls, {whole:g}, got {prox:g}: a device is drawn to the "
            "model it hears by all of them"
        )


def _check_layer(number: int, layer: Layer) -> None:
    if not SMALLEST_PULL <= layer.pull <= LARGEST_PULL:
        raise ValueError(
            f"layer {number}: pull must be between {SMALLEST_PULL:g} and {LARGEST_PULL:g}, got {layer.pull}; 0: none"
        )
    if not layer.drift or not isinstance(layer.rule, Mean):
        raise ValueError(
            f"layer {number}: pull weighs a dual, which is a drift around a mean; write drift: true and rule: mean"
        )
    if not (layer.up.lossless or isinstance(layer.up, ErrorFeedback)) or not layer.downlink.lossless:
        raise ValueError(
            f"layer {number}: with a pull what a message leaves out must not be lost, or the duals' mean leaves nought "
            "and the model its optimum; use error_feedback on `up`, and down: none"
        )
