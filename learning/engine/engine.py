"""The engine: promises vectors to the protocol, has them computed when somebody looks."""

from __future__ import annotations

import struct
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from learning.aggregation.rules import Rule, rule_remembers
from learning.algorithms.algorithm import Leaf
from learning.compressors import Compressor, at_round, remembers
from learning.engine.compressor_calls import payload_bits
from learning.engine.finite_check import Finite, guard_of
from learning.engine.promises import (
    Announce,
    Answer,
    Combine,
    DigestRegistry,
    IterationIndex,
    Linear,
    Look,
    Memory,
    Op,
    Payload,
    Place,
    Ref,
    Slot,
    Start,
    Train,
    left_behind,
    packed,
)
from learning.engine.resumption import adopt, cut_of, forget
from learning.engine.solver import Solver, ValuesNeededError
from learning.rng.keyed import row_key
from learning.store.checkpoints import Checkpoint
from learning.store.ledger import METRICS, Ledger

if TYPE_CHECKING:
    from torch import Tensor

UP, DOWN, MERGE = 0, 1, 2


class Engine:
    """Promises vectors for one run.

    `root` names everything the values depend on besides the operations (task, numerics), `seed` keys
    every draw, `dim` is the number of parameters. Without a solver the engine only keeps time: it names
    every vector and knows every size that follows a law, and starts without torch.
    """

    def __init__(
        self,
        root: bytes,
        seed: int,
        dim: int,
        solver: Solver | None = None,
        ledger: Ledger | None = None,
        cut: Checkpoint | None = None,
        finite: Finite = "keep",
    ) -> None:
        self.dim = dim
        self._finite = finite
        self.unknown = 0
        """Models whose metrics were asked for, and neither the ledger nor a solver had them."""
        self._ledger = ledger
        self._seed = seed
        self._book = DigestRegistry(root + packed(seed) + (b"" if finite == "keep" else finite.encode()))
        self._solver = solver
        self._rejected = 0 if cut is None else cut.rejected
        self._cut = cut
        """The cut this run replays to; None once it is reached."""
        self._memories: dict[Slot, Ref] = {}
        self._made: weakref.WeakSet[Ref] = weakref.WeakSet()

    def start(self) -> Ref:
        """The initial model, keyed by the seed."""
        return self._promise(Start(), (), (), b"")

    def train(
        self,
        leaf: Leaf,
        device: int,
        model: Ref,
        steps: int,
        iteration: IterationIndex,
        shift: Ref | None = None,
        keeps: Literal["no", "model", "update"] = "no",
    ) -> Ref:
        """`model` after `steps` local SGD steps at `device` (its leaf ordinal), `shift` added to every gradient.

        `keeps`: see Train; say it where the trained model will be asked for besides the answer made of it.
        """
        op = Train(leaf, device, model, steps, iteration.first_step, shift, keeps)
        parents = (model,) if shift is None else (model, shift)
        return self._promise(op, parents, (leaf,), packed(device, steps, iteration.first_step))

    def linear(self, terms: Sequence[tuple[float, Ref]]) -> Ref:
        """The sum of coefficient times vector."""
        numbers = struct.pack(f"<{len(terms)}d", *(factor for factor, _ in terms))
        return self._promise(Linear(tuple(terms)), [ref for _, ref in terms], (), numbers)

    def answer(
        self, codec: Compressor, place: Place, moved: Ref, heard: Ref, iteration: IterationIndex
    ) -> Payload:
        """The upload of the node at `place`: how far `moved` is from what it `heard`, through `codec`.

        Where the codec remembers, the node's memory moves once the letter is `delivered`.
        """
        codec = at_round(codec, iteration.path[0])
        key, memory = self._key("compressor", place, iteration, UP), self._memories.get((*place, UP))
        parents = (moved, heard) if memory is None else (moved, heard, memory)
        body = self._promise(Answer(codec, moved, heard, key, memory), parents, (codec,), packed(key))
        return self._letter(codec, body, (*place, UP))

    def announce(
        self, codec: Compressor, place: Place, own: Ref, copy: Ref, iteration: IterationIndex
    ) -> Payload:
        """The broadcast of the node at `place`; the body is the copy its receivers then hold.

        It counts as delivered: downlinks repeat until they are heard.
        """
        codec = at_round(codec, iteration.path[0])
        if codec.lossless:
            return Payload(own, payload_bits(codec, self.dim), place)
        key, memory = self._key("compressor", place, iteration, DOWN), self._memories.get((*place, DOWN))
        parents = (own, copy) if memory is None else (own, copy, memory)
        body = self._promise(Announce(codec, own, copy, key, memory), parents, (codec,), packed(key))
        payload = self._letter(codec, body, (*place, DOWN))
        self.delivered(payload)
        return payload

    def delivered(self, payload: Payload) -> None:
        """The letter arrived: its sender's memory is now what the letter left behind."""
        if payload.leaves is not None:
            slot, memory = payload.leaves
            self._memories[slot] = memory

    def combine(
        self,
        rule: Rule,
        place: Place,
        onto: Ref,
        copy: Ref,
        answers: Sequence[Payload],
        weights: Sequence[float],
        iteration: IterationIndex,
    ) -> Ref:
        """`onto` merged with the answers to `copy`; weights are final. Without answers the model stays."""
        if not answers:
            return onto
        key = self._key("rule", place, iteration, UP)
        bodies = tuple(payload.body for payload in answers)
        memory = self._memories.get((*place, MERGE))
        guard = guard_of(self._finite, answers, iteration)
        op = Combine(rule, onto, copy, bodies, tuple(weights), key, memory, guard)
        numbers = struct.pack(f"<{len(weights)}d", *weights) + packed(key)
        parents = (onto, copy, *bodies) if memory is None else (onto, copy, *bodies, memory)
        model = self._promise(op, parents, (rule,), numbers)
        if rule_remembers(rule):
            self._memories[*place, MERGE] = self._after(model)
        for payload in answers:  # what they leave behind comes about while the combine reads them, not before
            for late in left_behind(payload):
                late.depth = max(late.depth, model.depth)
        return model

    def bits(self, payload: Payload) -> int:
        """Payload bits of a letter: by law, else those of the coded message, which forces its value.

        Raises ValuesNeededError where the size depends on values and the engine only keeps time.
        """
        if payload.law is not None:
            return payload.law
        body, ledger = payload.body, self._ledger
        known = ledger.bits(payload.name) if ledger is not None else None
        if known is not None:
            return known
        if body.bits is None:
            self._look("a coded message size").settle(body)
        if body.bits is None:
            raise ValueError("a compressor without a bits law must return bits from encode()")
        if ledger is not None:
            ledger.keep_bits(payload.name, body.bits)
        return body.bits

    def score(self, model: Ref) -> Mapping[str, float]:
        """Test metrics of a model: the ledger's, else computed; nan when the engine only keeps time.

        Where updates may be rejected, so is how many were on the way to this model: `rejected`.
        """
        known = None if self._ledger is None else self._ledger.metrics(model.digest)
        if known is not None:
            self.settle(model)
            return known
        if self._solver is None or self.replaying:
            self.unknown += 1
            if self._ledger is not None:
                raise ValuesNeededError("the ledger does not know this model, and nothing computes it here")
            names = METRICS if self._finite == "reject" else METRICS[:2]
            return dict.fromkeys(names, float("nan"))
        found = dict(self._solver.score(model))
        if self._finite == "reject":
            found["rejected"] = float(self._rejected + self._solver.rejected)
        if self._ledger is not None:
            self._ledger.keep_metrics(model.digest, found)
            self._ledger.flush()
        return found

    def measured(
        self, model: Ref, what: bytes, measure: Callable[[Tensor], Sequence[float]]
    ) -> Sequence[float]:
        """Numbers that `measure` finds in a model's values: the ledger's, else measured now and kept under `what`.

        Raises ValuesNeededError where the ledger lacks them and nothing computes values.
        """
        name = self._book.measure_name(model, what)
        known = None if self._ledger is None else self._ledger.measures(name)
        if known is not None:
            return known
        if self._solver is None or self.replaying:
            raise ValuesNeededError(
                "what is measured at a model needs its values, and nothing computes them here"
            )
        self.settle(model)
        assert model.value is not None
        found = tuple(measure(model.value))
        if self._ledger is not None:
            self._ledger.keep_measures(name, found)
            self._ledger.flush()
        return found

    def loss(self, model: Ref, look: Look) -> float:
        """Mean loss of a model over samples of a device; ValuesNeededError where the engine only keeps time."""
        name, ledger = self._book.loss_name(model, look), self._ledger
        known = ledger.metrics(name) if ledger is not None else None
        found = self._look("a choice by losses").loss(model, look) if known is None else known["loss"]
        if ledger is not None and known is None:
            ledger.keep_metrics(name, {"accuracy": float("nan"), "loss": found})
        return found

    def settle(self, model: Ref) -> None:
        """Compute a model now if values are computed at all; keeps the chain of promises short."""
        if self.replaying:  # what matters is in the cut
            forget(model)
        elif self._solver is not None and model.value is None:
            self._solver.settle(model)

    @property
    def replaying(self) -> bool:
        """Whether the run is still on its way to the cut it goes on from."""
        return self._cut is not None

    def cut(self, model: Ref, turn: int) -> Checkpoint:
        """All that is known now, after global round `turn`: a later run may go on from here."""
        rejected = self._rejected + (0 if self._solver is None else self._solver.rejected)
        return replace(cut_of(model, turn, list(self._made)), rejected=rejected)

    def reached(self, turn: int) -> None:
        """Told of the end of every global round; at the one of the cut, the replay is over."""
        if self._cut is not None and self._cut.turn == turn:
            self._cut = None

    def _letter(self, codec: Compressor, body: Ref, slot: Slot) -> Payload:
        law = payload_bits(codec, self.dim)
        name = b"" if law is not None else self._book.size_name(body, codec)
        if not remembers(codec):
            return Payload(body, law, slot[:2], name)
        return Payload(body, law, slot[:2], name, (slot, self._after(body)))

    def _after(self, message: Ref) -> Ref:
        memory = self._promise(Memory(message), (message,), (), b"")
        message.after = weakref.ref(memory)
        return memory

    def _look(self, wanted: str) -> Solver:
        if self.replaying:
            raise ValuesNeededError("the ledger lost a size or a loss it had")
        if self._solver is None:
            said = f"{wanted} depends on values, and the timing engine computes none: use --engine batched"
            raise ValuesNeededError(said + (", or code: fixed" if "coded" in wanted else ""))
        return self._solver

    def _key(self, stream: str, place: Place, iteration: IterationIndex, slot: int) -> int:
        level, ordinal = place
        path = iteration.path if level else (iteration.step,)
        return row_key(self._seed, stream, level, ordinal, slot + 2 * iteration.phase, *path)

    def _promise(self, op: Op, parents: Sequence[Ref], parts: Sequence[object], numbers: bytes) -> Ref:
        ref = self._book.promise(op, parents, parts, numbers, keep=self._solver is not None)
        if self._solver is None:
            return ref
        if not isinstance(op, Answer) and not (isinstance(op, Train) and op.keeps == "no"):
            self._made.add(ref)
        if self._cut is None:
            self._solver.promised(ref)
        else:
            adopt(ref, self._cut, self._solver.tensor)
        return ref
