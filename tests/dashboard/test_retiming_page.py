"""Re-timing: models of the ledger with another network give the run that training would give."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

pytest.importorskip("dash", reason="the dashboard needs the extra `dashboard`")

from netsim.dashboard.address import DashboardError
from netsim.dashboard.retiming_page import (
    changed_values,
    comparison_json,
    link_controls,
    retime_run,
    time_change,
)
from netsim.results.result import Result
from netsim.scenario import load, load_text
from netsim.simulation.run import simulate
from tests.dashboard.conftest import TINY


def test_every_bandwidth_and_rate_of_the_network_has_a_control(old_run: Result) -> None:
    values = {control.path: control.value for control in link_controls(load_text(old_run.scenario_text))}
    assert values == {
        "network[0].cell.uplink": 20e6,
        "network[0].cell.downlink": 20e6,
        "network[1].wired.rate": 100e6,
        "network[2].wired.rate": 1e9,
    }


def test_controls_include_values_from_a_cell_s_preset() -> None:
    scenario = load("quickstart", ["sweep={}", "network[0]={cell: {preset: chen2021}}"])
    assert [control.path for control in link_controls(scenario)][:2] == [
        "network[0].cell.uplink",
        "network[0].cell.downlink",
    ]


def test_ten_steps_are_a_decade_and_step_zero_is_the_run_s_value(old_run: Result) -> None:
    control = link_controls(load_text(old_run.scenario_text))[0]
    assert [control.value_at(step) for step in (-10, 0, 3, 20)] == ["2 MHz", "20 MHz", "39.9 MHz", "2 GHz"]


def test_only_moved_sliders_change_values_and_steps_are_clipped(old_run: Result) -> None:
    scenario = load_text(old_run.scenario_text)
    steps = {
        "network[0].cell.uplink": -10,
        "network[1].wired.rate": 0,
        "network[2].wired.rate": 999,
        "seed": 5,
    }
    assert changed_values(scenario, steps) == {
        "network[0].cell.uplink": "2 MHz",
        "network[2].wired.rate": "100 Gbit/s",
    }


def test_a_re_timed_run_equals_the_run_with_training(results: Path, old_run: Result) -> None:
    new = retime_run(results, old_run, {"network[0].cell.uplink": "1 MHz"})
    trained = simulate(load("quickstart", [*TINY, "network[0].cell.uplink=1 MHz"]))
    pd.testing.assert_frame_equal(new.rounds, trained.rounds)
    assert new.digest == trained.digest
    assert new.sim_time_s > old_run.sim_time_s


def test_a_re_timed_run_without_changes_equals_the_original_run(results: Path, old_run: Result) -> None:
    new = retime_run(results, old_run, {})
    pd.testing.assert_frame_equal(new.rounds, old_run.rounds)
    assert time_change(old_run, new).startswith("Original run")


def test_the_original_curve_keeps_its_colour(results: Path, old_run: Result) -> None:
    for rate in ("1 MHz", "200 MHz"):
        new = retime_run(results, old_run, {"network[0].cell.uplink": rate})
        traces = json.loads(comparison_json(old_run, new))["figures"]["plot-accuracy"]["traces"]
        assert [trace["line"]["color"] for trace in traces if "20 MHz" in trace["name"]] == ["#0072B2"]
        assert len(traces) == 2


def test_a_run_with_models_missing_in_the_ledger_is_rejected(
    results: Path, old_run: Result, tmp_path: Path
) -> None:
    for out, changes in (
        (tmp_path, {}),
        (results, {"network[0].cell.loss": "{erasure: {probability: 0.4}}"}),
    ):
        with pytest.raises(DashboardError, match="does not contain all models"):
            retime_run(out, old_run, changes)
