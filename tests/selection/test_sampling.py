"""Samples: sizes, inclusion probabilities against counts of many draws, and who depends on whose draws."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chisquare

from netsim.rng import generator
from netsim.selection.sampling import inclusion, independent, size, smallest, systematic

DRAWS = 4000


def test_a_size_is_a_count_or_a_fraction_rounded_up_and_at_most_all() -> None:
    assert [size(f, None, 10) for f in (0.01, 0.1, 0.25, 0.3, 1.0)] == [1, 1, 3, 3, 10]
    assert [size(None, c, 10) for c in (1, 10, 13)] == [1, 10, 10]


def test_probabilities_are_proportional_where_nobody_would_exceed_one() -> None:
    assert inclusion(np.array([1.0, 2.0, 5.0]), 1.0).tolist() == pytest.approx([1 / 8, 2 / 8, 5 / 8])


def test_whoever_would_exceed_one_is_certain_and_the_rest_share_what_is_left() -> None:
    found = inclusion(np.array([1.0, 1.0, 2.0, 96.0]), 2.0)
    assert found.tolist() == pytest.approx([1 / 4, 1 / 4, 1 / 2, 1.0])


@pytest.mark.parametrize("mean_size", [0.5, 1.0, 3.0, 6.0])
def test_probabilities_add_up_to_the_size(mean_size: float) -> None:
    found = inclusion(np.array([1.0, 3.0, 3.0, 10.0, 200.0, 4000.0]), mean_size)
    assert found.sum() == pytest.approx(mean_size)
    assert found.max() <= 1.0


def counted(draw: Callable[[NDArray[np.float64], float], NDArray[np.bool_]], among: int) -> NDArray[np.int64]:
    """How often each of `among` was in, over many draws."""
    source = generator(3, "selection")
    rows = [draw(source.random(among), float(source.random())) for _ in range(DRAWS)]
    return np.sum(rows, axis=0)


MASSES = np.array([1.0, 2.0, 3.0, 4.0, 6.0, 8.0])
CHANCES = inclusion(MASSES, 3.0)


def test_oracle_systematic_samples_have_their_size_and_their_inclusion_probabilities() -> None:
    assert CHANCES.max() == 1.0  # one is certain
    seen = counted(lambda drawn, start: systematic(CHANCES, drawn, start), 6)
    assert seen.sum() == 3 * DRAWS
    assert chisquare(seen[:5], CHANCES[:5] * DRAWS).pvalue > 0.01
    assert seen[5] == DRAWS


def test_oracle_independent_samples_have_their_inclusion_probabilities_and_a_binomial_variance() -> None:
    chances = np.full(5, 0.3)
    source = generator(3, "selection")
    sizes = [int(independent(chances, source.random(5)).sum()) for _ in range(DRAWS)]
    assert np.mean(sizes) == pytest.approx(1.5, abs=0.06)
    assert np.var(sizes) == pytest.approx(5 * 0.3 * 0.7, rel=0.1)


def test_oracle_simple_samples_are_equally_likely() -> None:
    seen = counted(lambda drawn, _: smallest(2, drawn), 6)
    assert seen.sum() == 2 * DRAWS
    assert chisquare(seen).pvalue > 0.01


def test_a_newcomer_changes_a_simple_sample_by_itself_alone() -> None:
    drawn = generator(3, "selection").random(8)
    before, after = smallest(3, drawn[:7])[:7], smallest(3, drawn)
    assert not (after[:7] & ~before).any()


def test_any_two_may_be_in_a_systematic_sample_together() -> None:
    source = generator(3, "selection")
    rows = [systematic(np.full(4, 0.5), source.random(4), float(source.random())) for _ in range(300)]
    assert len({tuple(row.tolist()) for row in rows}) == 6
