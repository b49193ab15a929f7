"""Files named by a scenario are found beside it, in the working or the data folder; the digest covers their content."""

from __future__ import annotations

from pathlib import Path

import pytest

from netsim.scenario import ScenarioError, digest, load
from netsim.simulation.run import simulate

SCENARIO = """\
name: traced
task: {dataset: synthetic}
topology: {fanout: [3]}
devices: {compute: {traced: speeds.csv}}
algorithm: {fedavg: {learning_rate: 0.1, batch_size: 4, local_steps: 2}}
network: [{traced: {uplink: {csv: up.csv}, downlink: {csv: {path: down.csv}}}}]
stop: {rounds: 1}
"""


def write_files(folder: Path, rate: int = 1000) -> Path:
    """Write the scenario and its three trace files into one folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "speeds.csv").write_text("3.5,12000\n")
    for name in ("up.csv", "down.csv"):
        (folder / name).write_text(f"time_s,rate_bps\n0,{rate}\n1,{rate}\n")
    (folder / "scene.yaml").write_text(SCENARIO)
    return folder / "scene.yaml"


@pytest.fixture
def empty_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Changes to an empty working folder, and sets another data folder."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("NETSIM_DATA", str(tmp_path / "data"))
    return tmp_path


def test_attached_files_are_found_beside_the_scenario(empty_working_folder: Path) -> None:
    assert simulate(load(write_files(empty_working_folder / "there")), engine="timing").finished_rounds == 1


def test_attached_files_are_found_in_the_working_and_the_data_folder(empty_working_folder: Path) -> None:
    scene = write_files(empty_working_folder / "there")
    write_files(empty_working_folder / "data")
    (scene.parent / "up.csv").rename(empty_working_folder / "here" / "up.csv")
    (scene.parent / "down.csv").unlink()
    assert simulate(load(scene), engine="timing").finished_rounds == 1


def test_files_beside_the_scenario_take_precedence(empty_working_folder: Path) -> None:
    slow, fast = (
        write_files(empty_working_folder / "slow", 1000),
        write_files(empty_working_folder / "here", 1_000_000),
    )
    times = [simulate(load(path), engine="timing").sim_time_s for path in (slow, fast)]
    assert times[0] > 10 * times[1]


def test_the_error_of_a_missing_file_has_its_line_and_all_searched_folders(
    empty_working_folder: Path,
) -> None:
    scene = write_files(empty_working_folder / "there")
    (scene.parent / "down.csv").unlink()
    (scene.parent / "speeds.csv").unlink()
    with pytest.raises(ScenarioError) as caught:
        load(scene)
    speeds, down = caught.value.lines
    folders = [empty_working_folder / name for name in ("there", "here", "data")]
    assert speeds.startswith(
        f"{scene}:4:20: devices.compute: no file of device speeds 'speeds.csv': looked for "
    )
    assert down.startswith(f"{scene}:6:11: network[0]: no trace 'down.csv': looked for ")
    assert all(str(folder / "down.csv") in down for folder in folders)


def test_the_digest_depends_on_the_content_of_attached_files_not_on_their_path(
    empty_working_folder: Path,
) -> None:
    names = [digest(load(write_files(empty_working_folder / folder))) for folder in ("one", "two/deep")]
    assert names[0] == names[1]
    assert digest(load(write_files(empty_working_folder / "three", rate=2000))) != names[0]
