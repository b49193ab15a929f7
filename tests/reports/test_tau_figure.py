"""The figure of the taus in use."""

from __future__ import annotations

from dataclasses import replace

from netsim.reports.run_report import render_report
from netsim.reports.tau_figure import tau_figure
from netsim.results.result import Result
from netsim.simulation.run import simulate
from tests.tau_policies.sample_runs import adaptive


def adaptive_run() -> Result:
    return simulate(adaptive("hier_favg", "{stages: [[3, 1], [1, 1]]}"), engine="timing")


def test_the_tau_of_every_layer_is_drawn_over_time() -> None:
    result = adaptive_run()
    figure = tau_figure(result)
    assert figure is not None
    assert [list(trace["y"]) for trace in figure.traces] == [[4, 4, 4, 3, 3, 1, 1], [2, 2, 2, 1, 1, 1, 1]]
    assert figure.description == "tau_1 from 4 to 1; tau_2 from 2 to 1."
    assert "Iterations between uploads" in render_report(result)


def test_a_run_with_fixed_taus_has_no_tau_figure() -> None:
    result = adaptive_run()
    assert tau_figure(replace(result, rounds=result.rounds.drop(columns=["tau_1", "tau_2"]))) is None
