"""Hints for common errors, and listings with numbers in the units of a scenario."""

from __future__ import annotations

import pytest

from netsim.cli.list_command import list_command
from netsim.network import PRESETS

from .sample_scenarios import SCENARIO, error_lines, with_algorithm

QMLHFL = "{qmlhfl: {learning_rate: 0.2, batch_size: 32, levels: [4, 8], tau: %s}}"


@pytest.mark.parametrize(
    ("tau", "message"),
    [
        ("5, 2", "algorithm.qmlhfl: '2' stands alone between commas; a list needs brackets: tau: [..., 2]"),
        ("5, 2.5, 2.5", "algorithm.qmlhfl: '2.5' stands alone between commas; a list needs brackets: tau: [..., 2.5]"),
        ('"5, 2"', "algorithm.qmlhfl.tau: must be a list, got '5, 2'; write [5, 2]"),
        ("5 2", "algorithm.qmlhfl.tau: must be a list, got '5 2'; write [5, 2]"),
        ("5", "algorithm.qmlhfl.tau: must be a list, got 5; write [5]"),
    ],
)  # fmt: skip
def test_the_error_of_a_list_without_brackets_shows_the_syntax(tau: str, message: str) -> None:
    assert [line.partition(": ")[2] for line in error_lines(with_algorithm(QMLHFL % tau))] == [message]


def test_the_error_of_an_unknown_topology_lists_the_valid_forms() -> None:
    (line,) = error_lines(SCENARIO, ["topology=net"])
    assert line.startswith("command line: topology: no topology file 'topologies/net.yaml' in ")
    assert line.endswith(
        "; write the path of a file, the name of an included topology (`netsim list topologies`), or a tree of your own "
        "such as {fanout: [2, 4, 5]}"
    )


def test_list_prints_presets_with_units(capsys: pytest.CaptureFixture[str]) -> None:
    assert list_command(None, verbose=True) == 0
    output = capsys.readouterr().out
    presets = output[output.index("presets of cell:") :]
    for line in ("uplink: 20 MHz", "carrier: 3.5 GHz", "device_power: 23 dBm", "station_gain: 5 dB"):
        assert f"      {line}\n" in presets
    assert "placement: {annulus: {radius: [10 m, 250 m], uniform: area}}" in presets
    assert presets.count("carrier: ") == len(PRESETS)
    assert "000.0" not in presets
    assert "(" not in presets.partition("pathloss: ")[2].splitlines()[0]


def test_list_prints_an_argument_group_of_defaults_as_empty(capsys: pytest.CaptureFixture[str]) -> None:
    list_command("algorithms")
    assert "down=none, local={})" in capsys.readouterr().out
