"""What nobody holds any more is gone: a long run needs no more memory than a short one."""

from __future__ import annotations

import gc

import pytest

from learning.engine.lazy_vectors import LazyVector
from netsim.simulation.run import execute

from .runs import RECIPES, recipe


@pytest.mark.parametrize("name", RECIPES)
def test_refs_do_not_pile_up_over_rounds(name: str) -> None:
    def alive(rounds: int) -> int:
        run = execute(recipe(name, rounds=rounds, evaluate="{every: 100}"), device="cpu")
        gc.collect()
        held = sum(type(thing) is LazyVector for thing in gc.get_objects())
        assert len(run.engine._digests._part_digests) <= 12
        return held

    assert alive(7) <= alive(3)
