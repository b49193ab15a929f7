"""The sample is a valid scenario; loading scenarios does not import torch."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from netsim.scenario import (
    PARTS,
    ScenarioError,
    format_default,
    load,
    load_text,
    part_registries,
    sample_text,
    shipped,
)
from netsim.scenario.dataclass_schema import arguments_of


def test_the_sample_loads_and_explains_every_section() -> None:
    scenario = load_text(sample_text())
    assert scenario.name == "sample"
    assert all(
        re.search(rf"^{name}:", sample_text(), re.MULTILINE)
        for name in set(type(scenario).model_fields) - {"sweep"}
    )


def test_the_commented_layers_of_the_sample_are_valid() -> None:
    text = re.sub(r"^  qmlhfl: .*\n", "", sample_text(), flags=re.MULTILINE)
    for line in re.findall(r"^  # (?:leaf:|layers:|  - ).*\n", text, re.MULTILINE):
        text = text.replace(line, line.replace("# ", "", 1))
    layers = load_text(text).layered_algorithm.layers
    assert [layer.tau for layer in layers] == [5, 2, 2]


def test_parts_named_in_the_sample_exist() -> None:
    for kind in ("recipe", "partition", "model"):
        assert all(name in sample_text() for name in PARTS[kind].registry)


def test_shipped_scenarios_are_found_by_name_and_misspellings_get_a_suggestion() -> None:
    assert "quickstart" in shipped()
    assert load("quickstart", ["seed=3"]).seed == 3
    with pytest.raises(
        ScenarioError, match="'quikstart' is neither a file nor a shipped scenario; did you mean 'quickstart'"
    ):
        load("quikstart")
    with pytest.raises(ScenarioError, match=r"nowhere.yaml: no such file"):
        load("nowhere.yaml")


@pytest.mark.parametrize("name", ["papers/deadline_mnist", "deadline_mnist"])
def test_scenarios_in_folders_are_found_with_and_without_their_folder(name: str) -> None:
    assert load(name).name == "deadline_mnist"
    assert "papers/deadline_mnist" in shipped()
    with pytest.raises(ScenarioError, match="papers/deadline_mnst: no such file"):
        load("papers/deadline_mnst")
    with pytest.raises(ScenarioError, match="did you mean 'papers/deadline_mnist'"):
        load("deadline_mnst")


def test_defaults_are_formatted_as_in_a_scenario() -> None:
    wired = {
        field.name: format_default(field) for field in arguments_of(part_registries()["networks"]["wired"])
    }
    assert wired["rate"] == "1 Gbit/s"
    assert wired["latency"] == "10 ms"
    assert wired["shared"] == "true"
    assert wired["uplink"] == "null"
    mlp = arguments_of(part_registries()["models"]["mlp"])
    assert format_default(mlp[0]) == "[64]"


def test_loading_a_scenario_does_not_import_torch_and_parses_the_text_once() -> None:
    script = """
import sys
from netsim.scenario import load
from netsim.scenario import yaml_document
texts, real = [], yaml_document._compose
yaml_document._compose = lambda text: texts.append(text) or real(text)
load("quickstart")
load("quickstart")
assert len(texts) == 1, texts
heavy = {"torch", "torchvision", "pandas", "scipy", "sklearn", "numba", "plotly", "networkx"} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", script], check=True)
