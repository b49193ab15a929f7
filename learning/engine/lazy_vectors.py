"""Lazy vectors: model vectors that are declared during the simulation and computed on demand.

A lazy vector is identified by a digest of its content: the operation that computes it, the parts involved, the
digests of its inputs and its random key. Two runs that declare vectors of equal digests train equal models.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from learning.aggregation.rules import Rule
from learning.algorithms.layer import Leaf
from learning.compressors import Compressor

if TYPE_CHECKING:
    from torch import Tensor

NodeIndex: TypeAlias = tuple[int, int]
"""(level, ordinal within the level): devices are level 0, the cloud is (N, 0)."""

MemorySlot: TypeAlias = tuple[int, int, int]
"""(level, ordinal, direction) of the sender whose compressor or rule keeps the memory row."""


@dataclass(frozen=True)
class IterationIndex:
    """Position of an iteration in the schedule of the algorithm, independent of the order of calls.

    `path` holds the iteration index of every ancestor, cloud first. `step` is the number of local SGD steps that each
    device below has completed when the iteration begins. Draws of a device depend on `step` alone, so a deeper tree
    over the same devices uses the same minibatches.
    """

    path: tuple[int, ...]
    step: int
    phase: int = 0
    """0: the algorithm itself; 1: its prologue, which has separate draws."""

    @property
    def first_step(self) -> int:
        """Local step that keys the device's draws; a prologue takes its gradients on separate samples."""
        return self.step + (self.phase << 40)


class LossQuery(NamedTuple):
    """Samples over which a local loss is taken: all of a device, or `samples` drawn with replacement.

    `device` is a leaf ordinal. The draws are keyed by the device and its own local step `first_step`.
    """

    device: int
    samples: int | None = None
    first_step: int = 0


@dataclass(frozen=True)
class Initialize:
    """The initial model."""


@dataclass(frozen=True)
class Train:
    """`steps` SGD steps of `device` from `start_model`; minibatches are keyed by its local steps from `first_step` on.

    `correction` is added to every gradient. `retain` states whether the trained model itself is needed later, and
    whether it is computed directly ("model") or as the start model plus the encoded update ("update").
    """

    leaf: Leaf
    device: int
    start_model: LazyVector
    steps: int
    first_step: int
    correction: LazyVector | None = None
    retain: Literal["no", "model", "update"] = "no"


@dataclass(frozen=True)
class Upload:
    """The decoded value of `model - reference` sent through `codec`; of a lossless codec, `model` itself.

    `reference` is the model that the sender received from its parent. `memory` is the sender's memory row before the
    message, for compressors with memory (None: zeros).
    """

    codec: Compressor
    model: LazyVector
    reference: LazyVector
    key: int
    memory: LazyVector | None = None


@dataclass(frozen=True)
class Broadcast:
    """The model that the receivers hold after a broadcast: `reference` plus the decoded value of `model - reference`.

    `reference` is the model that they held before.
    """

    codec: Compressor
    model: LazyVector
    reference: LazyVector
    key: int
    memory: LazyVector | None = None


@dataclass(frozen=True)
class FiniteCheck:
    """Treatment of updates that contain nan or inf: `reject` removes them, otherwise the run stops.

    `senders` are the nodes that sent the aggregated uploads, `round_number` is the global round, counted from 1.
    """

    reject: bool
    round_number: int
    senders: tuple[NodeIndex, ...]


@dataclass(frozen=True)
class Aggregate:
    """The parent's new model: `base` plus its children's updates, in topology order, with final weights.

    `reference` is the model that the children received before they trained.
    """

    rule: Rule
    base: LazyVector
    reference: LazyVector
    uploads: tuple[LazyVector, ...]
    weights: tuple[float, ...]
    key: int
    memory: LazyVector | None = None
    finite_check: FiniteCheck | None = None


@dataclass(frozen=True)
class MemoryAfter:
    """The memory row after `message`: second output of an Upload, Broadcast or Aggregate with memory."""

    message: LazyVector


@dataclass(frozen=True)
class WeightedSum:
    """The sum of coefficient times vector, used for gradient corrections."""

    terms: tuple[tuple[float, LazyVector], ...]


Op: TypeAlias = Initialize | Train | Upload | Broadcast | Aggregate | MemoryAfter | WeightedSum
"""The operations that compute vectors; their class names are part of the digests."""


@dataclass(eq=False, slots=True, weakref_slot=True)
class LazyVector:
    """A vector [d] that is declared, and computed when its value is needed.

    Vectors are kept alive by ordinary references. `op` states how to compute the vector. The op of a model is dropped
    once `value` is set, which frees what only the op referred to. `bits` is the payload of an upload or broadcast
    whose size depends on its values. `vote_sum` is the exact sum of votes [d] behind a model that has moved by votes
    alone since its period began. `memory_after` refers weakly to the memory row that a message leaves behind.
    """

    digest: bytes
    depth: int
    op: Op | None = field(repr=False)
    value: Tensor | None = field(default=None, repr=False)
    bits: int | None = None
    vote_sum: Tensor | None = field(default=None, repr=False)
    memory_after: weakref.ReferenceType[LazyVector] | None = None

    def set_value(self, value: Tensor) -> None:
        """Store the value and drop the op, except of uploads and local training, which live for a short time only."""
        self.value = value
        if not isinstance(self.op, Upload | Train):
            self.op = None

    def live_memory_after(self) -> LazyVector | None:
        """Return the memory row that this message leaves behind, or None if nothing refers to it any more."""
        return None if self.memory_after is None else self.memory_after()


@dataclass(frozen=True)
class Payload:
    """A message: its decoded vector, and its size in bits.

    `fixed_bits` is the size where it does not depend on the values, otherwise None. `size_digest` identifies a size
    that depends on the values. `memory_update` is the sender's memory row once the message is delivered.
    """

    decoded: LazyVector
    fixed_bits: int | None
    sender: NodeIndex
    size_digest: bytes = b""
    memory_update: tuple[MemorySlot, LazyVector] | None = None


def side_outputs(payload: Payload) -> Iterator[LazyVector]:
    """Yield vectors that are computed with an upload and outlive it: the sender's memory, a retained model."""
    if payload.memory_update is not None:
        yield payload.memory_update[1]
    op = payload.decoded.op
    if isinstance(op, Upload) and isinstance(op.model.op, Train) and op.model.op.retain != "no":
        yield op.model
