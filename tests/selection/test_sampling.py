"""Sampling: sizes, inclusion probabilities against counts of many draws, and the keys of the draws."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import chisquare

from netsim.rng import generator
from netsim.selection.sampling import (
    inclusion_probabilities,
    poisson_sample,
    sample_size,
    simple_random_sample,
    systematic_sample,
)

DRAWS = 4000


def test_the_sample_size_is_a_count_or_a_fraction_rounded_up_and_at_most_all() -> None:
    assert [sample_size(f, None, 10) for f in (0.01, 0.1, 0.25, 0.3, 1.0)] == [1, 1, 3, 3, 10]
    assert [sample_size(None, c, 10) for c in (1, 10, 13)] == [1, 10, 10]


def test_probabilities_are_proportional_if_none_would_exceed_one() -> None:
    assert inclusion_probabilities(np.array([1.0, 2.0, 5.0]), 1.0).tolist() == pytest.approx(
        [1 / 8, 2 / 8, 5 / 8]
    )


def test_candidates_that_would_exceed_one_are_certain_and_the_others_share_the_rest() -> None:
    probabilities = inclusion_probabilities(np.array([1.0, 1.0, 2.0, 96.0]), 2.0)
    assert probabilities.tolist() == pytest.approx([1 / 4, 1 / 4, 1 / 2, 1.0])


@pytest.mark.parametrize("mean_size", [0.5, 1.0, 3.0, 6.0])
def test_probabilities_add_up_to_the_size(mean_size: float) -> None:
    probabilities = inclusion_probabilities(np.array([1.0, 3.0, 3.0, 10.0, 200.0, 4000.0]), mean_size)
    assert probabilities.sum() == pytest.approx(mean_size)
    assert probabilities.max() <= 1.0


def selection_counts(
    draw: Callable[[NDArray[np.float64], float], NDArray[np.bool_]], among: int
) -> NDArray[np.int64]:
    """How often each of `among` candidates was selected, over many draws."""
    source = generator(3, "selection")
    rows = [draw(source.random(among), float(source.random())) for _ in range(DRAWS)]
    return np.sum(rows, axis=0)


SIZES = np.array([1.0, 2.0, 3.0, 4.0, 6.0, 8.0])
PROBABILITIES = inclusion_probabilities(SIZES, 3.0)


def test_oracle_systematic_samples_have_their_size_and_their_inclusion_probabilities() -> None:
    assert PROBABILITIES.max() == 1.0  # one is certain
    counts = selection_counts(lambda drawn, start: systematic_sample(PROBABILITIES, drawn, start), 6)
    assert counts.sum() == 3 * DRAWS
    assert chisquare(counts[:5], PROBABILITIES[:5] * DRAWS).pvalue > 0.01
    assert counts[5] == DRAWS


def test_oracle_poisson_samples_have_their_inclusion_probabilities_and_a_binomial_variance() -> None:
    probabilities = np.full(5, 0.3)
    source = generator(3, "selection")
    sizes = [int(poisson_sample(probabilities, source.random(5)).sum()) for _ in range(DRAWS)]
    assert np.mean(sizes) == pytest.approx(1.5, abs=0.06)
    assert np.var(sizes) == pytest.approx(5 * 0.3 * 0.7, rel=0.1)


def test_oracle_simple_samples_are_equally_likely() -> None:
    counts = selection_counts(lambda drawn, _: simple_random_sample(2, drawn), 6)
    assert counts.sum() == 2 * DRAWS
    assert chisquare(counts).pvalue > 0.01


def test_an_additional_candidate_changes_a_simple_sample_by_itself_only() -> None:
    drawn = generator(3, "selection").random(8)
    before, after = simple_random_sample(3, drawn[:7])[:7], simple_random_sample(3, drawn)
    assert not (after[:7] & ~before).any()


def test_any_pair_can_be_in_a_systematic_sample() -> None:
    source = generator(3, "selection")
    rows = [systematic_sample(np.full(4, 0.5), source.random(4), float(source.random())) for _ in range(300)]
    assert len({tuple(row.tolist()) for row in rows}) == 6
