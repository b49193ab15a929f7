"""Every rule of the table: streaming in any chunks gives the same bits; each is checked against plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from learning.coins import Coins, row_key
from learning.rules import RULES, Mean, Vote

EXAMPLES = {"mean": [Mean(), Mean("samples")], "vote": [Vote(0.01), Vote(0.5, ties="zero")]}
EVERY = [rule for name, part in RULES.items() for rule in EXAMPLES.get(name) or [part()]]
COINS = Coins(np.array([row_key(3, "rule", 0)], np.uint64))
WEIGHTS = [0.05, 0.2, 0.1, 0.15, 0.1, 0.2, 0.05, 0.1]


def updates(dtype=torch.float32):
    numbers = torch.Generator().manual_seed(2)
    return torch.where(torch.rand(8, 101, generator=numbers) < 0.5, -1.0, 1.0).to(dtype)


def merge(rule, rows, weights, onto, chunk=3, coins=COINS):
    state = rule.begin(onto)
    for at in range(0, len(rows), chunk):
        rule.add(state, rows[at : at + chunk], weights[at : at + chunk])
    return rule.end(state, onto, coins)


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
    other = Coins(np.array([row_key(3, "rule", 1)], np.uint64))
    assert torch.equal(votes, merge(Vote(1.0), rows, [1, 1], torch.zeros(20_000)))
    assert not torch.equal(votes, merge(Vote(1.0), rows, [1, 1], torch.zeros(20_000), coins=other))


def test_ties_may_be_told_to_stay(onto):
    rows = torch.stack([torch.ones(101), -torch.ones(101)])
    assert torch.equal(merge(Vote(1.0, ties="zero"), rows, [1, 1], onto), onto)


@pytest.mark.parametrize("rule", EVERY, ids=repr)
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
    ],
)
def test_a_wrong_argument_is_refused_by_value(part, arguments, value):
    with pytest.raises(ValueError, match=f"got .*{value}.*; "):
        part(**arguments)
