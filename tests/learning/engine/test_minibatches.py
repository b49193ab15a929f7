"""Minibatches are drawn a few steps at a time: the chunk size changes no position, and memory does not grow with tau."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from numpy.typing import NDArray

from learning.algorithms.layer import Leaf
from learning.engine import minibatches
from learning.engine.lazy_vectors import LazyVector, Train

SAMPLES = [17, 300, 5]


def jobs(steps: int) -> list[Train]:
    return [Train(Leaf(0.1, 4), device, LazyVector(b"", 0, None), steps, 7) for device in range(3)]


def draw(steps: int) -> NDArray[np.int64]:
    return np.concatenate(list(minibatches.draw_minibatches(5, jobs(steps), SAMPLES)), axis=1)


@pytest.mark.parametrize("chunk", [1, 12, 30, 10**9])
def test_the_chunk_size_changes_no_position(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = draw(50)
    monkeypatch.setattr(minibatches, "POSITIONS_PER_DRAW", chunk)
    assert np.array_equal(draw(50), expected)
    assert expected.shape == (3, 50, 4)
    assert (expected < np.array(SAMPLES)[:, None, None]).all()


def test_memory_does_not_grow_with_the_number_of_local_steps() -> None:
    tracemalloc.start()
    try:
        sizes = [block.shape[1] for block in minibatches.draw_minibatches(5, jobs(40_000), SAMPLES)]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sum(sizes) == 40_000
    assert max(sizes) * 3 * 4 <= minibatches.POSITIONS_PER_DRAW
    assert peak < 8 * 2**20  # all positions at once take 4 MB, and the temporary arrays eight times that
