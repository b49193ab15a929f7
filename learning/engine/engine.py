"""The engine: promises vectors to the protocol, has them computed when somebody looks."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Protocol

from learning.algorithm import Leaf
from learning.coins import row_key
from learning.compressors import Compressor
from learning.engine.encoding import payload_bits
from learning.engine.promises import (
    Announce,
    Answer,
    Book,
    Combine,
    Letter,
    Place,
    Ref,
    Start,
    Train,
    Visit,
    packed,
)
from learning.ledger import Ledger
from learning.rules import Rule

UP, DOWN = 0, 1


class Solver(Protocol):
    """Computes promised vectors; the one thing in which engines differ."""

    def promised(self, ref: Ref) -> None:
        """Told of every new promise: an eager solver computes it at once, a late one notes it."""
        ...

    def settle(self, ref: Ref) -> None:
        """Give `ref` its value (and its bits, where they depend on values)."""
        ...

    def score(self, ref: Ref) -> Mapping[str, float]:
        """The model's test metrics: accuracy (nan where there is none) and loss."""
        ...


class ValuesNeededError(ValueError):
    """A message size depends on values, and this engine computes none."""


class Engine:
    """Promises vectors for one run.

    `root` names everything the values depend on besides the operations (task, numerics), `seed` keys
    every draw, `dim` is the number of parameters. Without a solver the engine only keeps time: it names
    every vector and knows every size that follows a law, and starts without torch.
    """

    def __init__(
        self, root: bytes, seed: int, dim: int, solver: Solver | None = None, ledger: Ledger | None = None
    ) -> None:
        self.dim = dim
        self.unknown = 0
        """Models whose metrics were asked for, and neither the ledger nor a solver had them."""
        self._ledger = ledger
        self._seed = seed
        self._book = Book(root + packed(seed))
        self._solver = solver

    def start(self) -> Ref:
        """The initial model, keyed by the seed."""
        return self._promise(Start(), (), (), b"")

    def train(self, leaf: Leaf, device: int, model: Ref, steps: int, visit: Visit) -> Ref:
        """`model` after `steps` local SGD steps at `device` (its leaf ordinal)."""
        op = Train(leaf, device, model, steps, visit.step)
        return self._promise(op, (model,), (leaf,), packed(device, steps, visit.step))

    def answer(self, codec: Compressor, place: Place, moved: Ref, heard: Ref, visit: Visit) -> Letter:
        """The upload of the node at `place`: how far `moved` is from what it `heard`, through `codec`."""
        key = self._key("compressor", place, visit, UP)
        body = self._promise(Answer(codec, moved, heard, key), (moved, heard), (codec,), packed(key))
        return Letter(body, payload_bits(codec, self.dim))

    def announce(self, codec: Compressor, place: Place, own: Ref, copy: Ref, visit: Visit) -> Letter:
        """The broadcast of the node at `place`; the body is the copy its receivers then hold."""
        if codec.lossless:
            return Letter(own, payload_bits(codec, self.dim))
        key = self._key("compressor", place, visit, DOWN)
        body = self._promise(Announce(codec, own, copy, key), (own, copy), (codec,), packed(key))
        return Letter(body, payload_bits(codec, self.dim))

    def combine(
        self,
        rule: Rule,
        place: Place,
        onto: Ref,
        copy: Ref,
        answers: Sequence[Letter],
        weights: Sequence[float],
        visit: Visit,
    ) -> Ref:
        """`onto` merged with the answers to `copy`; weights are final. Without answers the model stays."""
        if not answers:
            return onto
        key = self._key("rule", place, visit, UP)
        bodies = tuple(letter.body for letter in answers)
        op = Combine(rule, onto, copy, bodies, tuple(weights), key)
        numbers = struct.pack(f"<{len(weights)}d", *weights) + packed(key)
        return self._promise(op, (onto, copy, *bodies), (rule,), numbers)

    def bits(self, letter: Letter) -> int:
        """Payload bits of a letter: by law, else those of the coded message, which forces its value.

        Raises ValuesNeededError where the size depends on values and the engine only keeps time.
        """
        if letter.law is not None:
            return letter.law
        body, ledger = letter.body, self._ledger
        known = ledger.bits(body.digest) if ledger is not None else None
        if known is not None:
            return known
        if body.bits is None:
            self._look().settle(body)
        if body.bits is None:
            raise ValueError("a compressor without a bits law must return bits from encode()")
        if ledger is not None:
            ledger.keep_bits(body.digest, body.bits)
        return body.bits

    def score(self, model: Ref) -> Mapping[str, float]:
        """Test metrics of a model: the ledger's, else computed; nan for both when the engine only keeps time."""
        known = None if self._ledger is None else self._ledger.metrics(model.digest)
        if known is not None:
            self.settle(model)
            return known
        if self._solver is None:
            self.unknown += 1
            if self._ledger is not None:
                raise ValuesNeededError("the ledger does not know this model, and nothing computes it here")
            return {"accuracy": float("nan"), "loss": float("nan")}
        found = self._solver.score(model)
        if self._ledger is not None:
            self._ledger.keep_metrics(model.digest, found)
            self._ledger.flush()
        return found

    def settle(self, model: Ref) -> None:
        """Compute a model now if values are computed at all; keeps the chain of promises short."""
        if self._solver is not None and model.value is None:
            self._solver.settle(model)

    def _look(self) -> Solver:
        if self._solver is None:
            raise ValuesNeededError(
                "a coded message size depends on its values, and the timing engine computes none: "
                "use --engine batched, or code: fixed"
            )
        return self._solver

    def _key(self, stream: str, place: Place, visit: Visit, slot: int) -> int:
        level, ordinal = place
        path = visit.path if level else (visit.step,)
        return row_key(self._seed, stream, level, ordinal, slot, *path)

    def _promise(
        self,
        op: Start | Train | Answer | Announce | Combine,
        parents: Sequence[Ref],
        parts: Sequence[object],
        numbers: bytes,
    ) -> Ref:
        ref = self._book.promise(op, parents, parts, numbers, keep=self._solver is not None)
        if self._solver is not None:
            self._solver.promised(ref)
        return ref
