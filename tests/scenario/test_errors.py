"""Errors of scenarios have file, line, column, path, value, rule and the nearest valid spelling."""

from __future__ import annotations

import pickle

import pytest

from netsim.scenario import ScenarioError
from tests.scenario.sample_scenarios import SCENARIO, error_lines, with_algorithm


@pytest.mark.parametrize(
    ("right", "wrong", "line"),
    [
        (
            "alpha: 0.3",
            "alfa: 0.3",
            "bad.yaml:5:27: task.partition.dirichlet.alfa: unknown key 'alfa'; did you mean 'alpha'? "
            "(known: alpha, min_size)",
        ),
        (
            "uplink: 20 MHz",
            "uplink: 20",
            "bad.yaml:12:20: network[0].cell.uplink: a frequency needs a unit, got 20; write e.g. 20 MHz",
        ),
        (
            "tau: [5, 2]",
            "tau: [5, -2]",
            "bad.yaml:10:53: algorithm.qmlhfl.tau: tau must be >= 1, got -2; "
            "to skip a layer, remove it from the topology",
        ),
        (
            "rounds: 20",
            "rounds: 0",
            "bad.yaml:14:16: stop.rounds: must be >= 1, got 0",
        ),
        (
            "fanout: [2, 5]",
            "fanout: [2, 2, 5]",
            "bad.yaml:10:11: algorithm.qmlhfl: has 2 entries (tau: [5, 2]), but the topology has 3 layers; "
            "write one entry per layer, lists run from the devices up\n"
            "bad.yaml:12:3: network: has 2 entries, but the topology has 3 layers; "
            "write one per layer, lists run from the devices up",
        ),
        (
            "partition: {dirichlet: {alpha: 0.3}}",
            "partition: dirichlet",
            "bad.yaml:5:14: task.partition: dirichlet needs alpha; write {dirichlet: {alpha: ...}}",
        ),
        (
            "dataset: digits",
            "dataset: digit",
            "bad.yaml:4:12: task.dataset: unknown dataset 'digit'; did you mean 'digits'? "
            "(known: cifar10, digits, fashion_mnist, image_folder, mnist, npz, synthetic)",
        ),
        (
            "lognormal: 0.4",
            "lognormal: -1",
            "bad.yaml:8:66: devices.compute.flops.spread.lognormal: sigma must be in [0, 5], got -1.0; "
            "0.4 is a moderate spread",
        ),
        ("name: scene\n", "", "bad.yaml:1:1: name: required, but missing"),
        ("seed: 7", "seed: true", "bad.yaml:2:7: seed: must be an integer, got True"),
        (
            "  model: {mlp: {hidden: [64]}}\n",
            "",
            "bad.yaml:4:3: task.model: required, but missing "
            "(known: cifar_cnn, lenet, logistic, mcmahan_cnn, mlp, module, resnet8)",
        ),
        (
            "digits",
            "synthetic",
            "bad.yaml:5:3: task.partition: a synthetic objective has its own partition; remove this line\n"
            "bad.yaml:6:3: task.model: a synthetic objective has its own model; remove this line",
        ),
    ],
)
def test_each_error_gives_one_line_with_position_rule_and_remedy(right: str, wrong: str, line: str) -> None:
    assert SCENARIO.count(right) == 1
    assert error_lines(SCENARIO.replace(right, wrong)) == line.split("\n")


def test_several_errors_are_reported_together_in_the_order_of_the_file() -> None:
    text = SCENARIO.replace("alpha", "alfa").replace("seed: 7", "sed: 7").replace("20 MHz", "20 Mhz")
    text = text.replace("rounds: 20", "rounds: 2.5, target_accuracy: 95").replace(
        "levels: [4, 8]", "levels: 4"
    )
    assert error_lines(text) == [
        "bad.yaml:2:1: sed: unknown key 'sed'; did you mean 'seed'? (known: algorithm, association, devices, energy, evaluate, faults, finite, mobility, name, "
        "network, precision, seed, selection, servers, stop, sweep, task, topology, wait)",
        "bad.yaml:5:27: task.partition.dirichlet.alfa: unknown key 'alfa'; did you mean 'alpha'? "
        "(known: alpha, min_size)",
        "bad.yaml:10:69: algorithm.qmlhfl.levels: must be a list, got 4; write [4]",
        "bad.yaml:12:20: network[0].cell.uplink: unknown frequency unit 'Mhz' in '20 Mhz'; did you mean MHz?",
        "bad.yaml:14:16: stop.rounds: must be an integer, got 2.5",
        "bad.yaml:14:38: stop.target_accuracy: must be <= 1.0, got 95",
    ]


def test_the_error_of_one_layer_has_the_position_of_that_layer() -> None:
    layers = "[{tau: 1, up: sign, rule: mean}, {tau: 0, up: none, rule: mean}]"
    text = with_algorithm(f"{{leaf: {{learning_rate: 0.1, batch_size: 4}}, layers: {layers}}}")
    assert error_lines(text) == [
        "bad.yaml:9:103: algorithm.layers[1].tau: tau must be >= 1, got 0; "
        "to skip a layer, remove it from the topology (layer 2)"
    ]
    assert error_lines(text.replace("tau: 0", "tau: 2"))[0].startswith(
        "bad.yaml:9:65: algorithm.layers[0]: layer 1: sign carries no magnitude"
    )


def test_arguments_at_the_wrong_nesting_level_are_reported() -> None:
    text = SCENARIO.replace("{dirichlet: {alpha: 0.3}}", "{dirichlet: , alpha: 0.3}")
    assert error_lines(text) == [
        "bad.yaml:5:28: task.partition.alpha: write 'alpha' below 'dirichlet', not beside it"
    ]


def test_the_error_of_a_field_with_two_types_states_both_rules() -> None:
    assert error_lines(SCENARIO.replace("latency: 5 ms", "latency: soon")) == [
        "bad.yaml:13:40: network[1].wired.latency: 'soon' is not a time; write e.g. 5 ms; or: "
        "must be 'from_distance' or 'great_circle', got 'soon'"
    ]


def test_the_error_of_a_missing_topology_file_names_the_searched_folders() -> None:
    (line,) = error_lines(SCENARIO.replace("{fanout: [2, 5]}", "nowhere"))
    assert line.startswith("bad.yaml:7:11: topology: no topology file 'topologies/nowhere.yaml' in ")


def test_scenario_errors_can_be_pickled() -> None:
    error = ScenarioError(["a", "b"])
    assert pickle.loads(pickle.dumps(error)).lines == ("a", "b")


def test_by_layer_partitions_require_an_entry_for_each_layer() -> None:
    text = SCENARIO.replace("{dirichlet: {alpha: 0.3}}", "{by_layer: [0.3, null, 0.1]}")
    assert error_lines(text) == [
        "bad.yaml:5:14: task.partition: alpha has 3 entries, but the topology has 2 layers; write one per layer, "
        "from the devices up (null: IID)"
    ]


def test_the_error_of_a_shift_has_the_position_of_the_shift() -> None:
    text = SCENARIO.replace("  model:", "  shifts: [{brightness: 0.2}, {label_flip: 2.5}]\n  model:")
    assert error_lines(text) == [
        "bad.yaml:6:44: task.shifts[1].label_flip: fraction must be in (0, 1], got 2.5; 0.2 is a fifth of the devices"
    ]
