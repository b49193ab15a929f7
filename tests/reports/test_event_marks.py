"""Marks of a timeline: what befell nodes, from the table of events."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from netsim.reports.event_marks import EventInterval, event_intervals, clip_to_round


def table(*rows: tuple[float, str, str]) -> pd.DataFrame:
    return pd.DataFrame([{"time_s": t, "kind": kind, "node": node} for t, kind, node in rows])


def test_a_spell_lasts_from_its_begin_to_its_end() -> None:
    events = table((1.0, "down", "a"), (2.0, "slow", "b"), (4.0, "up", "a"))
    assert event_intervals(events) == [EventInterval("a", "down", 1.0, 4.0), EventInterval("b", "slow", 2.0, math.inf)]


def test_two_faults_at_once_are_one_spell_until_both_are_over() -> None:
    events = table((1.0, "down", "a"), (2.0, "down", "a"), (3.0, "up", "a"), (5.0, "up", "a"))
    assert event_intervals(events) == [EventInterval("a", "down", 1.0, 5.0)]


def test_a_round_shows_its_part_of_a_spell_and_its_handovers() -> None:
    found = event_intervals(table((1.0, "link_down", "a"), (12.0, "handover", "b"), (25.0, "link_up", "a")))
    assert clip_to_round(found, 10.0, 20.0) == [
        EventInterval("b", "handover", 2.0, pytest.approx(2.06)), EventInterval("a", "link down", 0.0, 10.0),
    ]  # fmt: skip


def test_a_run_without_events_has_no_marks() -> None:
    assert event_intervals(None) == []
