"""Vectors that are promised now and computed when somebody looks.

A promise is named by its content: its digest hashes the operation, its parts, its parents' digests and
its random key, so two timelines that promise the same digests train the same models.
"""

from __future__ import annotations

import hashlib
import struct
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from learning.aggregation.rules import Rule
from learning.algorithms.algorithm import Leaf
from learning.compressors import Compressor
from learning.part_names import part_name

if TYPE_CHECKING:
    from torch import Tensor

Place: TypeAlias = tuple[int, int]
"""(level, ordinal within the level): devices are level 0, the cloud is (N, 0)."""


@dataclass(frozen=True)
class IterationIndex:
    """A place in the schedule, never a call count.

    `path` holds the iteration index of every ancestor, cloud first; `step` is the number of local SGD
    steps each device below has behind it when the visit begins. Devices draw by `step` alone, so a
    deeper tree over the same devices sees the same minibatches.
    """

    path: tuple[int, ...]
    step: int
    phase: int = 0
    """0: the ladder itself; 1: its prologue, whose draws are its own."""

    @property
    def first_step(self) -> int:
        """The local step by which devices draw: a prologue's gradients are taken on samples of their own."""
        return self.step + (self.phase << 40)


class Look(NamedTuple):
    """Whose samples a loss is taken over: all of them, or `samples` drawn with replacement.

    `device` is a leaf ordinal; the draws are keyed by it and by its own local step `first_step`.
    """

    device: int
    samples: int | None = None
    first_step: int = 0


@dataclass(frozen=True)
class Start:
    """The initial model."""


@dataclass(frozen=True)
class Train:
    """`steps` SGD steps of `device` from `model`; minibatches are keyed by its own local steps from `first_step` on.

    `shift` is added to every gradient. `keeps` says whether the trained model itself is wanted later, and whether
    it comes about as a "model", or as the start plus the "update" that is sent.
    """

    leaf: Leaf
    device: int
    model: Ref
    steps: int
    first_step: int
    shift: Ref | None = None
    keeps: Literal["no", "model", "update"] = "no"


@dataclass(frozen=True)
class Answer:
    """What the receiver decodes of `moved - heard` sent through `codec`; if that is lossless, `moved` itself.

    `memory` is the sender's row before the message, where the codec remembers (None: zeros).
    """

    codec: Compressor
    moved: Ref
    heard: Ref
    key: int
    memory: Ref | None = None


@dataclass(frozen=True)
class Announce:
    """The receivers' new copy: `copy` plus what they decode of `own - copy`."""

    codec: Compressor
    own: Ref
    copy: Ref
    key: int
    memory: Ref | None = None


@dataclass(frozen=True)
class Guard:
    """What becomes of an answer in which something is nan or inf: `reject` leaves it out, else the run stops.

    `senders` are those of the combine's answers, `turn` is the global round, from 1.
    """

    reject: bool
    turn: int
    senders: tuple[Place, ...]


@dataclass(frozen=True)
class Combine:
    """The parent's new model: `onto` merged with its children's answers, in topology order, with final weights."""

    rule: Rule
    onto: Ref
    copy: Ref
    answers: tuple[Ref, ...]
    weights: tuple[float, ...]
    key: int
    memory: Ref | None = None
    guard: Guard | None = None


@dataclass(frozen=True)
class Memory:
    """The memory row after `message`: the second output of an Answer, Announce or Combine that remembers."""

    message: Ref


@dataclass(frozen=True)
class Linear:
    """A weighted sum of vectors: corrections."""

    terms: tuple[tuple[float, Ref], ...]


Op: TypeAlias = Start | Train | Answer | Announce | Combine | Memory | Linear


@dataclass(eq=False, slots=True, weakref_slot=True)
class Ref:
    """A vector [d] somebody owes: an object, so that who still holds it decides what is kept.

    `op` says how to compute it; a model's op goes once its `value` is there, so that what only the op
    held is freed. `bits` is the payload of an answer or announcement whose size depends on its values.
    `tally` is the exact sum of votes [d] behind a model that moved by votes alone since its period began.
    `after` finds the memory row that a message leaves behind, as long as anybody wants it.
    """

    digest: bytes
    depth: int
    op: Op | None = field(repr=False)
    value: Tensor | None = field(default=None, repr=False)
    bits: int | None = None
    tally: Tensor | None = field(default=None, repr=False)
    after: weakref.ReferenceType[Ref] | None = None

    def settle(self, value: Tensor) -> None:
        """Keep the value; a model forgets how it came about (answers and local work are short-lived and still know)."""
        self.value = value
        if not isinstance(self.op, Answer | Train):
            self.op = None


Slot: TypeAlias = tuple[int, int, int]
"""Whose memory: (level, ordinal, direction)."""


@dataclass(frozen=True)
class Payload:
    """A message promised before it is sent: a body later, a size now unless it depends on the values (`law` None).

    `name` is the digest a data-dependent size is known by; `leaves` the sender's memory once it is delivered.
    """

    body: Ref
    law: int | None
    sender: Place
    name: bytes = b""
    leaves: tuple[Slot, Ref] | None = None


def left_behind(payload: Payload) -> Iterator[Ref]:
    """What comes about with an answer and outlives it: its sender's memory, and a trained model that is kept."""
    if payload.leaves is not None:
        yield payload.leaves[1]
    op = payload.body.op
    if isinstance(op, Answer) and isinstance(op.moved.op, Train) and op.moved.op.keeps != "no":
        yield op.moved


@dataclass
class DigestRegistry:
    """Names promises: one blake2b-128 per promise over root, operation, parts, parents and key."""

    root: bytes
    _names: dict[tuple[int, bool], tuple[object, bytes]] = field(default_factory=dict)

    def promise(
        self, op: Op, parents: Sequence[Ref], parts: Sequence[object], numbers: bytes, keep: bool
    ) -> Ref:
        """A new Ref; `keep` False drops the op at once (timing only: nobody will look)."""
        digest = hashlib.blake2b(self.root, digest_size=16)
        digest.update(type(op).__name__.encode())
        for part in parts:
            digest.update(self._name(part))
        digest.update(b"".join([parent.digest for parent in parents]) + numbers)
        depth = 1 + max((parent.depth for parent in parents), default=0)
        return Ref(digest.digest(), depth, op if keep else None)

    def size_name(self, body: Ref, codec: Compressor) -> bytes:
        """What the coded size of `body` is known by: equal values may be coded in several ways."""
        return hashlib.blake2b(body.digest + self._name(codec, whole=True), digest_size=16).digest()

    @staticmethod
    def measure_name(model: Ref, what: bytes) -> bytes:
        """What the numbers measured at `model` are known by."""
        return hashlib.blake2b(model.digest + what, digest_size=16).digest()

    def loss_name(self, model: Ref, look: Look) -> bytes:
        """What the mean loss of a model over a device's samples is known by."""
        seen = (
            packed(look.device)
            if look.samples is None
            else packed(look.device, look.samples, look.first_step)
        )
        return hashlib.blake2b(model.digest + seen, digest_size=16, person=b"local loss").digest()

    def _name(self, part: object, whole: bool = False) -> bytes:
        known = self._names.get((id(part), whole))
        if known is None or known[0] is not part:
            text = part_name(part, whole).encode()
            known = self._names[id(part), whole] = (part, hashlib.blake2b(text, digest_size=16).digest())
        return known[1]


def packed(*numbers: int) -> bytes:
    """Integers as fixed-width bytes for a digest."""
    return struct.pack(f"<{len(numbers)}Q", *(n & 0xFFFFFFFFFFFFFFFF for n in numbers))
