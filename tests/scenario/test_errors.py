"""A wrong scenario answers with file, line, column, path, value, rule and the nearest right spelling."""

from __future__ import annotations

import pickle

import pytest

from netsim.scenario import ScenarioError
from tests.scenario.scenes import SCENE, complaints, with_algorithm


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
def test_one_mistake_is_one_clear_complaint(right: str, wrong: str, line: str) -> None:
    assert SCENE.count(right) == 1
    assert complaints(SCENE.replace(right, wrong)) == line.split("\n")


def test_several_mistakes_are_told_at_once_in_the_order_of_the_file() -> None:
    text = SCENE.replace("alpha", "alfa").replace("seed: 7", "sed: 7").replace("20 MHz", "20 Mhz")
    text = text.replace("rounds: 20", "rounds: 2.5, target_accuracy: 95").replace(
        "levels: [4, 8]", "levels: 4"
    )
    assert complaints(text) == [
        "bad.yaml:2:1: sed: unknown key 'sed'; did you mean 'seed'? (known: algorithm, association, devices, energy, evaluate, faults, finite, mobility, name, "
        "network, precision, seed, selection, servers, stop, sweep, task, topology, wait)",
        "bad.yaml:5:27: task.partition.dirichlet.alfa: unknown key 'alfa'; did you mean 'alpha'? "
        "(known: alpha, min_size)",
        "bad.yaml:10:69: algorithm.qmlhfl.levels: must be a list, got 4; write [4]",
        "bad.yaml:12:20: network[0].cell.uplink: unknown frequency unit 'Mhz' in '20 Mhz'; did you mean MHz?",
        "bad.yaml:14:16: stop.rounds: must be an integer, got 2.5",
        "bad.yaml:14:38: stop.target_accuracy: must be <= 1.0, got 95",
    ]


def test_a_law_of_one_layer_is_told_at_that_layer() -> None:
    layers = "[{tau: 1, up: sign, rule: mean}, {tau: 0, up: none, rule: mean}]"
    text = with_algorithm(f"{{leaf: {{learning_rate: 0.1, batch_size: 4}}, layers: {layers}}}")
    assert complaints(text) == [
        "bad.yaml:9:103: algorithm.layers[1].tau: tau must be >= 1, got 0; "
        "to skip a layer, remove it from the topology (layer 2)"
    ]
    assert complaints(text.replace("tau: 0", "tau: 2"))[0].startswith(
        "bad.yaml:9:65: algorithm.layers[0]: layer 1: sign carries no magnitude"
    )


def test_arguments_beside_a_part_instead_of_below_it_are_pointed_out() -> None:
    text = SCENE.replace("{dirichlet: {alpha: 0.3}}", "{dirichlet: , alpha: 0.3}")
    assert complaints(text) == [
        "bad.yaml:5:28: task.partition.alpha: write 'alpha' below 'dirichlet', not beside it"
    ]


def test_a_field_of_two_types_tells_both_rules() -> None:
    assert complaints(SCENE.replace("latency: 5 ms", "latency: soon")) == [
        "bad.yaml:13:40: network[1].wired.latency: 'soon' is not a time; write e.g. 5 ms; or: "
        "must be 'from_distance' or 'great_circle', got 'soon'"
    ]


def test_a_missing_topology_file_is_named_with_the_places_searched() -> None:
    (line,) = complaints(SCENE.replace("{fanout: [2, 5]}", "nowhere"))
    assert line.startswith("bad.yaml:7:11: topology: no topology file 'topologies/nowhere.yaml' in ")


def test_the_error_survives_a_worker_process() -> None:
    error = ScenarioError(["a", "b"])
    assert pickle.loads(pickle.dumps(error)).lines == ("a", "b")


def test_skew_by_layer_needs_an_entry_for_each_layer_of_the_tree() -> None:
    text = SCENE.replace("{dirichlet: {alpha: 0.3}}", "{by_layer: [0.3, null, 0.1]}")
    assert complaints(text) == [
        "bad.yaml:5:14: task.partition: alpha has 3 entries, but the topology has 2 layers; write one per layer, "
        "from the devices up (null: IID)"
    ]


def test_an_objection_to_a_shift_has_the_shift_s_place() -> None:
    text = SCENE.replace("  model:", "  shifts: [{brightness: 0.2}, {label_flip: 2.5}]\n  model:")
    assert complaints(text) == [
        "bad.yaml:6:44: task.shifts[1].label_flip: fraction must be in (0, 1], got 2.5; 0.2 is a fifth of the devices"
    ]
