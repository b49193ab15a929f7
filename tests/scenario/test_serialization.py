"""A resolved scenario reads back to the same run; the digest names what the run depends on and nothing else."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest

from learning.algorithms.averaging import HierFAVG
from learning.algorithms.recipes import RECIPES
from netsim.scenario import PARTS, Scenario, digest, dump_part, grow, load, load_text, resolved, shipped
from tests.scenario.scenes import SCENE, with_algorithm

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
    """The scene with one recipe, on a star where it wants one."""
    text = with_algorithm(f"{{{recipe}: {ALGORITHMS[recipe]}}}")
    if recipe in ("fedavg", "fedprox", "sign_sgd", "scaffold"):
        text = text.replace("[2, 5]", "[5]").replace("  - wired: {rate: 100 Mbit/s, latency: 5 ms}\n", "")
    return load_text(text)


def test_every_recipe_is_tried_here() -> None:
    assert set(ALGORITHMS) == set(RECIPES)


@pytest.mark.parametrize("recipe", ALGORITHMS)
def test_a_resolved_recipe_is_the_same_ladder_and_digest(recipe: str) -> None:
    scenario = scene(recipe)
    again = load_text(resolved(scenario))
    assert again.layered_algorithm == scenario.layered_algorithm == again.algorithm
    assert digest(again) == digest(scenario)
    assert resolved(again) == resolved(scenario)


@pytest.mark.parametrize("recipe", ALGORITHMS)
def test_a_recipe_is_written_back_to_an_equal_recipe(recipe: str) -> None:
    algorithm = scene(recipe).algorithm
    assert PARTS["recipe"].build(dump_part(algorithm)) == algorithm


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_scenario_survives_being_resolved(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = load(name)
    text = resolved(scenario)
    monkeypatch.chdir(tmp_path)
    again = load_text(text)
    assert digest(again) == digest(scenario)
    assert grow(again).fingerprint == grow(scenario).fingerprint
    assert "file" not in text.split("topology:")[1].split("devices:")[0]


def test_the_digest_is_this_one_until_the_format_changes() -> None:
    assert digest(load_text(SCENE)) == "ed41a1ac8a1dea47"


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
def test_what_changes_no_result_changes_no_digest(right: str, other: str) -> None:
    assert digest(load_text(SCENE.replace(right, other))) == digest(load_text(SCENE))


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
def test_what_changes_a_result_changes_the_digest(right: str, other: str) -> None:
    assert SCENE.count(right) == 1
    assert digest(load_text(SCENE.replace(right, other))) != digest(load_text(SCENE))


def test_the_topologys_content_counts_not_its_file_name(tmp_path: Path) -> None:
    tree = "{children: [{name: a, x_m: 3, y_m: 4.5, latency: 2 ms, devices: 2}, {devices: 3}]}"
    for name in ("one.yaml", "two.yaml"):
        (tmp_path / name).write_text(tree)
    (tmp_path / "near.yaml").write_text(tree.replace("4.5", "4.6"))
    made = {
        n: load_text(SCENE.replace("{fanout: [2, 5]}", n), beside=tmp_path)
        for n in ("one.yaml", "two.yaml", "near.yaml")
    }
    assert digest(made["one.yaml"]) == digest(made["two.yaml"]) != digest(made["near.yaml"])
    assert digest(load_text(resolved(made["one.yaml"]))) == digest(made["one.yaml"])


def test_a_file_beside_the_scenario_is_found_before_one_in_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside, here = tmp_path / "beside", tmp_path / "here"
    for folder, devices in ((beside, 3), (here, 4)):
        folder.mkdir()
        (folder / "tree.yaml").write_text(f"{{children: [{{devices: {devices}}}, {{devices: 1}}]}}")
    (beside / "scene.yaml").write_text(SCENE.replace("{fanout: [2, 5]}", "{file: tree.yaml}"))
    monkeypatch.chdir(here)
    relative = Path(os.path.relpath(beside / "scene.yaml"))
    assert len(grow(load(relative)).devices) == 4
    assert len(grow(load_text((beside / "scene.yaml").read_text())).devices) == 5


def test_equal_texts_are_equal_scenarios_here_and_in_a_worker() -> None:
    scenario = load_text(SCENE)
    assert scenario == load_text(SCENE)
    assert scenario != load_text(SCENE.replace("seed: 7", "seed: 8"))
    travelled = pickle.loads(pickle.dumps(scenario))
    assert travelled == scenario
    assert digest(travelled) == digest(scenario)


def test_a_changed_algorithm_needs_no_text() -> None:
    scenario = load_text(SCENE)
    other = scenario.model_copy(update={"algorithm": scene("hier_favg").algorithm})
    assert other.layered_algorithm.leaf.learning_rate == 1.0
    assert digest(other) != digest(scenario)


def test_a_tree_and_the_fan_out_that_grows_it_are_one_run() -> None:
    tree = load_text(SCENE.replace("{fanout: [2, 5]}", "{tree: [{devices: 5}, {devices: 5}]}"))
    assert digest(tree) == digest(load_text(SCENE))


def test_one_and_one_point_nought_are_one_number() -> None:
    one, nought = (HierFAVG(rate, 8, (5, 2)) for rate in (1, 1.0))
    scenario = load_text(SCENE)
    assert digest(scenario.model_copy(update={"algorithm": one})) == digest(
        scenario.model_copy(update={"algorithm": nought})
    )
