"""Common slips are told what was meant, and lists show numbers as a scenario writes them."""

from __future__ import annotations

import pytest

from netsim.cli.list_command import list_command
from netsim.network import PRESETS

from .scenes import SCENE, complaints, with_algorithm

QMLHFL = "{qmlhfl: {learning_rate: 0.2, batch_size: 32, levels: [4, 8], tau: %s}}"


@pytest.mark.parametrize(
    ("tau", "said"),
    [
        ("5, 2", "algorithm.qmlhfl: '2' stands alone between commas; a list needs brackets: tau: [..., 2]"),
        ("5, 2.5, 2.5", "algorithm.qmlhfl: '2.5' stands alone between commas; a list needs brackets: tau: [..., 2.5]"),
        ('"5, 2"', "algorithm.qmlhfl.tau: must be a list, got '5, 2'; write [5, 2]"),
        ("5 2", "algorithm.qmlhfl.tau: must be a list, got '5 2'; write [5, 2]"),
        ("5", "algorithm.qmlhfl.tau: must be a list, got 5; write [5]"),
    ],
)  # fmt: skip
def test_a_list_without_brackets_is_told_how_it_is_written(tau: str, said: str) -> None:
    assert [line.partition(": ")[2] for line in complaints(with_algorithm(QMLHFL % tau))] == [said]


def test_a_topology_that_is_no_file_is_told_what_may_stand_there() -> None:
    (line,) = complaints(SCENE, ["topology=net"])
    assert line.startswith("command line: topology: no topology file 'topologies/net.yaml' in ")
    assert line.endswith(
        "; write the path of a file, the name of an included topology (`netsim list topologies`), or a tree of your own "
        "such as {fanout: [2, 4, 5]}"
    )


def test_everything_is_listed_and_presets_have_units(capsys: pytest.CaptureFixture[str]) -> None:
    assert list_command(None, verbose=True) == 0
    told = capsys.readouterr().out
    shown = told[told.index("presets of cell:") :]
    for line in ("uplink: 20 MHz", "carrier: 3.5 GHz", "device_power: 23 dBm", "station_gain: 5 dB"):
        assert f"      {line}\n" in shown
    assert "placement: {annulus: {radius: [10 m, 250 m], uniform: area}}" in shown
    assert shown.count("carrier: ") == len(PRESETS)
    assert "000.0" not in shown
    assert "(" not in shown.partition("pathloss: ")[2].splitlines()[0]


def test_a_record_of_defaults_is_listed_as_empty(capsys: pytest.CaptureFixture[str]) -> None:
    list_command("algorithms")
    assert "down=none, local={})" in capsys.readouterr().out
