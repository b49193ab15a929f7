"""Minibatches are drawn a few steps at a time: the same ones, in memory that does not grow with tau."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray

from learning.algorithms.algorithm import Leaf
from learning.engine import minibatches as room
from learning.engine.promises import Ref, Train

SAMPLES = [17, 300, 5]


def jobs(steps: int) -> list[Train]:
    return [Train(Leaf(0.1, 4), device, Ref(b"", 0, None), steps, 7) for device in range(3)]


def drawn(steps: int) -> NDArray[np.int64]:
    return np.concatenate(list(room.minibatches(5, jobs(steps), SAMPLES)), axis=1)


@pytest.mark.parametrize("at_once", [1, 12, 30, 10**9])
def test_how_many_are_drawn_at_once_changes_no_position(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = drawn(50)
    monkeypatch.setattr(room, "AT_ONCE", at_once)
    assert np.array_equal(drawn(50), usual)
    assert usual.shape == (3, 50, 4)
    assert (usual < np.array(SAMPLES)[:, None, None]).all()


def test_memory_does_not_grow_with_the_number_of_local_steps() -> None:
    tracemalloc.start()
    try:
        sizes = [block.shape[1] for block in room.minibatches(5, jobs(40_000), SAMPLES)]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sum(sizes) == 40_000
    assert max(sizes) * 3 * 4 <= room.AT_ONCE
    assert peak < 8 * 2**20  # all positions at once are 4 MB, and what they are made from is eight times that
