"""The order in which promises are kept: everything a target rests on, in waves of independent work."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from learning.engine.promises import Announce, Answer, Combine, Linear, Memory, Ref, Train


def waves(targets: Sequence[Ref], on_its_own: Callable[[Ref], bool]) -> Iterator[list[Ref]]:
    """Unsettled promises under `targets`, parents first; those of one wave do not rest on each other.

    Local work and answers are not listed: they are computed inside the combine that reads them and
    vanish. Answers for which `on_its_own` holds (and targets) are listed. A wave is let go of when the next
    one is asked for, so that memory does not grow with the iterations of a round.
    """
    ordered = _under(targets, on_its_own)
    while ordered:
        wave = [ordered.pop()]
        while ordered and ordered[-1].depth == wave[0].depth:
            wave.append(ordered.pop())
        yield wave


def _under(targets: Sequence[Ref], on_its_own: Callable[[Ref], bool]) -> list[Ref]:
    """All of them, the deepest first."""
    found: dict[int, Ref] = {}
    todo = [ref for ref in targets if ref.value is None]
    while todo:
        ref = todo.pop()
        if id(ref) in found:
            continue
        found[id(ref)] = ref
        todo += [parent for parent in _models_under(ref, on_its_own) if parent.value is None]
    return sorted(found.values(), key=lambda ref: ref.depth, reverse=True)


def _models_under(ref: Ref, on_its_own: Callable[[Ref], bool]) -> Iterator[Ref]:
    match ref.op:
        case Combine():
            yield ref.op.onto
            yield ref.op.copy
            if ref.op.memory is not None:
                yield ref.op.memory
            for answer in ref.op.answers:
                if answer.value is not None:
                    continue
                if on_its_own(answer) or not isinstance(answer.op, Answer):
                    yield answer
                else:
                    yield from _models_under(answer, on_its_own)
        case Answer():
            yield ref.op.heard
            if isinstance(ref.op.moved.op, Train):
                yield from _models_under(ref.op.moved, on_its_own)
            else:
                yield ref.op.moved
            if ref.op.memory is not None:
                yield ref.op.memory
        case Announce():
            yield ref.op.own
            yield ref.op.copy
            if ref.op.memory is not None:
                yield ref.op.memory
        case Memory(message):
            if isinstance(message.op, Answer) and not on_its_own(message):
                yield from _models_under(message, on_its_own)
            else:
                yield message
        case Train():
            yield ref.op.model
            if ref.op.shift is not None:
                yield ref.op.shift
        case Linear(terms):
            yield from (term for _, term in terms)
