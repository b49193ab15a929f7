"""Every rule of the table: streaming in any chunks gives the same bits; each is checked against plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from learning.aggregation.rules import RULES, Mean, Median, TrimmedMean, Vote
from learning.aggregation.server_optimizers import FedOpt
from learning.rng.keyed import KeyedRandom, row_key

EXAMPLES = {
    "mean": [Mean(), Mean("samples")],
    "vote": [
        Vote(0.01), Vote(0.5, ties="zero"), Vote(0.5, weights="samples"), Vote(0.5, "zero", "devices"),
        Vote(0.5, abstain=True), Vote(0.5, "random", "samples", abstain=True), Vote(0.5, "zero", None, abstain=True),
    ],
    "trimmed_mean": [TrimmedMean(0.0), TrimmedMean(0.1), TrimmedMean(0.3), TrimmedMean(0.49)],
    "median": [Median()],
    "fedopt": [FedOpt(rate=0.5), FedOpt("adam", 0.1), FedOpt("yogi", 0.1)],
}  # fmt: skip
EVERY = [rule for name in RULES for rule in EXAMPLES[name]]
OPEN = [rule for rule in EVERY if isinstance(rule, Mean | Vote) or rule == TrimmedMean(0.0)]
ROBUST = [TrimmedMean(0.13), TrimmedMean(0.3), TrimmedMean(0.49), Median()]
COINS = KeyedRandom(np.array([row_key(3, "rule", 0)], np.uint64))
WEIGHTS = [0.05, 0.2, 0.1, 0.15, 0.1, 0.2, 0.05, 0.1]


def updates(dtype=torch.float32):
    numbers = torch.Generator().manual_seed(2)
    return torch.where(torch.rand(8, 101, generator=numbers) < 0.5, -1.0, 1.0).to(dtype)


def merge(rule, rows, weights, onto, chunk=3, rng=COINS):
    state = rule.begin(onto)
    for at in range(0, len(rows), chunk):
        rule.add(state, rows[at : at + chunk], weights[at : at + chunk])
    return rule.end(state, onto, rng)


@pytest.fixture
def onto():
    return torch.randn(101, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("rule", EVERY, ids=repr)
def test_any_chunking_gives_the_same_bits(rule, onto):
    rows = updates() if isinstance(rule, Vote) else torch.randn(8, 101)
    whole = merge(rule, rows, WEIGHTS, onto, chunk=8)
    assert all(torch.equal(whole, merge(rule, rows, WEIGHTS, onto, chunk)) for chunk in (1, 2, 3, 7))


@pytest.mark.parametrize("rule", EVERY, ids=repr)
def test_the_model_and_the_rows_merged_into_it_stay_untouched(rule, onto):
    rows, before, model = updates(), updates(), onto.clone()
    assert not torch.equal(merge(rule, rows, WEIGHTS, onto), onto)
    assert torch.equal(rows, before)
    assert torch.equal(onto, model)


@pytest.mark.parametrize("rule", EVERY, ids=repr)
@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_an_affine_rule_adds_the_weighted_sum_and_never_renormalises(rule, scale, onto):
    rows, weights = updates(torch.float64), [scale * weight for weight in WEIGHTS]
    merged = merge(rule, rows, weights, onto.double())
    assert {type(part) for part in EVERY} == set(RULES.values())
    expected = onto.double().numpy() + np.array(weights) @ rows.numpy()
    assert np.allclose(merged, expected, rtol=0, atol=1e-14) == rule.affine


def test_a_mean_refuses_weights_that_do_not_match_its_rows(onto):
    with pytest.raises(ValueError, match="zip"):
        Mean().add(Mean().begin(onto), updates(), WEIGHTS[:-1])


def test_a_vote_moves_by_one_step_towards_the_majority(onto):
    rows = updates(torch.float64)[:7]
    expected = onto.double().numpy() + 0.25 * np.sign(rows.numpy().sum(0))
    assert np.array_equal(merge(Vote(0.25), rows, WEIGHTS[:7], onto.double()), expected)


def test_a_vote_ignores_weights(onto):
    assert torch.equal(
        merge(Vote(0.1), updates(), WEIGHTS, onto), merge(Vote(0.1), updates(), [9.0] * 8, onto)
    )


def test_ties_are_tossed_by_a_fair_coin_of_the_row_key():
    rows = torch.stack([torch.ones(20_000), -torch.ones(20_000)])
    votes = merge(Vote(1.0), rows, [1, 1], torch.zeros(20_000))
    assert set(votes.tolist()) == {-1.0, 1.0}
    assert abs(votes.mean().item()) < 4 / np.sqrt(20_000)
    other = KeyedRandom(np.array([row_key(3, "rule", 1)], np.uint64))
    assert torch.equal(votes, merge(Vote(1.0), rows, [1, 1], torch.zeros(20_000)))
    assert not torch.equal(votes, merge(Vote(1.0), rows, [1, 1], torch.zeros(20_000), rng=other))


def test_ties_may_be_told_to_stay(onto):
    rows = torch.stack([torch.ones(101), -torch.ones(101)])
    assert torch.equal(merge(Vote(1.0, ties="zero"), rows, [1, 1], onto), onto)


def test_a_weighed_vote_is_the_sign_of_the_weighed_sum(onto):
    rows, weights = updates(torch.float64), [0.31, 0.203, 0.107, 0.149, 0.1013, 0.0197, 0.0551, 0.0549]
    expected = onto.double().numpy() + 0.25 * np.sign(np.array(weights) @ rows.numpy())
    assert np.array_equal(merge(Vote(0.25, weights="samples"), rows, weights, onto.double()), expected)
    assert not np.array_equal(merge(Vote(0.25), rows, weights, onto.double()), expected)


def test_a_weighed_tie_is_a_tie_in_spite_of_rounding():
    rows = torch.tensor([[1.0], [1.0], [-1.0]], dtype=torch.float64).repeat(1, 50)
    still, weights = torch.zeros(50, dtype=torch.float64), [0.1, 0.2, 0.3]
    assert 0.1 + 0.2 - 0.3 != 0
    assert torch.equal(merge(Vote(1.0, "zero", "devices"), rows, weights, still), still)
    assert set(merge(Vote(1.0, weights="devices"), rows, weights, still).tolist()) == {-1.0, 1.0}


@pytest.mark.parametrize("weights", [None, "devices"])
def test_who_sends_no_sign_has_no_vote(weights):
    """Columns: one votes, two agree against none, a tie, silence."""
    rows = torch.tensor([[1.0, -1, 1, 0], [0, -1, -1, 0], [0, 0, 0, 0]]).repeat(1, 50)
    votes = merge(Vote(1.0, "random", weights, abstain=True), rows, [1 / 3] * 3, torch.zeros(200)).view(50, 4)
    assert votes[:, 0].tolist() == [1.0] * 50
    assert votes[:, 1].tolist() == [-1.0] * 50
    assert set(votes[:, 2].tolist()) == {-1.0, 1.0}
    assert votes[:, 3].tolist() == [0.0] * 50


@pytest.mark.parametrize("ties", ["random", "zero"])
def test_where_nobody_abstains_the_right_to_it_changes_nothing(ties, onto):
    rows = updates()
    assert torch.equal(
        merge(Vote(0.1, ties, abstain=True), rows, WEIGHTS, onto), merge(Vote(0.1, ties), rows, WEIGHTS, onto)
    )


def test_one_vote_in_three_million_still_decides():
    state = Vote(1.0).begin(torch.zeros(2))
    state += torch.tensor([0.0, -3e6])
    Vote(1.0).add(state, torch.ones(1, 2), [1.0])
    assert Vote(1.0, "zero").end(state, torch.zeros(2), COINS).tolist() == [1.0, -1.0]


@pytest.mark.parametrize("count", [1, 2, 3, 8, 9, 30])
@pytest.mark.parametrize("trim", [0.0, 0.1, 0.25, 0.4])
def test_a_trimmed_mean_is_scipy_s(count, trim, onto):
    rows = torch.randn(count, 101, dtype=torch.float64, generator=torch.Generator().manual_seed(count))
    expected = onto.double().numpy() + stats.trim_mean(rows.numpy(), trim, axis=0)
    assert np.allclose(merge(TrimmedMean(trim), rows, [1.0] * count, onto.double()), expected, rtol=1e-13)


@pytest.mark.parametrize("count", [1, 2, 3, 8, 9])
def test_a_median_is_numpy_s(count, onto):
    rows = torch.randn(count, 101, dtype=torch.float64, generator=torch.Generator().manual_seed(count))
    expected = onto.double().numpy() + np.median(rows.numpy(), axis=0)
    assert np.allclose(merge(Median(), rows, [1.0] * count, onto.double()), expected, rtol=1e-13)


def test_a_median_of_many_coordinates_is_sorted_block_by_block():
    rows = torch.randn(5, 2 * 65_536 + 7, generator=torch.Generator().manual_seed(3))
    assert torch.equal(merge(Median(), rows, [1.0] * 5, torch.zeros(2 * 65_536 + 7)), rows.median(0).values)


@pytest.mark.parametrize("rule", ROBUST, ids=repr)
@pytest.mark.parametrize("poison", [torch.nan, torch.inf, -torch.inf, 1e30])
def test_a_minority_that_says_anything_moves_a_robust_rule_no_further_than_the_others_go(rule, poison, onto):
    rows = torch.randn(8, 101, generator=torch.Generator().manual_seed(4))
    bad = 1 if rule.__class__ is TrimmedMean and rule.trim < 0.2 else 2
    rows[:bad] = poison
    moved = merge(rule, rows, WEIGHTS, torch.zeros(101))
    assert (moved <= rows[bad:].amax(0)).all()
    assert (moved >= rows[bad:].amin(0)).all()


def test_a_poisoned_majority_shows():
    rows = torch.ones(8, 3)
    rows[:5] = torch.nan
    assert merge(Median(), rows, WEIGHTS, torch.zeros(3)).isnan().all()


def test_rows_kept_by_a_robust_rule_are_copies():
    rows, rule = torch.ones(1, 4), Median()
    state = rule.begin(torch.zeros(4))
    rule.add(state, rows, [1.0])
    rows.fill_(7.0)  # the engine's workspace is used again
    assert rule.end(state, torch.zeros(4), COINS).tolist() == [1.0] * 4


@pytest.mark.parametrize("rule", OPEN, ids=repr)
def test_a_poisoned_row_shows_in_the_model(rule, onto):
    rows = updates()
    rows[4, 17] = torch.nan
    assert merge(rule, rows, WEIGHTS, onto).isnan().nonzero().tolist() == [[17]]


@pytest.mark.parametrize(
    ("part", "arguments", "value"),
    [
        (Mean, {"weights": "uniform"}, "uniform"),
        (Vote, {"step": 0.0}, "0.0"),
        (Vote, {"step": 1, "ties": "up"}, "up"),
        (Vote, {"step": 1, "weights": "one"}, "one"),
        (TrimmedMean, {"trim": 0.5}, "0.5"),
        (TrimmedMean, {"trim": -0.1}, "-0.1"),
    ],
)
def test_a_wrong_argument_is_refused_by_value(part, arguments, value):
    with pytest.raises(ValueError, match=f"got .*{value}.*; "):
        part(**arguments)
