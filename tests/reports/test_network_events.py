"""How the network changed: a row per node, a bar per spell, the first events in words."""

from __future__ import annotations

from netsim.reports.network_events import ROWS, events_figure, events_table
from netsim.reports.run_report import report_sections
from netsim.scenario import load
from netsim.simulation.run import simulate


def test_failures_and_handovers_are_drawn_where_they_happened() -> None:
    result = simulate(load("edge_failure", ["stop.rounds=12"]), engine="timing")
    figure = events_figure(result)
    assert figure is not None
    assert [trace["name"] for trace in figure.traces] == ["down", "handover"]
    down = figure.traces[0]
    assert (down["y"], down["base"]) == (["edge1", "edge3"], [1, 1])
    assert figure.description.startswith("2 times down, ")
    assert result.events is not None
    table = events_table(result.events)
    assert table.rows[0] == ["1 s: down", "5", "edge1", "cloud", "cloud", "server failure"]
    assert len(table.rows) == min(ROWS, len(result.events))
    assert "changes" in [section.key for section in report_sections(result)]


def test_a_network_that_stays_as_it_is_has_no_such_section() -> None:
    result = simulate(load("quickstart", ["stop.rounds=1"]), engine="timing")
    assert events_figure(result) is None
    assert "changes" not in [section.key for section in report_sections(result)]
