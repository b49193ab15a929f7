"""Recordings that a scenario names are found beside it, here or among the data; a run is named by what they hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from netsim.scenario import ScenarioError, digest, load
from netsim.simulation.run import simulate

SCENE = """\
name: traced
task: {dataset: synthetic}
topology: {fanout: [3]}
devices: {compute: {traced: speeds.csv}}
algorithm: {fedavg: {learning_rate: 0.1, batch_size: 4, local_steps: 2}}
network: [{traced: {uplink: {csv: up.csv}, downlink: {csv: {path: down.csv}}}}]
stop: {rounds: 1}
"""


def written(folder: Path, rate: int = 1000) -> Path:
    """The scenario and its three recordings in one folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "speeds.csv").write_text("3.5,12000\n")
    for name in ("up.csv", "down.csv"):
        (folder / name).write_text(f"time_s,rate_bps\n0,{rate}\n1,{rate}\n")
    (folder / "scene.yaml").write_text(SCENE)
    return folder / "scene.yaml"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with nothing in it, and another for data."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("NETSIM_DATA", str(tmp_path / "data"))
    return tmp_path


def test_recordings_are_found_beside_the_scenario(elsewhere: Path) -> None:
    assert simulate(load(written(elsewhere / "there")), engine="timing").finished_rounds == 1


def test_they_are_found_here_and_among_the_data(elsewhere: Path) -> None:
    scene = written(elsewhere / "there")
    written(elsewhere / "data")
    (scene.parent / "up.csv").rename(elsewhere / "here" / "up.csv")
    (scene.parent / "down.csv").unlink()
    assert simulate(load(scene), engine="timing").finished_rounds == 1


def test_what_lies_beside_the_scenario_comes_first(elsewhere: Path) -> None:
    slow, fast = written(elsewhere / "slow", 1000), written(elsewhere / "here", 1_000_000)
    times = [simulate(load(path), engine="timing").sim_time_s for path in (slow, fast)]
    assert times[0] > 10 * times[1]


def test_a_missing_recording_is_told_with_its_line_and_all_places(elsewhere: Path) -> None:
    scene = written(elsewhere / "there")
    (scene.parent / "down.csv").unlink()
    (scene.parent / "speeds.csv").unlink()
    with pytest.raises(ScenarioError) as caught:
        load(scene)
    speeds, down = caught.value.lines
    folders = [elsewhere / name for name in ("there", "here", "data")]
    assert speeds.startswith(
        f"{scene}:4:20: devices.compute: no file of device speeds 'speeds.csv': looked for "
    )
    assert down.startswith(f"{scene}:6:11: network[0]: no trace 'down.csv': looked for ")
    assert all(str(folder / "down.csv") in down for folder in folders)


def test_a_run_is_named_by_what_its_recordings_hold_not_by_where_they_lie(elsewhere: Path) -> None:
    names = [digest(load(written(elsewhere / folder))) for folder in ("one", "two/deep")]
    assert names[0] == names[1]
    assert digest(load(written(elsewhere / "three", rate=2000))) != names[0]
