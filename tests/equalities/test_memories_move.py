"""A sender's memory moves when its message arrives, and only then."""

from __future__ import annotations

import pytest

from learning.compressors import ErrorFeedback, TopK
from learning.engine import Engine, Visit

CODEC = ErrorFeedback(TopK(0.1))


@pytest.mark.parametrize("arrives", [True, False])
def test_a_lost_message_leaves_no_memory(arrives: bool) -> None:
    engine = Engine(b"", 1, 10)
    first, second = engine.start(), engine.linear([(2.0, engine.start())])
    letter = engine.answer(CODEC, (1, 0), second, first, Visit((0,), 0))
    if arrives:
        engine.delivered(letter)
    again = engine.answer(CODEC, (1, 0), second, first, Visit((1,), 0)).body.digest
    fresh = Engine(b"", 1, 10)
    alone = fresh.answer(CODEC, (1, 0), second, first, Visit((1,), 0)).body.digest
    assert (again == alone) is not arrives


def test_a_broadcast_moves_it_at_once_for_downlinks_repeat_until_heard() -> None:
    engine = Engine(b"", 1, 10)
    own, copy = engine.linear([(2.0, engine.start())]), engine.start()
    engine.announce(CODEC, (1, 0), own, copy, Visit((0,), 0))
    again = engine.announce(CODEC, (1, 0), own, copy, Visit((1,), 0)).body.digest
    fresh = Engine(b"", 1, 10)
    assert again != fresh.announce(CODEC, (1, 0), own, copy, Visit((1,), 0)).body.digest
