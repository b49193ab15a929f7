"""The engine: declares the vectors of one run, and has them computed where their values are needed."""

from __future__ import annotations

import struct
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from learning.aggregation.rules import Rule, is_stateful_rule
from learning.algorithms.layer import Leaf
from learning.compressors import Compressor, at_round, is_stateful
from learning.engine.compressor_calls import payload_bits
from learning.engine.digests import DigestRegistry, pack_integers
from learning.engine.finite_check import NonFinitePolicy, make_finite_check
from learning.engine.lazy_vectors import (
    Aggregate,
    Broadcast,
    Initialize,
    IterationIndex,
    LazyVector,
    LossQuery,
    MemoryAfter,
    MemorySlot,
    NodeIndex,
    Op,
    Payload,
    Train,
    Upload,
    WeightedSum,
    side_outputs,
)
from learning.engine.resumption import drop_operations, restore_value, take_checkpoint
from learning.engine.solver import Solver, ValuesNeededError
from learning.rng.keyed import row_key
from learning.store.checkpoints import Checkpoint
from learning.store.ledger import METRICS, Ledger

if TYPE_CHECKING:
    from torch import Tensor

UP, DOWN, MERGE = 0, 1, 2
"""Directions of a memory slot and of a random key: upload, broadcast, aggregation."""


class Engine:
    """Declares the vectors of one run.

    `root` identifies everything that the values depend on besides the operations (task, numerics), `seed` keys every
    draw, `dim` is the number of parameters. `checkpoint` is the state from which an interrupted run continues.
    Without a solver (timing only) the engine computes the digest of every vector and every size that does not depend
    on values, and does not import torch.
    """

    def __init__(
        self,
        root: bytes,
        seed: int,
        dim: int,
        solver: Solver | None = None,
        ledger: Ledger | None = None,
        checkpoint: Checkpoint | None = None,
        finite: NonFinitePolicy = "keep",
    ) -> None:
        self.dim = dim
        self._finite = finite
        self.missing_metrics = 0
        """Number of requested evaluations that neither the ledger nor a solver could provide."""
        self._ledger = ledger
        self._seed = seed
        policy = b"" if finite == "keep" else finite.encode()
        self._digests = DigestRegistry(root + pack_integers(seed) + policy)
        self._solver = solver
        self._rejected = 0 if checkpoint is None else checkpoint.rejected
        self._checkpoint = checkpoint
        """The checkpoint that this run replays up to; None once it is reached."""
        self._memories: dict[MemorySlot, LazyVector] = {}
        self._stored: weakref.WeakSet[LazyVector] = weakref.WeakSet()
        """Living vectors that a checkpoint contains."""

    def initial_model(self) -> LazyVector:
        """Return the initial model, keyed by the seed."""
        return self._declare(Initialize(), (), (), b"")

    def train(
        self,
        leaf: Leaf,
        device: int,
        model: LazyVector,
        steps: int,
        iteration: IterationIndex,
        correction: LazyVector | None = None,
        retain: Literal["no", "model", "update"] = "no",
    ) -> LazyVector:
        """Return `model` after `steps` local SGD steps at `device` (its leaf ordinal).

        `correction` is added to every gradient. `retain` (see Train) must be set where the trained model is needed
        for more than the upload that is made of it.
        """
        op = Train(leaf, device, model, steps, iteration.first_step, correction, retain)
        inputs = (model,) if correction is None else (model, correction)
        return self._declare(op, inputs, (leaf,), pack_integers(device, steps, iteration.first_step))

    def weighted_sum(self, terms: Sequence[tuple[float, LazyVector]]) -> LazyVector:
        """Return the sum of coefficient times vector."""
        numbers = struct.pack(f"<{len(terms)}d", *(factor for factor, _ in terms))
        return self._declare(WeightedSum(tuple(terms)), [vector for _, vector in terms], (), numbers)

    def upload(
        self,
        codec: Compressor,
        node: NodeIndex,
        model: LazyVector,
        reference: LazyVector,
        iteration: IterationIndex,
    ) -> Payload:
        """Return the upload of `node`: the difference of `model` from the received `reference`, through `codec`.

        For a compressor with memory, the node's memory advances with `confirm_delivery`.
        """
        codec = at_round(codec, iteration.path[0])
        key, memory = self._key("compressor", node, iteration, UP), self._memories.get((*node, UP))
        inputs = (model, reference) if memory is None else (model, reference, memory)
        op = Upload(codec, model, reference, key, memory)
        return self._payload(codec, self._declare(op, inputs, (codec,), pack_integers(key)), (*node, UP))

    def broadcast(
        self,
        codec: Compressor,
        node: NodeIndex,
        model: LazyVector,
        reference: LazyVector,
        iteration: IterationIndex,
    ) -> Payload:
        """Return the broadcast of `node`, whose decoded vector is the model that its receivers then hold.

        It counts as delivered at once, since downlink transmissions are repeated until they are received.
        """
        codec = at_round(codec, iteration.path[0])
        if codec.lossless:
            return Payload(model, payload_bits(codec, self.dim), node)
        key, memory = self._key("compressor", node, iteration, DOWN), self._memories.get((*node, DOWN))
        inputs = (model, reference) if memory is None else (model, reference, memory)
        op = Broadcast(codec, model, reference, key, memory)
        payload = self._payload(codec, self._declare(op, inputs, (codec,), pack_integers(key)), (*node, DOWN))
        self.confirm_delivery(payload)
        return payload

    def confirm_delivery(self, payload: Payload) -> None:
        """Advance the sender's memory to the row that the delivered message leaves behind."""
        if payload.memory_update is not None:
            slot, memory = payload.memory_update
            self._memories[slot] = memory

    def aggregate(
        self,
        rule: Rule,
        node: NodeIndex,
        base: LazyVector,
        reference: LazyVector,
        uploads: Sequence[Payload],
        weights: Sequence[float],
        iteration: IterationIndex,
    ) -> LazyVector:
        """Return `base` plus the aggregated uploads of children that received `reference`; weights are final.

        Without uploads the model does not change.
        """
        if not uploads:
            return base
        key = self._key("rule", node, iteration, UP)
        updates = tuple(payload.decoded for payload in uploads)
        memory = self._memories.get((*node, MERGE))
        check = make_finite_check(self._finite, uploads, iteration)
        op = Aggregate(rule, base, reference, updates, tuple(weights), key, memory, check)
        numbers = struct.pack(f"<{len(weights)}d", *weights) + pack_integers(key)
        inputs = (base, reference, *updates) if memory is None else (base, reference, *updates, memory)
        model = self._declare(op, inputs, (rule,), numbers)
        if is_stateful_rule(rule):
            self._memories[*node, MERGE] = self._memory_after(model)
        for (
            payload
        ) in uploads:  # side outputs are computed while the aggregation reads the uploads, not before
            for output in side_outputs(payload):
                output.depth = max(output.depth, model.depth)
        return model

    def bits(self, payload: Payload) -> int:
        """Return the payload bits of a message; a size that depends on values has them computed.

        Raises ValuesNeededError where the size depends on values and the engine computes none.
        """
        if payload.fixed_bits is not None:
            return payload.fixed_bits
        message, ledger = payload.decoded, self._ledger
        stored = ledger.bits(payload.size_digest) if ledger is not None else None
        if stored is not None:
            return stored
        if message.bits is None:
            self._required_solver("a coded message size").compute(message)
        if message.bits is None:
            raise ValueError("a compressor whose bits() returns None must return bits from encode()")
        if ledger is not None:
            ledger.put_bits(payload.size_digest, message.bits)
        return message.bits

    def evaluate(self, model: LazyVector) -> Mapping[str, float]:
        """Return the test metrics of a model from the ledger, or compute them; nan in timing-only runs.

        Where updates may be rejected, `rejected` is their number up to this model.
        """
        stored = None if self._ledger is None else self._ledger.metrics(model.digest)
        if stored is not None:
            self.compute(model)
            return stored
        if self._solver is None or self.replaying:
            self.missing_metrics += 1
            if self._ledger is not None:
                raise ValuesNeededError(
                    "the ledger has no metrics of this model, and this engine computes none"
                )
            names = METRICS if self._finite == "reject" else METRICS[:2]
            return dict.fromkeys(names, float("nan"))
        metrics = dict(self._solver.evaluate(model))
        if self._finite == "reject":
            metrics["rejected"] = float(self._rejected + self._solver.rejected)
        if self._ledger is not None:
            self._ledger.put_metrics(model.digest, metrics)
            self._ledger.flush()
        return metrics

    def measure(
        self, model: LazyVector, label: bytes, function: Callable[[Tensor], Sequence[float]]
    ) -> Sequence[float]:
        """Return the numbers that `function` computes from a model [d]: from the ledger, else computed and stored.

        `label` identifies the measurement. Raises ValuesNeededError where the ledger lacks the numbers and the engine
        computes no values.
        """
        digest = self._digests.measurement_digest(model, label)
        stored = None if self._ledger is None else self._ledger.measurements(digest)
        if stored is not None:
            return stored
        if self._solver is None or self.replaying:
            raise ValuesNeededError(
                "a measurement at a model needs its values, and this engine computes none"
            )
        self.compute(model)
        assert model.value is not None
        numbers = tuple(function(model.value))
        if self._ledger is not None:
            self._ledger.put_measurements(digest, numbers)
            self._ledger.flush()
        return numbers

    def local_loss(self, model: LazyVector, query: LossQuery) -> float:
        """Return the mean loss of a model over samples of a device. Raises ValuesNeededError in timing-only runs."""
        digest, ledger = self._digests.loss_digest(model, query), self._ledger
        stored = ledger.metrics(digest) if ledger is not None else None
        if stored is not None:
            return stored["loss"]
        loss = self._required_solver("a selection by losses").local_loss(model, query)
        if ledger is not None:
            ledger.put_metrics(digest, {"accuracy": float("nan"), "loss": loss})
        return loss

    def compute(self, model: LazyVector) -> None:
        """Compute a model now if this engine computes values; keeps the chain of pending operations short."""
        if self.replaying:  # the checkpoint contains the values that are needed
            drop_operations(model)
        elif self._solver is not None and model.value is None:
            self._solver.compute(model)

    @property
    def replaying(self) -> bool:
        """Whether the run has not yet reached the checkpoint from which it continues."""
        return self._checkpoint is not None

    def checkpoint(self, model: LazyVector, round_number: int) -> Checkpoint:
        """Return all values known after a global round, from which a later run may continue."""
        rejected = self._rejected + (0 if self._solver is None else self._solver.rejected)
        return replace(take_checkpoint(model, round_number, list(self._stored)), rejected=rejected)

    def end_round(self, round_number: int) -> None:
        """Mark the end of a global round; the replay ends with the round of the checkpoint."""
        if self._checkpoint is not None and self._checkpoint.round_number == round_number:
            self._checkpoint = None

    def _payload(self, codec: Compressor, message: LazyVector, slot: MemorySlot) -> Payload:
        fixed_bits = payload_bits(codec, self.dim)
        size_digest = b"" if fixed_bits is not None else self._digests.size_digest(message, codec)
        update = (slot, self._memory_after(message)) if is_stateful(codec) else None
        return Payload(message, fixed_bits, slot[:2], size_digest, update)

    def _memory_after(self, message: LazyVector) -> LazyVector:
        memory = self._declare(MemoryAfter(message), (message,), (), b"")
        message.memory_after = weakref.ref(memory)
        return memory

    def _required_solver(self, purpose: str) -> Solver:
        if self.replaying:
            raise ValuesNeededError("the ledger has lost a size or a loss that it contained")
        if self._solver is None:
            message = (
                f"{purpose} depends on values, and the timing engine computes none: use --engine batched"
            )
            raise ValuesNeededError(message + (", or code: fixed" if "coded" in purpose else ""))
        return self._solver

    def _key(self, stream: str, node: NodeIndex, iteration: IterationIndex, slot: int) -> int:
        level, ordinal = node
        path = iteration.path if level else (iteration.step,)
        return row_key(self._seed, stream, level, ordinal, slot + 2 * iteration.phase, *path)

    def _declare(
        self, op: Op, inputs: Sequence[LazyVector], parts: Sequence[object], numbers: bytes
    ) -> LazyVector:
        vector = self._digests.new_vector(op, inputs, parts, numbers, keep_op=self._solver is not None)
        if self._solver is None:
            return vector
        if not isinstance(op, Upload) and not (isinstance(op, Train) and op.retain == "no"):
            self._stored.add(vector)
        if self._checkpoint is None:
            self._solver.register(vector)
        else:
            restore_value(vector, self._checkpoint, self._solver.to_tensor)
        return vector
