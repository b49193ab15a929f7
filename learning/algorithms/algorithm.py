"""An algorithm is a ladder of layers; one layer is (tau, up, rule, down).

Layers are counted from the devices up, 1 ... N. A node *advances* a model by tau inner iterations:
at a device one inner iteration is one SGD step, at any other node it is one aggregation of its
children. The cloud is merely the node whose tau is the length of the run.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from learning.aggregation.rules import Mean, Rule, Vote
from learning.algorithms.admm_conditions import check_pulls
from learning.compressors import Compressor, Integer, Plain, Sign, SparseSign, contraction, is_stateful
from learning.optimizers import PLAIN, ConstantRate, Local

SMALLEST_RATE, LARGEST_RATE = 1e-30, 1e30
"""Learning rates between which a step is neither nothing nor infinite in float32."""
LARGEST_BATCH = 1_000_000
LARGEST_TAU = 1_000_000_000
MOST_STEPS = 2**53
"""Local steps per global round: whole numbers that a float64 still counts one by one."""


@dataclass(frozen=True)
class Leaf:
    """One inner iteration at a device: w <- w - learning_rate * g(w; batch_size samples), or what `local` makes of g.

    Minibatches are drawn with replacement, so a device may hold fewer samples than `batch_size`.
    Raises ValueError where a number is not positive, or beyond any use (the constants above).
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
    """One rung: the child iterates `tau` times and answers by `up`; the parent merges by `rule`, speaks by `down`.

    `down` encodes what the parent's model differs by from the copy its children hold; None means the
    natural one: the 1-bit vote after a `vote`, else the full model (32 d bits).
    `onto` says where the answers are added: to the copy that was "said" to the children, or to the
    parent's "own" model. The latter keeps what a lossy `down` left out: it is error feedback, its
    memory being the difference of the two.
    `drift: true` has the child correct its gradients by (mine - heard) / (learning rate x steps), added up over its
    periods (as the recipes mtgc and scaffold): `mine` is the model it ended in, `heard` the next one
    it is told. `echo: true` tells the children the last model of a period too, which costs a broadcast.
    With `pull` rho the drift is ADMM's dual: rho (mine - heard), added up, beside rho (w - heard) in all gradients
    below, of which `leaf.local.prox` is the sum over layers.
    `last` is tau in the last iteration of the parent's period (QHetFed); None: as always.
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

    def tau_of(self, last: bool) -> int:
        """The child's iterations in one of its parent's, `last` or not of the parent's period."""
        return self.last if last and self.last is not None else self.tau

    @cached_property
    def downlink(self) -> Compressor:
        """The compressor of the parent's broadcasts after the first of a period (which is forwarded)."""
        if self.down is not None:
            return self.down
        if isinstance(self.rule, Vote):
            return Integer(step=self.rule.step, span=1, zeros=self.rule.stays)
        return Plain()


@dataclass(frozen=True)
class Prologue:
    """What comes before a global round: the ladder once with tau = 1, whose gradients become corrections.

    Every device takes one step of `leaf` from the round's model w, on samples of its own; the means travel up by `ups`
    (one compressor per layer), and the whole mean is broadcast. Then the child of layer `level` corrects its gradients
    by c - c_child for the next `every` rounds, c being mean gradients at w: DC-HierSignSGD, arXiv:2602.02355, at
    level 2 (edge servers) or 1 (devices). It costs time, bits and energy like everything else; w is told in it, once.
    """

    leaf: Leaf
    ups: tuple[Compressor, ...]
    level: int = 2
    every: int = 1

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"every must be >= 1 round, got {self.every}")
        if not 1 <= self.level <= len(self.ups):
            raise ValueError(
                f"level must be 1 ... {len(self.ups)}, got {self.level}; 1 corrects devices, 2 edges"
            )

    def ladder(self) -> Algorithm:
        """The prologue as an algorithm of its own; the children of layer `level` drift."""
        layers = (Layer(1, up, Mean(), drift=n == self.level) for n, up in enumerate(self.ups, start=1))
        return Algorithm(self.leaf, tuple(layers))


@dataclass(frozen=True)
class Algorithm:
    """The ladder as data: a leaf and its layers from the devices up. Its laws are checked at birth (ValueError)."""

    leaf: Leaf
    layers: tuple[Layer, ...]
    prologue: Prologue | None = None

    def __post_init__(self) -> None:
        if not self.layers:
            raise ValueError("an algorithm needs at least one layer, got none")
        if self.steps(self.depth) > MOST_STEPS:
            said = " x ".join(str(tau) for tau in self.taus)
            raise ValueError(
                f"tau: {said} local steps per global round are more than {MOST_STEPS:,}, the most that can be "
                "counted; lower one of them"
            )
        for number, layer in enumerate(self.layers, start=1):
            _check_signs(number, layer)
            _check_step(self.leaf, layer.rule)
            _check_lattice(number, layer, self.layers)
            _check_memory(number, layer)
            _check_rate(number, layer, self.leaf)
        check_pulls(self)
        if self.prologue is not None and len(self.prologue.ups) != len(self.layers):
            said = f"{len(self.prologue.ups)} compressors for {len(self.layers)} layers"
            raise ValueError(f"the prologue needs one compressor per layer, got {said}")
        if self.leaf.local.unit == "epochs" and any(r.drift and not r.pull for r in self.layers[1:]):
            raise ValueError(
                "drift above layer 1 needs the same number of steps on every device, and epochs have as many as their "
                "samples ask for; use unit: steps, or drift on layer 1 alone"
            )

    def paces(self, samples: Sequence[int]) -> tuple[int, ...]:
        """SGD steps of every device in one of its iterations: 1, or those of a pass over its `samples`."""
        if self.leaf.local.unit == "steps":
            return (1,) * len(samples)
        return tuple(-(-count // self.leaf.batch_size) for count in samples)

    def pull_above(self, level: int) -> float:
        """The sum of the pulls of all layers above `level`; of 0: of all."""
        return math.fsum(layer.pull for layer in self.layers[level:])

    @property
    def depth(self) -> int:
        """N, the number of layers."""
        return len(self.layers)

    @property
    def taus(self) -> tuple[int, ...]:
        """tau_1 ... tau_N."""
        return tuple(layer.tau for layer in self.layers)

    def steps(self, layer: int) -> int:
        """k_n, local steps (or epochs) between two uploads on layer n: tau_1 ... tau_n but for a `last`; k_0 = 1."""
        usual = final = 1
        for rung in self.layers[:layer]:
            usual, final = (
                (rung.tau - 1) * usual + final,
                (rung.tau_of(last=True) - 1) * usual + final,
            )
        return usual

    def check_dimension(self, dim: int) -> None:
        """Laws that need the number of parameters: codes fit it, error feedback takes a contraction (ValueError)."""
        for number, layer in enumerate(self.layers, start=1):
            down = layer.downlink
            for codec, way in ((layer.up, "up"), (down, "down")):
                _check_fits(number, way, codec, dim)
                if is_stateful(codec) and codec.delta(dim) is None:
                    raise ValueError(
                        f"layer {number}: {codec} on `{way}` needs a compressor inside with E||C(x)-x||^2 < ||x||^2 at "
                        f"d = {dim}: what it leaves out would grow; use more levels or smaller buckets, or top_k"
                    )
            if layer.onto == "own" and not down.lossless and contraction(down, dim) is None:
                raise ValueError(
                    f"layer {number}: error feedback on the downlink (onto: own) needs a compressor with "
                    f"E||C(x)-x||^2 < ||x||^2, and {down} has variance {down.omega(dim)} at d = {dim}: what it "
                    "leaves out would grow; use more levels or smaller buckets, top_k, or onto: said"
                )


def _check_fits(number: int, way: str, codec: Compressor, dim: int) -> None:
    try:
        codec.bits(dim)
    except ValueError as error:
        raise ValueError(f"layer {number}: {way}: {error}") from None


def _check_signs(number: int, layer: Layer) -> None:
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
    silent = isinstance(layer.up, SparseSign) and not layer.up.whole
    if isinstance(layer.rule, Vote) and layer.rule.abstain != silent:
        raise ValueError(
            f"layer {number}: abstain must be {str(silent).lower()} in the vote on {layer.up}: a device "
            f"{'leaves coordinates out' if silent else 'votes on every coordinate'}, got {layer.rule}"
        )


def _check_step(leaf: Leaf, rule: Rule) -> None:
    """Signs do not see the devices' learning rate: a second value would change nothing."""
    if isinstance(rule, Vote) and rule.step != leaf.learning_rate:
        raise ValueError(
            f"learning_rate is the vote's step where layer 1 votes: got {leaf.learning_rate} and step {rule.step}; "
            "write the same number twice"
        )


def _check_lattice(number: int, layer: Layer, layers: tuple[Layer, ...]) -> None:
    """An integer code is lossless only where models differ by whole votes."""
    bottom = layers[0]
    vote = bottom.rule
    for codec, place, want in (
        (layer.up, "up", (2, layer.tau)),
        (layer.down, "down", (1, 1)),
    ):
        if not isinstance(codec, Integer):
            continue
        lawful = isinstance(vote, Vote) and (codec.step, codec.zeros) == (vote.step, vote.stays)
        if not lawful or (number, codec.span) != want:
            raise ValueError(
                f"layer {number}: the integer code on `{place}` is lossless only for sums of votes: it needs a vote on "
                f"layer 1 with the same step, zeros where it may stay, layer {want[0]} and span {want[1]}; got {codec}"
            )
    forgetful = bottom.down is not None and not isinstance(bottom.down, Integer) and not bottom.down.lossless
    if number == 2 and isinstance(layer.up, Integer) and forgetful:
        raise ValueError(
            f"layer 1: a lossy `down` ({bottom.down}) leaves the edge's model off the sums of votes that the integer "
            "code on layer 2 carries; leave `down` out (the one-bit vote), or send layer 2 by another code"
        )


def _check_memory(number: int, layer: Layer) -> None:
    """Either the model or the compressor remembers what a broadcast left out; both would say it twice."""
    if layer.onto == "own" and is_stateful(layer.downlink):
        raise ValueError(
            f"layer {number}: onto: own already keeps what the broadcast leaves out, and so does {layer.downlink}; "
            "use onto: said with it, or the compressor inside it alone"
        )


def _check_rate(number: int, layer: Layer, leaf: Leaf) -> None:
    """Signs have no length for a schedule to change; a drift is divided by the rate of every step."""
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
