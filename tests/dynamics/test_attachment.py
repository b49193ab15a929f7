"""Policies by which children choose a parent, each on options whose answer is known."""

from __future__ import annotations

import pytest

from netsim.dynamics.attachment import ATTACHMENTS, BestSnr, Home, LoadBalanced, Nearest, Option


def test_nearest_is_nearest() -> None:
    assert Nearest().choose([Option(distance_m=80), Option(distance_m=30), Option(distance_m=50)]) == 1


@pytest.mark.parametrize(("there_db", "chosen"), [(12.9, 0), (13.0, 0), (13.1, 1)])
def test_a_handover_waits_for_the_hysteresis(there_db: float, chosen: int) -> None:
    options = [Option(here=True, snr_db=10.0), Option(snr_db=there_db)]
    assert BestSnr(hysteresis=3.0).choose(options) == chosen


def test_whoever_belongs_nowhere_takes_the_best_at_once() -> None:
    assert BestSnr(hysteresis=30.0).choose([Option(snr_db=1.0), Option(snr_db=2.0)]) == 1


def test_load_balancing_weighs_rates_by_who_is_there() -> None:
    """10 / (4 + 1) = 2 against 6 / (1 + 1) = 3."""
    assert LoadBalanced().choose([Option(load=4, rate_bps=10.0), Option(load=1, rate_bps=6.0)]) == 1


def test_load_balancing_without_rates_takes_the_emptiest_and_stays_for_a_tie() -> None:
    assert LoadBalanced().choose([Option(load=3), Option(load=1), Option(load=2)]) == 1
    assert LoadBalanced().choose([Option(load=2), Option(load=2, here=True)]) == 1


def test_home_is_home_or_nowhere() -> None:
    assert Home().choose([Option(here=True), Option(home=True)]) == 1
    assert Home().choose([Option(here=True)]) is None


@pytest.mark.parametrize(
    ("part", "said"), [(lambda: BestSnr(-1.0), "hysteresis"), (lambda: LoadBalanced(-0.1), "gain")]
)
def test_policies_hold_their_arguments_to_their_laws(part: object, said: str) -> None:
    with pytest.raises(ValueError, match=f"{said} must be"):
        part()  # type: ignore[operator]


def test_every_policy_is_looked_at_here() -> None:
    assert set(ATTACHMENTS.values()) == {Home, Nearest, BestSnr, LoadBalanced}
