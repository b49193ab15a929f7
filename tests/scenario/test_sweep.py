"""A sweep has existing paths and valid values; `run` ignores it."""

from __future__ import annotations

import pytest

from netsim.scenario import Scenario, digest, load_text, resolved
from netsim.scenario.sweep import FORMS, Sweep
from tests.scenario.sample_scenarios import SCENARIO, error_lines

LINE = 15
THREE_LAYERS = "{topology: {fanout: [2, 2, 5]}, network: [{wired: {}}, {wired: {}}, {wired: {}}], algorithm.qmlhfl.tau: [5, 2, 2], algorithm.qmlhfl.levels: [4, 8, 8]}"


def sweep(text: str) -> Sweep:
    return load_text(f"{SCENARIO}sweep: {text}\n").sweep


def points(text: str) -> list[tuple[object, ...]]:
    return [tuple(setting.values()) for setting in sweep(text).settings(7)]


def test_a_sweep_keeps_its_values_as_written() -> None:
    scenario = load_text(
        SCENARIO + 'sweep: {"network[0].cell.uplink": [1 MHz, 5 MHz], stop.deadline: [2 s], seed: [1, 2]}\n'
    )
    assert scenario.sweep.grid == {
        "network[0].cell.uplink": ("1 MHz", "5 MHz"),
        "stop.deadline": ("2 s",),
        "seed": (1, 2),
    }
    assert digest(scenario) == digest(load_text(SCENARIO))


def test_sweep_forms_are_not_scenario_keys() -> None:
    assert not set(FORMS) & set(Scenario.model_fields)


def test_the_key_grid_is_optional() -> None:
    assert sweep("{grid: {seed: [1, 2], stop.rounds: [3]}}") == sweep("{seed: [1, 2], stop.rounds: [3]}")


def test_a_zip_combines_entries_of_equal_index() -> None:
    assert points("{zip: {stop.rounds: [3, 4], evaluate.every: [1, 2]}}") == [(3, 1), (4, 2)]


def test_a_list_contains_sets_of_overrides() -> None:
    text = "{list: [{stop.rounds: 3}, {stop.rounds: 4, evaluate.every: 2}]}"
    assert list(sweep(text).settings(7)) == [{"stop.rounds": 3}, {"stop.rounds": 4, "evaluate.every": 2}]
    assert sweep(text).paths == ["stop.rounds", "evaluate.every"]


def test_seeds_count_from_the_seed_of_the_scenario_or_are_listed() -> None:
    assert points("{seeds: 3}") == [(7,), (8,), (9,)]
    assert points("{seeds: [4, 2]}") == [(4,), (2,)]


def test_combined_forms_are_a_product_in_which_seeds_vary_fastest() -> None:
    text = (
        "{stop.rounds: [3, 4], zip: {evaluate.every: [1, 2]}, list: [{servers.aggregation: 1 s}], seeds: 2}"
    )
    assert points(text) == [
        (rounds, every, "1 s", seed) for rounds in (3, 4) for every in (1, 2) for seed in (7, 8)
    ]
    assert sweep(text).count == 8
    assert sweep(text).paths == ["stop.rounds", "evaluate.every", "servers.aggregation", "seed"]


def test_overrides_of_one_point_are_validated_together() -> None:
    assert len(points(f"{{list: [{THREE_LAYERS}]}}")) == 1
    assert points(
        "{zip: {topology: [{fanout: [5]}], network: [[{wired: {}}]], algorithm: [{fedavg: {learning_rate: 0.1, batch_size: 8, local_steps: 2}}]}}"
    )


@pytest.mark.parametrize(
    "text",
    [
        "{seed: [1, 2]}",
        "{zip: {seed: [1, 2], stop.rounds: [3, 4]}}",
        "{list: [{stop.rounds: 2}], evaluate.every: [3], seeds: 2}",
        "{seeds: [3, 1]}",
    ],
)
def test_a_resolved_scenario_has_the_same_sweep(text: str) -> None:
    scenario = load_text(f"{SCENARIO}sweep: {text}\n")
    assert load_text(resolved(scenario)).sweep == scenario.sweep


@pytest.mark.parametrize(
    ("sweep", "line"),
    [
        ("{stop.roundz: [1]}", '9: sweep["stop.roundz"]: stop.roundz: unknown key \'roundz\'; did you mean \'rounds\'? '
         "(known: deadline, rounds, target_accuracy)"),
        ("{seed: [1, x]}", "19: sweep.seed[1]: must be an integer, got 'x'"),
        ("{name: [a]}", "9: sweep.name: 'name' cannot be swept; sweep what a run depends on"),
        ('{"network[5]": [wired]}', '9: sweep["network[5]"]: network[5]: network has 2 entries, counted from 0'),
        ("{topology: [{fanout: [3]}]}", "20: sweep.topology[0]: network: has 2 entries, but the topology has 1 layer; "
         "write one per layer, lists run from the devices up"),
        ("{seed: 3}", "15: sweep.seed: must be a list, got 3; write [3]"),
        ("{seed: []}", "15: sweep.seed: must have at least 1 entries, got 0"),
        ("{..: [1]}", "9: sweep[\"..\"]: '..' is no path; write words and [numbers], e.g. network[0].cell.uplink"),
        ("{grids: {seed: [1]}}", "9: sweep.grids: must be a list of values; did you mean 'grid'? (known: grid, list, seeds, zip)"),
        ("{grid: {seed: [1, x]}}", "26: sweep.grid.seed[1]: must be an integer, got 'x'"),
        ("{grid: {seeed: [1, x]}}", "16: sweep.grid.seeed: seeed: unknown key 'seeed'; did you mean 'seed'?"),
        ("{grid: [seed]}", "15: sweep.grid: must be a mapping of paths to lists, got ['seed']"),
        ("{zip: {stop.rounds: [1, 2], seed: [1]}}", "42: sweep.zip.seed: has 1 value, but 'stop.rounds' has 2; a zip combines "
         "the entries of its lists in order, so they must be equally long (or write a grid)"),
        ("{zip: {stop.rounds: [1, 0], seed: [1, 2]}}", '32: sweep.zip["stop.rounds"][1]: must be >= 1, got 0'),
        ("{zip: {stop.roundz: [1, 2]}}", '15: sweep.zip["stop.roundz"]: stop.roundz: unknown key'),
        ("{list: {seed: 1}}", "15: sweep.list: must be a list of at least one {path: value}, got a mapping with seed"),
        ("{list: [seed]}", "16: sweep.list[0]: must be a mapping of paths to values, got 'seed'"),
        ("{list: [{seed: 1}, {seed: x}]}", "34: sweep.list[1].seed: must be an integer, got 'x'"),
        ("{list: [{seed: 1, stop.rond: 1}]}", '26: sweep.list[0]["stop.rond"]: stop.rond: unknown key'),
        ("{seeds: 0}", "16: sweep.seeds: must be >= 1, got 0; leave it out to keep the scenario's seed"),
        ("{seeds: many}", "16: sweep.seeds: must be how many seeds, or a list of seeds, got 'many'"),
        ("{seeds: [1, 1]}", "20: sweep.seeds[1]: seed 1 is there already; repeats need seeds of their own"),
        ("{seeds: [1, -1]}", "20: sweep.seeds[1]: must be >= 0, got -1"),
        ("{seeds: 2, seed: [1, 2]}", "9: sweep.seeds: 'seed' is swept too; keep one of the two"),
        ("{seed: [3], zip: {seed: [1, 2]}}", "26: sweep.zip.seed: 'seed' is swept twice; keep one of the two"),
    ],
)  # fmt: skip
def test_the_error_of_an_invalid_sweep_has_its_position(sweep: str, line: str) -> None:
    assert error_lines(SCENARIO + f"sweep: {sweep}\n")[0].startswith(f"bad.yaml:{LINE}:{line}")


def test_too_many_points_are_refused() -> None:
    lines = error_lines(SCENARIO + "sweep: {seeds: 60000, stop.rounds: [1, 2]}\n")
    assert lines == ["bad.yaml:15:8: sweep: has 120,000 points, at most 100,000 are run"]
