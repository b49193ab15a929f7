"""A run goes on from a cut: its timeline is replayed from the start, cheaply, for names alone.

Promises whose names are in the cut get their values from it; what was promised before the cut and is not in
it, nobody will look at again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from learning.engine.promises import Announce, Answer, Combine, Linear, Memory, Ref, Train
from learning.store.checkpoints import Checkpoint

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor


def cut_of(model: Ref, turn: int, alive: Iterable[Ref]) -> Checkpoint:
    """All settled vectors in `alive`, after global round `turn`, which ended in `model`."""
    rows, tallies = {}, {}
    for ref in alive:
        if ref.value is not None:
            rows[ref.digest] = ref.value.detach().cpu().numpy()
        if ref.tally is not None:
            tallies[ref.digest] = ref.tally.detach().cpu().numpy()
    return Checkpoint(model.digest, turn, rows, tallies)


def adopt(ref: Ref, cut: Checkpoint, tensor: Callable[[NDArray[np.floating]], Tensor]) -> None:
    """Give `ref` its value if the cut has it."""
    if ref.digest in cut.rows:
        ref.tally = tensor(cut.tallies[ref.digest]) if ref.digest in cut.tallies else None
        ref.settle(tensor(cut.rows[ref.digest]))


def forget(model: Ref) -> None:
    """Let go of every promise under a model that will not be looked at, so that a replay stays small."""
    todo = [model]
    while todo:
        ref = todo.pop()
        if ref.value is None and ref.op is not None:
            todo += parents_of(ref)
            ref.op = None


def parents_of(ref: Ref) -> Iterator[Ref]:
    """What a promise rests on, and the memory it leaves."""
    match ref.op:
        case Combine(_, onto, copy, answers, _, _, memory):
            yield from (onto, copy, *answers)
            yield from (() if memory is None else (memory,))
        case Answer(_, moved, heard, _, memory):
            yield from (moved, heard)
            yield from (() if memory is None else (memory,))
        case Announce(_, own, copy, _, memory):
            yield from (own, copy)
            yield from (() if memory is None else (memory,))
        case Train():
            yield ref.op.model
            yield from (() if ref.op.shift is None else (ref.op.shift,))
        case Linear(terms):
            yield from (term for _, term in terms)
        case Memory():
            yield ref.op.message
    after = None if ref.after is None else ref.after()
    if after is not None:
        yield after
