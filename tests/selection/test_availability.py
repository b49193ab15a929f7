"""Availability: durations, selection of available devices, lost work, and invalid files."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netsim.build import BuildError
from netsim.scenario import Scenario, ScenarioError, load_text
from netsim.selection.availability import Absence, Availability, OnOff, Recorded
from netsim.selection.availability_traces import read_presence
from netsim.simulation.run import execute
from netsim.topology import Node
from tests.network.sample_scenarios import Data, round_ends_s, run_timing, scenario_data
from tests.simulation.runs import final, recipe, scenario


def absences(part: Availability, ordinal: int = 0, until_s: float = 1e4, seed: int = 3) -> list[Absence]:
    """The absences of a device up to a time."""
    found = part.absences(seed, Node(f"device{ordinal}", 0, ordinal))
    return list(itertools.takewhile(lambda absence: absence.begin_s < until_s, found))


def is_absent(rows: Sequence[Absence], at_s: float) -> bool:
    return any(row.begin_s <= at_s < row.end_s for row in rows)


@pytest.mark.parametrize("law", ["exponential", "fixed"])
def test_oracle_in_the_long_run_a_share_of_on_over_on_plus_off_is_available(law: Any) -> None:
    rows = [absences(OnOff(30.0, 10.0, law), k, 2000.0) for k in range(300)]
    for at_s in (0.0, 7.0, 1999.0):
        there = np.mean([not is_absent(row, at_s) for row in rows])
        assert abs(there - 0.75) < 4 * np.sqrt(0.75 * 0.25 / 300)


def test_oracle_exponential_times_have_their_means_and_spread() -> None:
    rows = [absence for k in range(100) for absence in absences(OnOff(30.0, 10.0), k)[1:]]
    lengths = np.array([end_s - begin_s for begin_s, end_s in rows])
    assert lengths.mean() == pytest.approx(10.0, rel=0.05)
    assert lengths.std() == pytest.approx(10.0, rel=0.05)


def test_oracle_fixed_times_repeat_exactly() -> None:
    rows = absences(OnOff(3.0, 2.0, "fixed"), until_s=50.0)
    assert [b.begin_s - a.begin_s for a, b in itertools.pairwise(rows[1:])] == pytest.approx(
        [5.0] * 9, abs=1e-9
    )
    assert {round(row.end_s - row.begin_s, 9) for row in rows[1:]} == {2.0}


def test_the_absences_of_a_device_do_not_depend_on_other_devices() -> None:
    assert absences(OnOff(3.0, 2.0), 4) != absences(OnOff(3.0, 2.0), 5)
    assert absences(OnOff(3.0, 2.0), 4, seed=3) != absences(OnOff(3.0, 2.0), 4, seed=4)


FEDAVG = "fedavg: {learning_rate: 0.1, batch_size: 8, local_steps: 1}"


def recorded(folder: Path, text: str) -> Recorded:
    (folder / "there.csv").write_text(text)
    return Recorded(str(folder / "there.csv"))


LINES = "device,active,inactive\na,2,5\nb,0,10\na,7,8\n"


def test_a_recording_is_read_and_repeats(tmp_path: Path) -> None:
    part = recorded(tmp_path, LINES)
    assert absences(part, 0, 20.0) == [(0, 2), (5, 7), (8, 12), (15, 17), (18, 22)]
    assert absences(part, 2, 9.0) == absences(part, 0, 9.0)
    assert absences(part, 1) == []
    longer = Recorded(part.path, period=12.0)
    assert absences(longer, 1, 30.0) == [(10, 12), (22, 24)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no devices"),
        ("device,active,inactive\n", "no devices"),
        ("a,1\n", r"there.csv:1: a line is device,active_s,inactive_s"),
        ("a,1,2\nb,2,x\n", r"there.csv:2: a line is"),
        ("a,5,2\n", "active_s must be >= 0 and before inactive_s, got 5, 2"),
        ("a,1,nan\n", "a line is"),
        ("a,1,inf\n", "before inactive_s, got 1, inf"),
        ("a,1,5\na,4,6\n", "periods of 'a' overlap"),
    ],
)
def test_a_damaged_recording_is_rejected_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_presence(recorded(tmp_path, text).path)


def test_a_recording_longer_than_its_period_is_rejected_before_the_run(tmp_path: Path) -> None:
    path = recorded(tmp_path, LINES).path
    with pytest.raises(BuildError, match=r"devices.availability: period must be at least 10 s"):
        run_timing(recorded_scenario(path, {"path": path, "period": "9 s"}))


def recorded_scenario(path: str, arguments: Data | None = None, **more: Any) -> Data:
    """Three devices below a cloud that compute for a second and upload for none, available as recorded."""
    part = {"recorded": arguments or {"path": path}}
    delays = {"delay": {"uplink": "0 s", "downlink": "0 s"}}
    compute = {"constant": {"step": "1 s"}}
    return scenario_data(
        [1, 3], [1, 1], [delays, delays], devices={"compute": compute, "availability": part}, **more
    )


def test_oracle_unavailable_devices_are_not_selected_their_work_is_lost_and_without_devices_the_cloud_waits(
    tmp_path: Path,
) -> None:
    """Device 0 is available until 1.5 s and from 5 s on, 1 until 3.2 s and from 7 s on, 2 from 9 s on."""
    path = recorded(tmp_path, "0,0,1.5\n0,5,100\n1,0,3.2\n1,7,100\n2,9,100\n").path
    run = run_timing(recorded_scenario(path, stop={"rounds": 6}))
    ups = [(m["src"], m["sent_s"]) for m in run.trace.messages if m["direction"] == "up" and m["layer"] == 1]
    assert ups == [
        ("device0", 1), ("device1", 1), ("device1", 2), ("device1", 3), ("device0", 6), ("device0", 7),
    ]  # fmt: skip
    assert round_ends_s(run)[:7] == [0, 1, 2, 3, 3.2, 6, 7]


def test_oracle_an_unavailable_device_has_the_effect_of_selecting_the_others(tmp_path: Path) -> None:
    path = recorded(tmp_path, "0,0,100\n1,0,100\n2,99,100\n").path
    there = f"{{compute: {{constant: 1 s}}, availability: {{recorded: {json_of(path)}}}}}"
    alike = scenario([3], FEDAVG, devices="{compute: {constant: 1 s}}", selection="[{speed: {count: 2}}]")
    assert np.array_equal(final(scenario([3], FEDAVG, devices=there)), final(alike))


def json_of(text: str) -> str:
    return '"' + text + '"'


COMING = "{compute: {constant: {step: 50 ms}}, availability: {on_off: {on: 400 ms, off: 300 ms}}}"


@pytest.mark.parametrize(
    "selection",
    ["[all, all]", "[{uniform: 0.5}, all]", "[{power_of_choice: {count: 1, candidates: 2}}, all]"],
)
def test_engines_agree_with_changing_availability(selection: str) -> None:
    chosen = recipe("hier_favg", selection=selection, devices=COMING, precision="float64")
    assert np.allclose(final(chosen), final(chosen, engine="eager"), rtol=0, atol=1e-9)


def test_a_device_that_leaves_during_a_poll_is_not_selected(tmp_path: Path) -> None:
    """All candidates compute the loss for a second or more; device 0 leaves before it has finished."""
    path = recorded(tmp_path, "0,0,0.5\n1,0,100\n2,0,100\n").path
    there = f"{{compute: {{constant: 1 s}}, availability: {{recorded: {json_of(path)}}}}}"
    part = "[{power_of_choice: {fraction: 1.0, candidates: 3}}]"
    run = execute(scenario([3], FEDAVG, devices=there, selection=part, rounds=1), device="cpu")
    ups = [m["src"] for m in run.trace.messages if m["direction"] == "up"]
    assert sorted(ups) == ["device1", "device1", "device2", "device2"]


def test_always_available_equals_no_availability_model(tmp_path: Path) -> None:
    path = recorded(tmp_path, "0,0,100\n").path
    part = f"{{compute: {{flops: {{rate: 2 GFLOP/s, efficiency: 0.2, spread: {{lognormal: 0.4}}}}}}, availability: {{recorded: {json_of(path)}}}}}"
    assert np.array_equal(final(recipe("hier_favg", devices=part)), final(recipe("hier_favg")))


def test_a_recording_beside_the_scenario_is_found_and_its_content_is_part_of_the_digest(
    tmp_path: Path,
) -> None:
    from netsim.scenario import digest, load

    recorded(tmp_path, LINES)
    text = "name: t\ntask: {dataset: digits, model: logistic}\ntopology: {fanout: [3]}\nnetwork: [{wired: {rate: 1 Mbit/s}}]\n"
    text += "devices: {compute: {constant: 1 ms}, availability: {recorded: there.csv}}\n"
    text += "algorithm: {fedavg: {learning_rate: 0.1, batch_size: 4, local_steps: 1}}\nstop: {rounds: 1}\n"
    (tmp_path / "t.yaml").write_text(text)
    before = digest(load(tmp_path / "t.yaml"))
    recorded(tmp_path, LINES + "c,1,2\n")
    assert digest(load(tmp_path / "t.yaml")) != before


@pytest.mark.parametrize(
    ("name", "message"),
    [("hier_sign_sgd", "all devices may be absent"), ("mtgc", r"corrections \(drift\) need every child")],
)
def test_algorithms_that_need_all_devices_reject_an_availability_model(name: str, message: str) -> None:
    text = "name: t\ntask: {dataset: digits, model: logistic}\ntopology: {fanout: [2, 3]}\n"
    text += f"devices: {COMING}\nnetwork: [{{wired: {{rate: 1 Mbit/s}}}}, {{wired: {{rate: 1 Mbit/s}}}}]\n"
    text += (
        f"algorithm: {{{name}: {{learning_rate: 0.1, batch_size: 4, tau: [1, 2]}}}}\nstop: {{rounds: 1}}\n"
    )
    with pytest.raises(ScenarioError, match=message):
        load_text(text)


def test_a_run_with_absences_is_reproducible() -> None:
    plain = recorded_scenario("", None) | {
        "devices": {
            "compute": {"constant": {"step": "1 s"}},
            "availability": {"on_off": {"on": "5 s", "off": "3 s"}},
        }
    }
    one, other = (
        execute(Scenario.model_validate(plain | {"stop": {"rounds": 20}}), engine="timing") for _ in range(2)
    )
    assert repr(one.trace.messages) == repr(other.trace.messages)
    assert len(one.trace.rounds) == 21
