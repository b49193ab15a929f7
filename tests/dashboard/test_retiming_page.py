"""Re-timing: the ledger's answer is the run's own, over whatever network the sliders say."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

pytest.importorskip("dash", reason="the dashboard needs the extra `dashboard`")

from netsim.dashboard.address import DashboardError
from netsim.dashboard.retiming_page import both, chosen, link_controls, retimed_run, told
from netsim.results.result import Result
from netsim.scenario import load, load_text
from netsim.simulation.run import simulate
from tests.dashboard.conftest import TINY


def test_every_bandwidth_and_rate_of_the_network_can_be_turned(old: Result) -> None:
    found = {control.path: control.value for control in link_controls(load_text(old.scenario_text))}
    assert found == {
        "network[0].cell.uplink": 20e6,
        "network[0].cell.downlink": 20e6,
        "network[1].wired.rate": 100e6,
        "network[2].wired.rate": 1e9,
    }


def test_a_cell_s_preset_supplies_what_the_scenario_leaves_out() -> None:
    scenario = load("quickstart", ["sweep={}", "network[0]={cell: {preset: chen2021}}"])
    assert [control.path for control in link_controls(scenario)][:2] == [
        "network[0].cell.uplink",
        "network[0].cell.downlink",
    ]


def test_ten_steps_are_a_decade_and_none_is_the_run_s_own_value(old: Result) -> None:
    control = link_controls(load_text(old.scenario_text))[0]
    assert [control.at(step) for step in (-10, 0, 3, 20)] == ["2 MHz", "20 MHz", "39.9 MHz", "2 GHz"]


def test_only_what_was_turned_is_changed_and_never_beyond_the_slider(old: Result) -> None:
    scenario = load_text(old.scenario_text)
    steps = {
        "network[0].cell.uplink": -10,
        "network[1].wired.rate": 0,
        "network[2].wired.rate": 999,
        "seed": 5,
    }
    assert chosen(scenario, steps) == {
        "network[0].cell.uplink": "2 MHz",
        "network[2].wired.rate": "100 Gbit/s",
    }


def test_the_re_timed_run_is_the_run_that_training_would_have_given(results: Path, old: Result) -> None:
    new = retimed_run(results, old, {"network[0].cell.uplink": "1 MHz"})
    trained = simulate(load("quickstart", [*TINY, "network[0].cell.uplink=1 MHz"]))
    pd.testing.assert_frame_equal(new.rounds, trained.rounds)
    assert new.digest == trained.digest
    assert new.sim_time_s > old.sim_time_s


def test_with_all_sliders_in_the_middle_it_is_the_run_itself(results: Path, old: Result) -> None:
    new = retimed_run(results, old, {})
    pd.testing.assert_frame_equal(new.rounds, old.rounds)
    assert told(old, new).startswith("As it was run")


def test_the_old_curve_keeps_its_colour_wherever_the_new_one_lies(results: Path, old: Result) -> None:
    for rate in ("1 MHz", "200 MHz"):
        new = retimed_run(results, old, {"network[0].cell.uplink": rate})
        traces = json.loads(both(old, new))["figures"]["plot-accuracy"]["traces"]
        assert [trace["line"]["color"] for trace in traces if "20 MHz" in trace["name"]] == ["#0072B2"]
        assert len(traces) == 2


def test_what_the_ledger_does_not_know_is_not_made_up(results: Path, old: Result, tmp_path: Path) -> None:
    for out, changes in (
        (tmp_path, {}),
        (results, {"network[0].cell.loss": "{erasure: {probability: 0.4}}"}),
    ):
        with pytest.raises(DashboardError, match="does not know all models"):
            retimed_run(out, old, changes)
