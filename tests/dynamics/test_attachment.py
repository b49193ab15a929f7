"""Attachment policies on options with a known answer."""

from __future__ import annotations

import pytest

from netsim.dynamics.attachment import ATTACHMENTS, BestSnr, Home, LoadBalanced, Nearest, ParentOption


def test_nearest_chooses_the_smallest_distance() -> None:
    assert (
        Nearest().choose(
            [ParentOption(distance_m=80), ParentOption(distance_m=30), ParentOption(distance_m=50)]
        )
        == 1
    )


@pytest.mark.parametrize(("there_db", "chosen"), [(12.9, 0), (13.0, 0), (13.1, 1)])
def test_a_handover_waits_for_the_hysteresis(there_db: float, chosen: int) -> None:
    options = [ParentOption(is_current=True, snr_db=10.0), ParentOption(snr_db=there_db)]
    assert BestSnr(hysteresis=3.0).choose(options) == chosen


def test_an_unattached_child_takes_the_best_parent_without_hysteresis() -> None:
    assert BestSnr(hysteresis=30.0).choose([ParentOption(snr_db=1.0), ParentOption(snr_db=2.0)]) == 1


def test_load_balancing_divides_rates_by_the_number_of_children() -> None:
    """10 / (4 + 1) = 2 against 6 / (1 + 1) = 3."""
    assert (
        LoadBalanced().choose([ParentOption(load=4, rate_bps=10.0), ParentOption(load=1, rate_bps=6.0)]) == 1
    )


def test_load_balancing_without_rates_takes_the_least_load_and_keeps_the_parent_on_a_tie() -> None:
    assert LoadBalanced().choose([ParentOption(load=3), ParentOption(load=1), ParentOption(load=2)]) == 1
    assert LoadBalanced().choose([ParentOption(load=2), ParentOption(load=2, is_current=True)]) == 1


def test_home_chooses_the_home_parent_or_none() -> None:
    assert Home().choose([ParentOption(is_current=True), ParentOption(is_home=True)]) == 1
    assert Home().choose([ParentOption(is_current=True)]) is None


@pytest.mark.parametrize(
    ("part", "message"), [(lambda: BestSnr(-1.0), "hysteresis"), (lambda: LoadBalanced(-0.1), "gain")]
)
def test_invalid_arguments_of_policies_are_rejected(part: object, message: str) -> None:
    with pytest.raises(ValueError, match=f"{message} must be"):
        part()  # type: ignore[operator]


def test_every_policy_is_tested() -> None:
    assert set(ATTACHMENTS.values()) == {Home, Nearest, BestSnr, LoadBalanced}
