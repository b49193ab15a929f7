"""Outcomes of messages: shares add up to one; no figure if all messages were delivered."""

from __future__ import annotations

import pytest

from netsim.protocol.trace import FATES
from netsim.reports.message_outcomes import OUTCOME_STYLES, outcome_figure, outcome_table
from netsim.simulation.run import simulate
from tests.barriers.sample_scenarios import star_scenario


def test_shares_of_outcomes_add_up_to_one_and_are_in_the_description() -> None:
    result = simulate(star_scenario([0, 0.25, 1.5], "{first: {count: 2}}"), engine="timing")
    figure = outcome_figure(result)
    assert figure is not None
    assert figure.traces[0]["y"] == ["layer 1 up", "layer 1 down"]
    assert [sum(shares) for shares in zip(*(t["x"] for t in figure.traces), strict=True)] == pytest.approx(
        [1, 1]
    )
    assert "12 delivered" in figure.description
    assert "4 cancelled" in figure.description
    table = outcome_table(result)
    assert table is not None
    assert [row[0] for row in table.rows] == ["layer 1 up", "layer 1 down"]
    assert [row[1] for row in table.rows] == ["8", "4"]


def test_a_run_in_which_all_messages_arrive_has_no_outcome_figure() -> None:
    result = simulate(star_scenario([0, 0], "all"), engine="timing")
    assert outcome_figure(result) is None
    assert outcome_table(result) is None


def test_every_outcome_has_a_style() -> None:
    assert set(OUTCOME_STYLES) == set(FATES)
