"""Rules that the layers of an algorithm must satisfy together; every check raises ValueError."""

from __future__ import annotations

import math

from learning.aggregation.rules import Mean, Rule, Vote
from learning.algorithms.layer import Layer, Leaf
from learning.compressors import (
    Compressor,
    ErrorFeedback,
    Integer,
    Sign,
    SparseSign,
    contraction,
    is_stateful,
)
from learning.optimizers import ConstantRate

SMALLEST_PULL, LARGEST_PULL = 1e-15, 1e15
"""Bounds of ADMM's rho."""


def check_layers(leaf: Leaf, layers: tuple[Layer, ...]) -> None:
    """Check every layer, and the layers with each other."""
    for number, layer in enumerate(layers, start=1):
        _check_signs(number, layer)
        _check_vote_step(leaf, layer.rule)
        _check_integer_codes(number, layer, layers)
        _check_memory(number, layer)
        _check_rate_schedule(number, layer, leaf)
    _check_pulls(leaf, layers)
    if leaf.local.unit == "epochs" and any(layer.drift and not layer.pull for layer in layers[1:]):
        raise ValueError(
            "drift above layer 1 needs the same number of steps on every device, but with unit: epochs it depends on "
            "the device's samples; use unit: steps, or drift on layer 1 alone"
        )


def check_dimension(layers: tuple[Layer, ...], dim: int) -> None:
    """Check what depends on the number of parameters: codes fit it, and error feedback has a contraction."""
    for number, layer in enumerate(layers, start=1):
        down = layer.downlink
        for codec, key in ((layer.up, "up"), (down, "down")):
            _check_fits(number, key, codec, dim)
            if is_stateful(codec) and codec.delta(dim) is None:
                raise ValueError(
                    f"layer {number}: {codec} on `{key}` needs a compressor inside with E||C(x)-x||^2 < ||x||^2 at "
                    f"d = {dim}: what it leaves out would grow; use more levels or smaller buckets, or top_k"
                )
        if layer.onto == "own" and not down.lossless and contraction(down, dim) is None:
            raise ValueError(
                f"layer {number}: error feedback on the downlink (onto: own) needs a compressor with "
                f"E||C(x)-x||^2 < ||x||^2, and {down} has variance {down.omega(dim)} at d = {dim}: what it "
                "leaves out would grow; use more levels or smaller buckets, top_k, or onto: said"
            )


def _check_fits(number: int, key: str, codec: Compressor, dim: int) -> None:
    try:
        codec.bits(dim)
    except ValueError as error:
        raise ValueError(f"layer {number}: {key}: {error}") from None


def _check_signs(number: int, layer: Layer) -> None:
    """Signs and votes belong together, on layer 1."""
    votes, signs = isinstance(layer.rule, Vote), isinstance(layer.up, Sign | SparseSign)
    if votes and number > 1:
        raise ValueError(f"layer {number}: only layer 1 may vote (devices' signs); use mean above it")
    if votes and not signs:
        raise ValueError(
            f"layer {number}: vote counts signs, so its uplink must be sign or sparse_sign, got {layer.up}"
        )
    if signs and not votes:
        raise ValueError(
            f"layer {number}: sign carries no magnitude, so its rule must be vote, got {layer.rule}"
        )
    abstains = isinstance(layer.up, SparseSign) and not layer.up.sends_all
    if isinstance(layer.rule, Vote) and layer.rule.abstain != abstains:
        raise ValueError(
            f"layer {number}: abstain must be {str(abstains).lower()} in the vote on {layer.up}: a device "
            f"{'leaves coordinates out' if abstains else 'votes on every coordinate'}, got {layer.rule}"
        )


def _check_vote_step(leaf: Leaf, rule: Rule) -> None:
    """Signs do not depend on the learning rate, so a value other than the vote's step would have no effect."""
    if isinstance(rule, Vote) and rule.step != leaf.learning_rate:
        raise ValueError(
            f"learning_rate is the vote's step where layer 1 votes: got {leaf.learning_rate} and step {rule.step}; "
            "write the same number twice"
        )


def _check_integer_codes(number: int, layer: Layer, layers: tuple[Layer, ...]) -> None:
    """An integer code is lossless only where models differ by whole votes."""
    bottom = layers[0]
    vote = bottom.rule
    for codec, key, required in (
        (layer.up, "up", (2, layer.tau)),
        (layer.down, "down", (1, 1)),
    ):
        if not isinstance(codec, Integer):
            continue
        matches = isinstance(vote, Vote) and (codec.step, codec.zeros) == (vote.step, vote.can_be_zero)
        if not matches or (number, codec.span) != required:
            raise ValueError(
                f"layer {number}: the integer code on `{key}` is lossless only for sums of votes: it needs a vote on "
                f"layer 1 with the same step, zeros where it may stay, layer {required[0]} and span {required[1]}; "
                f"got {codec}"
            )
    lossy = bottom.down is not None and not isinstance(bottom.down, Integer) and not bottom.down.lossless
    if number == 2 and isinstance(layer.up, Integer) and lossy:
        raise ValueError(
            f"layer 1: a lossy `down` ({bottom.down}) leaves the edge's model off the sums of votes that the integer "
            "code on layer 2 carries; leave `down` out (the one-bit vote), or send layer 2 by another code"
        )


def _check_memory(number: int, layer: Layer) -> None:
    """What a broadcast leaves out is retained by the model or by the compressor; both would send it twice."""
    if layer.onto == "own" and is_stateful(layer.downlink):
        raise ValueError(
            f"layer {number}: onto: own already keeps what the broadcast leaves out, and so does {layer.downlink}; "
            "use onto: said with it, or the compressor inside it alone"
        )


def _check_rate_schedule(number: int, layer: Layer, leaf: Leaf) -> None:
    """A schedule changes nothing where signs are voted on; a drift needs the same rate in every step."""
    if isinstance(leaf.local.schedule, ConstantRate):
        return
    if isinstance(layer.rule, Vote):
        raise ValueError(
            f"layer {number}: votes move by their own step, so a schedule of the rate changes nothing"
        )
    if layer.drift:
        raise ValueError(
            f"layer {number}: drift needs one learning rate for all steps, got {leaf.local.schedule}"
        )


def _check_pulls(leaf: Leaf, layers: tuple[Layer, ...]) -> None:
    """ADMM: each layer's `pull` is a valid rho, and the devices' prox is their sum."""
    pulls = [layer.pull for layer in layers]
    for number, layer in enumerate(layers, start=1):
        if layer.pull:
            _check_pull(number, layer)
    prox, total = leaf.local.prox, math.fsum(pulls)
    if any(pulls) and not math.isclose(prox, total, rel_tol=1e-12):
        raise ValueError(
            f"leaf.local.prox must be the sum of all layers' pulls, {total:g}, got {prox:g}: a device's proximal term "
            "contains the pull of every layer"
        )


def _check_pull(number: int, layer: Layer) -> None:
    """The duals of every node's children must keep a mean of zero, or the model leaves its optimum."""
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
            f"layer {number}: with a pull, messages must not lose information, or the mean of the duals and with it "
            "the optimum moves; use error_feedback on `up`, and down: none"
        )
