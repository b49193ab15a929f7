"""Every aggregation rule gives the same bits for any chunking, and agrees with NumPy and SciPy."""

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
NOT_ROBUST = [rule for rule in EVERY if isinstance(rule, Mean | Vote) or rule == TrimmedMean(0.0)]
ROBUST = [TrimmedMean(0.13), TrimmedMean(0.3), TrimmedMean(0.49), Median()]
RNG = KeyedRandom(np.array([row_key(3, "rule", 0)], np.uint64))
WEIGHTS = [0.05, 0.2, 0.1, 0.15, 0.1, 0.2, 0.05, 0.1]


def updates(dtype=torch.float32):
    numbers = torch.Generator().manual_seed(2)
    return torch.where(torch.rand(8, 101, generator=numbers) < 0.5, -1.0, 1.0).to(dtype)


def aggregate(rule, rows, weights, model, chunk=3, rng=RNG):
    state = rule.begin(model)
    for at in range(0, len(rows), chunk):
        rule.add(state, rows[at : at + chunk], weights[at : at + chunk])
    return rule.end(state, model, rng)


@pytest.fixture
def model():
    return torch.randn(101, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("rule", EVERY, ids=repr)
def test_any_chunking_gives_the_same_bits(rule, model):
    rows = updates() if isinstance(rule, Vote) else torch.randn(8, 101)
    expected = aggregate(rule, rows, WEIGHTS, model, chunk=8)
    assert all(torch.equal(expected, aggregate(rule, rows, WEIGHTS, model, chunk)) for chunk in (1, 2, 3, 7))


@pytest.mark.parametrize("rule", EVERY, ids=repr)
def test_a_rule_changes_neither_the_model_nor_the_rows(rule, model):
    rows, before, start = updates(), updates(), model.clone()
    assert not torch.equal(aggregate(rule, rows, WEIGHTS, model), model)
    assert torch.equal(rows, before)
    assert torch.equal(model, start)


@pytest.mark.parametrize("rule", EVERY, ids=repr)
@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0])
def test_an_affine_rule_adds_the_weighted_sum_and_never_renormalises(rule, scale, model):
    rows, weights = updates(torch.float64), [scale * weight for weight in WEIGHTS]
    result = aggregate(rule, rows, weights, model.double())
    assert {type(part) for part in EVERY} == set(RULES.values())
    expected = model.double().numpy() + np.array(weights) @ rows.numpy()
    assert np.allclose(result, expected, rtol=0, atol=1e-14) == rule.affine


def test_a_mean_rejects_weights_that_do_not_match_its_rows(model):
    with pytest.raises(ValueError, match="zip"):
        Mean().add(Mean().begin(model), updates(), WEIGHTS[:-1])


def test_a_vote_moves_by_one_step_towards_the_majority(model):
    rows = updates(torch.float64)[:7]
    expected = model.double().numpy() + 0.25 * np.sign(rows.numpy().sum(0))
    assert np.array_equal(aggregate(Vote(0.25), rows, WEIGHTS[:7], model.double()), expected)


def test_a_vote_ignores_weights(model):
    assert torch.equal(
        aggregate(Vote(0.1), updates(), WEIGHTS, model), aggregate(Vote(0.1), updates(), [9.0] * 8, model)
    )


def test_ties_are_decided_by_a_fair_coin_keyed_by_the_row():
    rows = torch.stack([torch.ones(20_000), -torch.ones(20_000)])
    votes = aggregate(Vote(1.0), rows, [1, 1], torch.zeros(20_000))
    assert set(votes.tolist()) == {-1.0, 1.0}
    assert abs(votes.mean().item()) < 4 / np.sqrt(20_000)
    other = KeyedRandom(np.array([row_key(3, "rule", 1)], np.uint64))
    assert torch.equal(votes, aggregate(Vote(1.0), rows, [1, 1], torch.zeros(20_000)))
    assert not torch.equal(votes, aggregate(Vote(1.0), rows, [1, 1], torch.zeros(20_000), rng=other))


def test_ties_zero_gives_no_step(model):
    rows = torch.stack([torch.ones(101), -torch.ones(101)])
    assert torch.equal(aggregate(Vote(1.0, ties="zero"), rows, [1, 1], model), model)


def test_a_weighted_vote_is_the_sign_of_the_weighted_sum(model):
    rows, weights = updates(torch.float64), [0.31, 0.203, 0.107, 0.149, 0.1013, 0.0197, 0.0551, 0.0549]
    expected = model.double().numpy() + 0.25 * np.sign(np.array(weights) @ rows.numpy())
    assert np.array_equal(aggregate(Vote(0.25, weights="samples"), rows, weights, model.double()), expected)
    assert not np.array_equal(aggregate(Vote(0.25), rows, weights, model.double()), expected)


def test_a_weighted_tie_is_a_tie_in_spite_of_rounding():
    rows = torch.tensor([[1.0], [1.0], [-1.0]], dtype=torch.float64).repeat(1, 50)
    zeros, weights = torch.zeros(50, dtype=torch.float64), [0.1, 0.2, 0.3]
    assert 0.1 + 0.2 - 0.3 != 0
    assert torch.equal(aggregate(Vote(1.0, "zero", "devices"), rows, weights, zeros), zeros)
    assert set(aggregate(Vote(1.0, weights="devices"), rows, weights, zeros).tolist()) == {-1.0, 1.0}


@pytest.mark.parametrize("weights", [None, "devices"])
def test_a_zero_is_not_a_vote(weights):
    """Columns: one vote, two equal votes, a tie, no votes."""
    rows = torch.tensor([[1.0, -1, 1, 0], [0, -1, -1, 0], [0, 0, 0, 0]]).repeat(1, 50)
    votes = aggregate(Vote(1.0, "random", weights, abstain=True), rows, [1 / 3] * 3, torch.zeros(200)).view(
        50, 4
    )
    assert votes[:, 0].tolist() == [1.0] * 50
    assert votes[:, 1].tolist() == [-1.0] * 50
    assert set(votes[:, 2].tolist()) == {-1.0, 1.0}
    assert votes[:, 3].tolist() == [0.0] * 50


@pytest.mark.parametrize("ties", ["random", "zero"])
def test_abstain_changes_nothing_where_every_device_votes(ties, model):
    rows = updates()
    assert torch.equal(
        aggregate(Vote(0.1, ties, abstain=True), rows, WEIGHTS, model),
        aggregate(Vote(0.1, ties), rows, WEIGHTS, model),
    )


def test_one_vote_in_three_million_still_decides():
    state = Vote(1.0).begin(torch.zeros(2))
    state += torch.tensor([0.0, -3e6])
    Vote(1.0).add(state, torch.ones(1, 2), [1.0])
    assert Vote(1.0, "zero").end(state, torch.zeros(2), RNG).tolist() == [1.0, -1.0]


@pytest.mark.parametrize("count", [1, 2, 3, 8, 9, 30])
@pytest.mark.parametrize("trim", [0.0, 0.1, 0.25, 0.4])
def test_a_trimmed_mean_equals_scipy(count, trim, model):
    rows = torch.randn(count, 101, dtype=torch.float64, generator=torch.Generator().manual_seed(count))
    expected = model.double().numpy() + stats.trim_mean(rows.numpy(), trim, axis=0)
    assert np.allclose(
        aggregate(TrimmedMean(trim), rows, [1.0] * count, model.double()), expected, rtol=1e-13
    )


@pytest.mark.parametrize("count", [1, 2, 3, 8, 9])
def test_a_median_equals_numpy(count, model):
    rows = torch.randn(count, 101, dtype=torch.float64, generator=torch.Generator().manual_seed(count))
    expected = model.double().numpy() + np.median(rows.numpy(), axis=0)
    assert np.allclose(aggregate(Median(), rows, [1.0] * count, model.double()), expected, rtol=1e-13)


def test_a_median_over_several_blocks_equals_torch():
    rows = torch.randn(5, 2 * 65_536 + 7, generator=torch.Generator().manual_seed(3))
    assert torch.equal(
        aggregate(Median(), rows, [1.0] * 5, torch.zeros(2 * 65_536 + 7)), rows.median(0).values
    )


@pytest.mark.parametrize("rule", ROBUST, ids=repr)
@pytest.mark.parametrize("poison", [torch.nan, torch.inf, -torch.inf, 1e30])
def test_a_robust_rule_stays_within_the_range_of_the_honest_majority(rule, poison, model):
    rows = torch.randn(8, 101, generator=torch.Generator().manual_seed(4))
    bad_rows = 1 if rule.__class__ is TrimmedMean and rule.trim < 0.2 else 2
    rows[:bad_rows] = poison
    moved = aggregate(rule, rows, WEIGHTS, torch.zeros(101))
    assert (moved <= rows[bad_rows:].amax(0)).all()
    assert (moved >= rows[bad_rows:].amin(0)).all()


def test_a_majority_with_nan_gives_nan():
    rows = torch.ones(8, 3)
    rows[:5] = torch.nan
    assert aggregate(Median(), rows, WEIGHTS, torch.zeros(3)).isnan().all()


def test_a_robust_rule_stores_copies_of_the_rows():
    rows, rule = torch.ones(1, 4), Median()
    state = rule.begin(torch.zeros(4))
    rule.add(state, rows, [1.0])
    rows.fill_(7.0)  # the engine reuses its workspace
    assert rule.end(state, torch.zeros(4), RNG).tolist() == [1.0] * 4


@pytest.mark.parametrize("rule", NOT_ROBUST, ids=repr)
def test_a_nan_in_a_row_appears_in_the_model(rule, model):
    rows = updates()
    rows[4, 17] = torch.nan
    assert aggregate(rule, rows, WEIGHTS, model).isnan().nonzero().tolist() == [[17]]


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
def test_a_wrong_argument_is_rejected_with_its_value(part, arguments, value):
    with pytest.raises(ValueError, match=f"got .*{value}.*; "):
        part(**arguments)
