"""The tau policies against closed forms and brute force."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from netsim.tau_policies import AdaComm, Adaptive, HierLocalQsgdIntervals, Replan, Stages, optimal_intervals


@dataclass
class View:
    """An observation with given values."""

    excess: tuple[float, float] = (4.0, 1.0)
    start: tuple[int, ...] = (10, 2)
    taus: tuple[int, ...] = (10, 2)
    stage: int = 1
    exchange_s: tuple[float, ...] = (1.0, 9.0)
    mixing: tuple[float, ...] = (1.0, 0.1, 0.05)
    plan: tuple[int, ...] | None = (7, 3)

    def plan_taus(self) -> tuple[int, ...] | None:
        return self.plan


@pytest.mark.parametrize(("now", "tau"), [(4.0, 10), (1.0, 5), (0.25, 3), (0.0, 1), (16.0, 20)])
def test_adacomm_follows_the_square_root_of_the_loss(now: float, tau: int) -> None:
    assert AdaComm().choose(View(excess=(4.0, now))) == (tau, 2)


@pytest.mark.parametrize("now", [math.nan, math.inf])
def test_a_diverged_model_does_not_change_tau(now: float) -> None:
    assert AdaComm().choose(View(excess=(4.0, now))) == (10, 2)


def test_adacomm_changes_only_its_layer() -> None:
    assert AdaComm(layer=2).choose(View(start=(1, 8), taus=(1, 8))) == (1, 4)
    with pytest.raises(ValueError, match="layer 3 is none of the 2 layers"):
        AdaComm(layer=3).choose(View())


def test_saturation_shortens_tau_if_the_loss_does_not() -> None:
    """The paper's gamma: tau <- gamma tau if the rule does not shorten tau."""
    assert AdaComm(saturation=0.5).choose(View(excess=(4.0, 4.0))) == (5, 2)
    assert AdaComm(saturation=0.5).choose(View(excess=(4.0, 1.0))) == (5, 2)


def test_stages_are_used_in_order_and_the_last_is_kept() -> None:
    policy = Stages(((5, 2), (3, 1)))
    assert [policy.choose(View(stage=k)) for k in (1, 2, 3, 9)] == [(5, 2), (3, 1), (3, 1), (3, 1)]


def test_replan_uses_the_plan_if_there_is_one() -> None:
    assert Replan().choose(View()) == (7, 3)
    assert Replan().choose(View(plan=None)) == (10, 2)


def test_two_layers_follow_the_ratio_of_their_delays() -> None:
    """tau_2 = sqrt(t_2 / t_1 (1 - a R_1) / (a R_1)), whatever mu, L, sigma and the loss: our derivation."""
    for delay in (1.0, 4.0, 100.0):
        tau = HierLocalQsgdIntervals().choose(View(exchange_s=(1.0, delay)))
        assert tau == (5, round(math.sqrt(delay * 0.9 / 0.1)))


def test_a_layer_with_a_small_exchange_time_has_tau_one() -> None:
    """If the interval of layer 2 would be shorter than that of layer 1, both are equal."""
    assert HierLocalQsgdIntervals().choose(View(exchange_s=(10.0, 0.1)))[1] == 1


@pytest.mark.parametrize("seed", range(20))
def test_intervals_minimise_the_cost_under_their_order(seed: int) -> None:
    """Against brute force over a fine grid of k_1 <= k_2 <= k_3; the noise may grow with the level."""
    r = np.random.default_rng(seed)
    t = r.uniform(0.1, 10, 3)
    mixing = [1.0, *r.uniform(0.05, 1.3, 2), 0.02]
    w = [mixing[0] - mixing[1], mixing[1] - mixing[2], mixing[2]]

    def cost(k: Sequence[float]) -> float:
        return math.fsum(a / b + c * b for a, b, c in zip(t, k, w, strict=True))

    k = optimal_intervals(t.tolist(), mixing)
    assert k == sorted(k)
    grid = np.exp(np.linspace(np.log(k[0] / 4), np.log(k[-1] * 4), 60))
    assert cost(k) <= min(cost(p) for p in itertools.combinations_with_replacement(grid, 3)) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Adaptive((1,), 0, Replan()), "every must be >= 1 round, got 0"),
        (lambda: Adaptive((), 5, Replan()), "start needs one tau per layer"),
        (lambda: Adaptive((8,), 5, Replan(), most=4), "most must be at least every tau of start, got 4"),
        (lambda: Stages(()), "taus needs at least one entry"),
        (lambda: Stages(((0, 1),)), "taus must be >= 1"),
        (lambda: AdaComm(layer=0), "layer must be >= 1, got 0"),
        (lambda: AdaComm(saturation=1.0), "saturation must be between 0 and 1, got 1.0"),
    ],
)
def test_numbers_out_of_range_are_rejected(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]
