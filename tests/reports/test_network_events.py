"""Changes of the network: intervals from the events table, their figure, and the table of the first events."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from netsim.reports.network_events import (
    MAX_ROWS,
    EventInterval,
    clip_to_round,
    event_intervals,
    events_figure,
    events_table,
)
from netsim.reports.run_report import report_sections
from netsim.scenario import load
from netsim.simulation.run import simulate


def test_failures_and_handovers_are_drawn_at_their_nodes_and_instants() -> None:
    result = simulate(load("edge_failure", ["stop.rounds=12"]), engine="timing")
    figure = events_figure(result)
    assert figure is not None
    assert [trace["name"] for trace in figure.traces] == ["down", "handover"]
    down = figure.traces[0]
    assert (down["y"], down["base"]) == (["edge1", "edge3"], [1, 1])
    assert figure.description.startswith("Number of intervals by kind: down: 2 times, ")
    assert result.events is not None
    table = events_table(result.events)
    assert table.rows[0] == ["1 s: down", "5", "edge1", "cloud", "cloud", "server failure"]
    assert len(table.rows) == min(MAX_ROWS, len(result.events))
    assert "changes" in [section.key for section in report_sections(result)]


def test_a_run_without_events_has_no_section_of_network_changes() -> None:
    result = simulate(load("quickstart", ["stop.rounds=1"]), engine="timing")
    assert events_figure(result) is None
    assert "changes" not in [section.key for section in report_sections(result)]


def events_of(*rows: tuple[float, str, str]) -> pd.DataFrame:
    return pd.DataFrame([{"time_s": t, "kind": kind, "node": node} for t, kind, node in rows])


def test_an_interval_lasts_from_its_begin_event_to_its_end_event() -> None:
    events = events_of((1.0, "down", "a"), (2.0, "slow", "b"), (4.0, "up", "a"))
    assert event_intervals(events) == [
        EventInterval("a", "down", 1.0, 4.0),
        EventInterval("b", "slow", 2.0, math.inf),
    ]


def test_overlapping_faults_form_one_interval() -> None:
    events = events_of((1.0, "down", "a"), (2.0, "down", "a"), (3.0, "up", "a"), (5.0, "up", "a"))
    assert event_intervals(events) == [EventInterval("a", "down", 1.0, 5.0)]


def test_intervals_are_clipped_to_a_round() -> None:
    intervals = event_intervals(
        events_of((1.0, "link_down", "a"), (12.0, "handover", "b"), (25.0, "link_up", "a"))
    )
    assert clip_to_round(intervals, 10.0, 20.0) == [
        EventInterval("b", "handover", 2.0, pytest.approx(2.06)), EventInterval("a", "link down", 0.0, 10.0),
    ]  # fmt: skip


def test_a_run_without_events_has_no_intervals() -> None:
    assert event_intervals(None) == []
