"""Vectors without references are freed: a long run needs no more memory than a short one."""

from __future__ import annotations

import gc

import pytest

from learning.engine.lazy_vectors import LazyVector
from netsim.simulation.run import execute

from .runs import RECIPES, recipe


@pytest.mark.parametrize("name", RECIPES)
def test_the_number_of_stored_vectors_does_not_grow_with_rounds(name: str) -> None:
    def stored_vectors(rounds: int) -> int:
        run = execute(recipe(name, rounds=rounds, evaluate="{every: 100}"), device="cpu")
        gc.collect()
        count = sum(type(candidate) is LazyVector for candidate in gc.get_objects())
        assert len(run.engine._digests._part_digests) <= 12
        return count

    assert stored_vectors(7) <= stored_vectors(3)
