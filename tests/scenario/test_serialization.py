"""A resolved scenario gives the same run; the digest covers exactly what the results depend on."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from learning.algorithms.averaging import HierFAVG
from learning.algorithms.recipe_registry import RECIPES
from netsim.scenario import PARTS, Scenario, digest, dump_part, grow, load, load_text, resolved, shipped
from tests.scenario.sample_scenarios import SCENARIO, with_algorithm

ALGORITHMS = {
    "fedavg": "{learning_rate: 0.1, batch_size: 8, local_steps: 5, down: {top_k: 0.1}, local: {schedule: {cosine: 9}}}",
    "sign_sgd": "{learning_rate: 0.01, batch_size: 8, ties: zero}",
    "hier_favg": "{learning_rate: 1, batch_size: 8, tau: [5, 2]}",
    "hier_local_qsgd": "{learning_rate: 1e-3, batch_size: 8, tau: [5, 2], levels: [4, null], bucket: null}",
    "hier_sign_sgd": "{learning_rate: 0.01, batch_size: 8, tau: [1, 2], down: {qsgd: {levels: 64}}}",
    "dc_hier_sign_sgd": "{learning_rate: 0.01, batch_size: 8, tau: [1, 2], level: 1, anchor: {qsgd: 8}}",
    "sparse_sign_sgd": "{learning_rate: 0.01, batch_size: 8, tau: [1, 2], fraction: 0.02}",
    "qhetfed": "{learning_rate: 0.1, batch_size: 8, tau: [1, 3], gamma: 4, levels: [4, null]}",
    "mtgc": "{learning_rate: 0.1, batch_size: 8, tau: [2, 3]}",
    "scaffold": "{learning_rate: 0.1, batch_size: 8, local_steps: 4}",
    "admm": "{learning_rate: 0.1, batch_size: 8, tau: [2, 3], rho: [0.5, 0.1], up: {error_feedback: {top_k: 0.1}}}",
    "fedprox": "{learning_rate: 0.1, batch_size: 8, local_steps: 4, prox: 0.1}",
    "fedopt": "{learning_rate: 0.1, batch_size: 8, tau: [4, 2], server: {kind: adam, rate: 0.1}}",
    "qmlhfl": "{learning_rate: 0.2, batch_size: 8, tau: [5, 2], levels: [4, 8], code: elias, down: {rand_k: {k: 9}}}",
}


def scene(recipe: str) -> Scenario:
    """The sample scenario with one recipe, on one layer if the recipe requires it."""
    text = with_algorithm(f"{{{recipe}: {ALGORITHMS[recipe]}}}")
    if recipe in ("fedavg", "fedprox", "sign_sgd", "scaffold"):
        text = text.replace("[2, 5]", "[5]").replace("  - wired: {rate: 100 Mbit/s, latency: 5 ms}\n", "")
    return load_text(text)


def test_this_file_covers_every_recipe() -> None:
    assert set(ALGORITHMS) == set(RECIPES)


@pytest.mark.parametrize("recipe", ALGORITHMS)
def test_a_resolved_recipe_has_the_same_algorithm_and_digest(recipe: str) -> None:
    scenario = scene(recipe)
    reloaded = load_text(resolved(scenario))
    assert reloaded.layered_algorithm == scenario.layered_algorithm == reloaded.algorithm
    assert digest(reloaded) == digest(scenario)
    assert resolved(reloaded) == resolved(scenario)


@pytest.mark.parametrize("recipe", ALGORITHMS)
def test_a_dumped_recipe_builds_an_equal_recipe(recipe: str) -> None:
    algorithm = scene(recipe).algorithm
    assert PARTS["recipe"].build(dump_part(algorithm)) == algorithm


@pytest.mark.parametrize("name", shipped())
def test_a_resolved_shipped_scenario_has_the_same_digest(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = load(name)
    text = resolved(scenario)
    monkeypatch.chdir(tmp_path)
    reloaded = load_text(text)
    assert digest(reloaded) == digest(scenario)
    assert grow(reloaded).fingerprint == grow(scenario).fingerprint
    assert "file" not in text.split("topology:")[1].split("devices:")[0]


def test_the_digest_of_a_scenario_is_stable() -> None:
    assert digest(load_text(SCENARIO)) == "ed41a1ac8a1dea47"


@pytest.mark.parametrize(
    ("right", "other"),
    [
        ("name: scene", "name: other"),
        ("seed: 7\n", "seed: 7\nsweep: {seed: [1, 2]}\n"),
        ("20 MHz", "0.02 GHz"),
        ("learning_rate: 0.2", "bucket: 512, learning_rate: 2e-1"),
        ("dataset: digits", "dataset: {digits: {}}"),
        ("alpha: 0.3", "alpha: 0.3, min_size: 1"),
    ],
)
def test_changes_without_effect_on_results_do_not_change_the_digest(right: str, other: str) -> None:
    assert digest(load_text(SCENARIO.replace(right, other))) == digest(load_text(SCENARIO))


@pytest.mark.parametrize(
    ("right", "other"),
    [
        ("seed: 7", "seed: 8"),
        ("20 MHz", "21 MHz"),
        ("alpha: 0.3", "alpha: 0.31"),
        ("[2, 5]", "[5, 2]"),
        ("levels: [4, 8]", "levels: [4, 9]"),
        ("rounds: 20", "rounds: 21"),
        ("lognormal: 0.4", "lognormal: 0.5"),
        ("seed: 7", "seed: 7\nprecision: float64"),
    ],
)
def test_changes_with_effect_on_results_change_the_digest(right: str, other: str) -> None:
    assert SCENARIO.count(right) == 1
    assert digest(load_text(SCENARIO.replace(right, other))) != digest(load_text(SCENARIO))


def test_the_digest_depends_on_the_content_of_the_topology_not_on_its_file_name(tmp_path: Path) -> None:
    tree = "{children: [{name: a, x_m: 3, y_m: 4.5, latency: 2 ms, devices: 2}, {devices: 3}]}"
    for name in ("one.yaml", "two.yaml"):
        (tmp_path / name).write_text(tree)
    (tmp_path / "near.yaml").write_text(tree.replace("4.5", "4.6"))
    scenarios = {
        n: load_text(SCENARIO.replace("{fanout: [2, 5]}", n), beside=tmp_path)
        for n in ("one.yaml", "two.yaml", "near.yaml")
    }
    assert digest(scenarios["one.yaml"]) == digest(scenarios["two.yaml"]) != digest(scenarios["near.yaml"])
    assert digest(load_text(resolved(scenarios["one.yaml"]))) == digest(scenarios["one.yaml"])


def test_a_topology_file_beside_the_scenario_takes_precedence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside, here = tmp_path / "beside", tmp_path / "here"
    for folder, devices in ((beside, 3), (here, 4)):
        folder.mkdir()
        (folder / "tree.yaml").write_text(f"{{children: [{{devices: {devices}}}, {{devices: 1}}]}}")
    (beside / "scene.yaml").write_text(SCENARIO.replace("{fanout: [2, 5]}", "{file: tree.yaml}"))
    monkeypatch.chdir(here)
    relative = Path(os.path.relpath(beside / "scene.yaml"))
    assert len(grow(load(relative)).devices) == 4
    assert len(grow(load_text((beside / "scene.yaml").read_text())).devices) == 5


def test_equal_texts_give_equal_scenarios_also_after_pickling() -> None:
    scenario = load_text(SCENARIO)
    assert scenario == load_text(SCENARIO)
    assert scenario != load_text(SCENARIO.replace("seed: 7", "seed: 8"))
    unpickled = pickle.loads(pickle.dumps(scenario))
    assert unpickled == scenario
    assert digest(unpickled) == digest(scenario)


def test_the_algorithm_of_a_scenario_object_can_be_replaced() -> None:
    scenario = load_text(SCENARIO)
    other = scenario.model_copy(update={"algorithm": scene("hier_favg").algorithm})
    assert other.layered_algorithm.leaf.learning_rate == 1.0
    assert digest(other) != digest(scenario)


def test_a_tree_and_an_equal_fanout_have_the_same_digest() -> None:
    tree = load_text(SCENARIO.replace("{fanout: [2, 5]}", "{tree: [{devices: 5}, {devices: 5}]}"))
    assert digest(tree) == digest(load_text(SCENARIO))


def test_the_digest_does_not_distinguish_integers_and_equal_floats() -> None:
    as_int, as_float = (HierFAVG(rate, 8, (5, 2)) for rate in (1, 1.0))
    scenario = load_text(SCENARIO)
    assert digest(scenario.model_copy(update={"algorithm": as_int})) == digest(
        scenario.model_copy(update={"algorithm": as_float})
    )
