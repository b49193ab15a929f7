"""Mobility: positions, handovers, and the rates of the links."""

from __future__ import annotations

import itertools
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netsim.dynamics.mobility import MOTIONS, RandomWaypoint, Tracks, read_tracks
from netsim.scenario import Scenario, load
from netsim.simulation.run import execute
from netsim.topology import Node

from .sample_scenarios import Data, given_times, run_timing, scenario_data

CELL = {"cell": {"uplink": "40 MHz", "shadowing": "none", "pathloss": {"urban_micro": {"sight": "nlos"}}}}
WIRE = {"wired": {"rate": "100 Mbit/s", "latency": "0 s"}}


def placed(*xs: float, devices: int = 1) -> Data:
    """Edge servers on a line, and devices without coordinates."""
    edges = [{"x_m": x, "y_m": 0.0, "children": [{} for _ in range(devices)]} for x in xs]
    return {"topology": {"tree": {"children": edges}}, "network": [CELL, WIRE]}


def walk(tmp_path: Path, rows: str) -> Data:
    """Write a file of tracks."""
    path = tmp_path / "tracks.csv"
    path.write_text("device,time_s,x_m,y_m\n" + rows)
    return {"tracks": {"path": str(path)}}


ACROSS = "device0,0,50,0\ndevice0,40,450,0\ndevice1,0,500,50\n"
"""One device walks from the first station (at 0 m) to the second (at 500 m); the other stays there."""


def parents(run: Any, name: str) -> list[str]:
    """The receivers of the uploads of a device, without repetitions."""
    found = [row["dst"] for row in run.trace.messages if row["src"] == name]
    return [parent for k, parent in enumerate(found) if not k or found[k - 1] != parent]


def across(tmp_path: Path, handover: object, **more: Any) -> Any:
    mobility = {"motion": walk(tmp_path, ACROSS), "handover": handover}
    return run_timing(scenario_data(**placed(0, 500), stop={"rounds": 40}, mobility=mobility) | more)


def test_a_device_that_walks_from_cell_to_cell_is_handed_over_once(tmp_path: Path) -> None:
    run = across(tmp_path, "nearest")
    assert parents(run, "device0") == ["edge0", "edge1"]
    (move,) = [row for row in run.trace.events if row["kind"] == "handover"]
    assert (move["node"], move["from"], move["to"]) == ("device0", "edge0", "edge1")
    assert 20.0 <= float(move["time_s"]) < 22.5  # nearer from 20 s on; the next aggregation of the cloud


def test_hysteresis_delays_a_handover(tmp_path: Path) -> None:
    round_ends_s = [
        next(
            float(row["time_s"]) for row in across(tmp_path, policy).trace.events if row["kind"] == "handover"
        )
        for policy in ({"best_snr": "0 dB"}, {"best_snr": "6 dB"}, {"best_snr": "12 dB"})
    ]
    assert round_ends_s == sorted(round_ends_s)
    assert round_ends_s[0] < round_ends_s[2]


def test_a_static_tree_keeps_devices_until_they_are_out_of_reach(tmp_path: Path) -> None:
    far = scenario_data(**placed(0, 5000), stop={"rounds": 40}) | {
        "mobility": {
            "motion": walk(tmp_path, ACROSS.replace("450", "3000").replace("500,50", "5000,50")),
            "handover": "home",
        }
    }
    run = run_timing(far)
    assert parents(run, "device0") == ["edge0"]
    assert ("detach", "device0", "out of reach") in [
        (r["kind"], r["node"], r["reason"]) for r in run.trace.events
    ]


def test_rates_follow_distances(tmp_path: Path) -> None:
    run = across(tmp_path, "nearest")
    airtimes = [
        float(row["airtime_s"])
        for row in run.trace.messages
        if row["src"] == "device0" and row["dst"] == "edge0"
    ]
    assert airtimes[-1] > 2 * airtimes[0]
    assert all(later >= earlier for earlier, later in itertools.pairwise(airtimes))


def test_draws_of_losses_continue_after_links_are_rebuilt(tmp_path: Path) -> None:
    """If rebuilt links repeated their draws, all messages would be lost, or none."""
    lossy = {"cell": CELL["cell"] | {"loss": {"erasure": {"probability": 0.5}}}}
    run = across(tmp_path, "nearest", network=[lossy, WIRE])
    fates = [row["fate"] for row in run.trace.messages if row["src"] == "device1"]
    assert 8 <= fates.count("lost") <= 32


def test_children_of_a_failed_station_choose_by_policy_and_all_invariants_hold(tmp_path: Path) -> None:
    mobility = {"motion": {"random_waypoint": {"side": ["600 m", "300 m"], "speed": ["5 m/s", "20 m/s"]}}}
    fault = {"server_failure": {"nodes": ["edge0"], "when": {"random": {"between": "9 s", "repair": "5 s"}}}}
    run = run_timing(
        scenario_data(fault, **placed(0, 200, 400, devices=3), stop={"rounds": 40}, mobility=mobility)
    )
    kinds = {str(row["kind"]) for row in run.trace.events}
    assert {"down", "up", "handover"} <= kinds


def test_a_server_without_devices_does_not_take_part(tmp_path: Path) -> None:
    mobility = {"motion": walk(tmp_path, "device0,0,490,0\ndevice1,0,510,0\n"), "handover": "nearest"}
    run = run_timing(scenario_data(**placed(0, 500), mobility=mobility))
    receivers = [
        row["receivers"] for row in run.trace.messages if row["layer"] == 2 and row["direction"] == "down"
    ]
    assert receivers == [1, 1, 1]


def legs(count: int, part: RandomWaypoint) -> list[Any]:
    trajectory = part.trajectory(5, Node("a", 0, 0), (0.0, 0.0))
    return [leg for _, leg in zip(range(2 * count), trajectory.legs, strict=False)][::2]


def test_the_mean_leg_is_that_of_two_points_of_a_square() -> None:
    """E|a - b| = (2 + sqrt 2 + 5 ln(1 + sqrt 2)) / 15 of the side = 0.521405."""
    lengths = [math.dist(leg.begin_m, leg.end_m) for leg in legs(4000, RandomWaypoint((1000.0, 1000.0)))]
    mean = (2 + math.sqrt(2) + 5 * math.log(1 + math.sqrt(2))) / 15 * 1000
    assert np.mean(lengths) == pytest.approx(mean, abs=4 * np.std(lengths) / math.sqrt(len(lengths)))


def test_the_mean_speed_over_time_is_below_the_mean_of_the_draws() -> None:
    """(v1 - v0) / ln(v1 / v0), Yoon et al., INFOCOM 2003: slow legs last longer."""
    ways = legs(6000, RandomWaypoint((1000.0, 1000.0), speed=(1.0, 9.0)))
    length_m = sum(math.dist(leg.begin_m, leg.end_m) for leg in ways)
    mean = length_m / ways[-1].end_s
    assert mean == pytest.approx(8 / math.log(9), rel=0.03)
    assert abs(mean - 5) > 1


def test_legs_are_connected_and_within_the_area() -> None:
    part = RandomWaypoint((400.0, 200.0), pause=3.0)
    ways = [
        leg
        for _, leg in zip(range(200), part.trajectory(5, Node("a", 0, 1), (50.0, -20.0)).legs, strict=False)
    ]
    for before, after in itertools.pairwise(ways):
        assert before.end_m == after.begin_m
        assert before.end_s == after.begin_s
    assert all(-150 <= leg.end_m[0] <= 250 and -120 <= leg.end_m[1] <= 80 for leg in ways)
    assert all(leg.end_s - leg.begin_s == pytest.approx(3.0) for leg in ways[1::2])


def test_tracks_are_linear_between_rows_and_constant_outside(tmp_path: Path) -> None:
    part = Tracks(**walk(tmp_path, "a,10,0,0\na,20,100,50\n")["tracks"])
    trajectory = part.trajectory(0, Node("a", 0, 0), (0.0, 0.0))
    assert trajectory is not None
    assert [trajectory.at(t) for t in (0, 10, 15, 20, 99)] == [(0, 0), (0, 0), (50, 25), (100, 50), (100, 50)]
    assert part.end_of_motion_s == 20
    assert part.trajectory(0, Node("b", 0, 1), (0.0, 0.0)) is None


@pytest.mark.parametrize(("rows", "message"), [
    ("a,1,2\n", r":2: a line is device,time_s,x_m,y_m, got 'a,1,2'"),
    ("a,1,2,x\n", r":2: a line is"),
    ("a,1,2,nan\n", r":2: numbers must be finite"),
    ("a,-1,2,3\n", r":2: numbers must be finite and times >= 0"),
    ("a,5,2,3\na,5,2,3\n", r":3: times of 'a' must rise, got 5 s after 5 s"),
    ("", r"no rows; write lines such as"),
])  # fmt: skip
def test_a_damaged_file_of_tracks_is_rejected_with_its_line(tmp_path: Path, rows: str, message: str) -> None:
    path = walk(tmp_path, rows)["tracks"]["path"]
    with pytest.raises(ValueError, match=message):
        read_tracks(path)


def test_tracks_are_found_beside_their_scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    walk(tmp_path, ACROSS)
    (tmp_path / "s.yaml").write_text(
        "name: s\ntask: {dataset: {synthetic: {dim: 40, samples: 8}}}\n"
        "topology: {tree: {children: [{x_m: 0, y_m: 0, devices: 2}]}}\n"
        "devices: {compute: {constant: 1 s}}\nalgorithm: {hier_favg: {learning_rate: 0.1, batch_size: 4, tau: [1, 1]}}\n"
        "network: [{cell: {}}, {wired: {}}]\nstop: {rounds: 1}\nmobility: {motion: {tracks: tracks.csv}}\n"
    )
    monkeypatch.chdir("/")
    assert execute(load(str(tmp_path / "s.yaml")), engine="timing").stopped_by == "rounds"


@pytest.mark.parametrize(("change", "message"), [
    ({"topology": {"fanout": [2, 2]}}, "'edge0' has no coordinates"),
    ({"network": [WIRE, WIRE]}, "network.0. is no cell"),
])  # fmt: skip
def test_mobility_needs_positions_and_a_cell(change: Data, message: str) -> None:
    mobility = {"motion": {"random_waypoint": {"side": ["600 m", "300 m"]}}}
    with pytest.raises(ValueError, match=message):
        execute(
            Scenario.model_validate(scenario_data(**placed(0, 200), mobility=mobility) | change),
            engine="timing",
        )


@pytest.mark.parametrize(
    ("speed", "side"), [(["0 m/s", "1 m/s"], ["1 m", "1 m"]), (["3 m/s", "1 m/s"], ["1 m", "1 m"])]
)
def test_a_random_waypoint_without_motion_is_rejected(speed: list[str], side: list[str]) -> None:
    with pytest.raises(ValueError, match="speed"):
        Scenario.model_validate(
            scenario_data(mobility={"motion": {"random_waypoint": {"side": side, "speed": speed}}})
        )


def test_every_motion_is_tested() -> None:
    assert set(MOTIONS.values()) == {RandomWaypoint, Tracks}


def test_a_run_ends_once_all_devices_have_stopped_out_of_reach(tmp_path: Path) -> None:
    ways = "".join(f"device{k},0,{50 + 500 * k},0\ndevice{k},5,90000,0\n" for k in range(2))
    crashes = {"crash": {"when": {"random": {"between": "5 s", "repair": "1 s"}}}}
    mobility = {"motion": walk(tmp_path, ways), "handover": "nearest"}
    run = run_timing(scenario_data(crashes, **placed(0, 500), stop={"rounds": 40}, mobility=mobility))
    assert run.stopped_by == "nobody left"


def test_a_device_that_stays_with_a_failed_server_keeps_its_link() -> None:
    far, near, other = (
        {"x_m": x, "y_m": 0.0} for x in (3000.0, 100.0, 5400.0)
    )  # the second cannot reach edge1
    edges = [
        {"x_m": 0.0, "y_m": 0.0, "children": [far, near]},
        {"x_m": 5500.0, "y_m": 0.0, "children": [other]},
    ]
    sight = {"cell": CELL["cell"] | {"pathloss": {"urban_micro": {"sight": "los"}}}}
    when = {"given": {"at": ["500 ms"], "lasts": "1 s"}}
    fault = {
        "server_failure": {
            "nodes": ["edge0"],
            "when": when,
            "reattach": {"best_snr": "0 dB"},
            "go_home": False,
        }
    }
    plain = scenario_data(topology={"tree": {"children": edges}}, network=[sight, WIRE])

    def airtimes(content: Data) -> set[float]:
        return {row["airtime_s"] for row in run_timing(content).trace.messages if row["src"] == "device1"}

    assert airtimes(plain | {"faults": [fault]}) == airtimes(plain)


@pytest.mark.parametrize("regions", [1, 2])
def test_servers_return_to_a_repaired_region_also_with_mobility(regions: int) -> None:
    edges = [{"x_m": x, "y_m": 0.0, "devices": 1} for x in (0.0, 300.0)]
    tree = [{"children": edges}] if regions == 1 else [{"children": [edge]} for edge in edges]
    motion = {"random_waypoint": {"side": ["300 m", "100 m"], "speed": ["1 m/s", "2 m/s"]}}
    run = run_timing(
        scenario_data(
            {"server_failure": {"level": 2, "nodes": ["region0"], "when": given_times("1500 ms", "2 s")}},
            topology={"tree": {"children": tree}},
            network=[CELL, WIRE, WIRE],
            algorithm={"hier_favg": {"learning_rate": 0.1, "batch_size": 4, "tau": [1, 1, 1]}},
            mobility={"motion": motion, "handover": "nearest"},
            stop={"rounds": 6, "deadline": "1 min"},
        )
    )
    assert run.stopped_by == "rounds"
    assert parents(run, "edge0")[-1] == "region0"
