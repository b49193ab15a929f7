"""`key.path[0].x=value` overrides one value; errors of overrides name the command line."""

from __future__ import annotations

from typing import Any

import pytest

from netsim.scenario import load_text
from netsim.scenario.overrides import BadOverrideError, parse_override, parse_path, replace_at
from tests.scenario.sample_scenarios import SCENARIO, error_lines


def test_overrides_are_applied_in_order_before_validation() -> None:
    scenario = load_text(
        SCENARIO,
        overrides=[
            "seed=1",
            "seed=9",
            "network[1].wired.rate=3 Mbit/s",
            "algorithm.qmlhfl.tau[1]=4",
            "evaluate.every=5",
            "stop.deadline=2 min",
        ],
    )
    assert scenario.seed == 9
    assert scenario.network[1].rate == 3e6  # type: ignore[attr-defined]
    assert scenario.layered_algorithm.taus == (5, 4)
    assert scenario.evaluate.every == 5
    assert scenario.stop.deadline == 120.0


def test_the_value_of_an_override_is_yaml() -> None:
    assert parse_override("a.b=[1, {c: 1e-3}]") == (("a", "b"), [1, {"c": 0.001}])
    assert parse_override("a=x=y") == (("a",), "x=y")
    assert parse_override("a=") == (("a",), None)
    assert parse_override('sweep["a=b"]=[1]') == (("sweep", "a=b"), [1])


@pytest.mark.parametrize(
    ("path", "loc"),
    [
        ("network[0].cell.uplink", ("network", 0, "cell", "uplink")),
        ("a[1][2]", ("a", 1, 2)),
        ('x["my.part:Name"].y', ("x", "my.part:Name", "y")),
        ("my-key", ("my-key",)),
    ],
)
def test_paths_are_parsed_into_keys_and_indices(path: str, loc: tuple[Any, ...]) -> None:
    assert parse_path(path) == loc


@pytest.mark.parametrize("path", [".a", "[0]", "a..b", "a[x]", "a b", "a]"])
def test_a_malformed_path_is_refused(path: str) -> None:
    with pytest.raises(BadOverrideError, match="is no path; write words and"):
        parse_path(path)


def test_overrides_do_not_change_the_given_tree() -> None:
    tree = {"a": [{"b": 1}]}
    assert replace_at(tree, ("a", 0, "b"), 2) == ({"a": [{"b": 2}]}, ("a", 0, "b"))
    assert tree == {"a": [{"b": 1}]}


def test_an_override_adds_arguments_to_a_part_without_arguments() -> None:
    assert replace_at({"up": "qsgd"}, ("up", "qsgd", "levels"), 4)[0] == {"up": {"qsgd": {"levels": 4}}}


@pytest.mark.parametrize(
    ("override", "line"),
    [
        ("nonsense", "'nonsense' is no override; write key.path=value, e.g. stop.rounds=5"),
        ("=3", "'=3' is no override; write key.path=value, e.g. stop.rounds=5"),
        ("stop.rounds=[1", "stop.rounds: this is not YAML: while parsing a flow sequence, expected ',' or ']', but got '<stream end>'"),
        ("network[4]=x", "network[4]: network has 2 entries, counted from 0"),
        ("network.cell=x", "network.cell: network is a list; choose an entry, e.g. network[0].cell"),
        ("seed[0]=1", "seed[0]: seed is no list but 7"),
        ("seed.x=1", "seed.x: seed is 7, with nothing below it; write seed=... whole"),
        ("stop.round=3", "stop.round: unknown key 'round'; did you mean 'rounds'? (known: deadline, rounds, target_accuracy)"),
        ("stpo.rounds=3", "stpo: unknown key 'stpo'; did you mean 'stop'? (known: algorithm, association, devices, energy, evaluate, faults, finite, mobility, name, "
         "network, precision, seed, selection, servers, stop, sweep, task, topology, wait)"),
        ("seed=-1", "seed: must be >= 0, got -1"),
        ("network[0].wired.rate=1 Mbit/s", "network[0].wired: only one network fits here, and 'cell' is there"),
        ("algorithm.tau=[1, 2]", "algorithm.tau: write 'tau' below 'qmlhfl', not beside it"),
    ],
)  # fmt: skip
def test_the_error_of_an_invalid_override_names_the_command_line(override: str, line: str) -> None:
    assert error_lines(SCENARIO, [override]) == [f"command line: {line}"]


def test_overrides_can_correct_errors_of_the_file_and_other_errors_remain() -> None:
    text = SCENARIO.replace("seed: 7", "seed: -7").replace("rounds: 20", "rounds: 0")
    assert error_lines(text, ["seed=3", "evaluate.every=0"]) == [
        "bad.yaml:14:16: stop.rounds: must be >= 1, got 0",
        "command line: evaluate.every: must be >= 1, got 0",
    ]
