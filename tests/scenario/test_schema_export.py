"""The JSON schema for editors accepts valid scenarios and rejects wrong keys, types and units."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from netsim.scenario import json_schema, load, resolved, sample_text
from netsim.scenario.overrides import parse_path, replace_at
from netsim.scenario.yaml_document import parse
from tests.conftest import REPOSITORY
from tests.scenario.sample_scenarios import SCENARIO

jsonschema = pytest.importorskip("jsonschema")
FILES = sorted((REPOSITORY / "scenarios").glob("*.yaml"))


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_shipped_scenario_is_valid_as_written_and_resolved(path: Path, validator: Any) -> None:
    validator.validate(parse(path.read_text()).data)
    validator.validate(parse(resolved(load(path))).data)


def test_the_sample_is_valid(validator: Any) -> None:
    validator.validate(parse(sample_text()).data)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("stop.roundz", 3),
        ("stop.rounds", 0),
        ("stop.deadline", "5 parsecs"),
        ("network[0].cell.uplink", 20),
        ("network[1].wired.rate", "20 MHz"),
        ("network[1].wired.latency", "soon"),
        ("devices.compute.flops.rate", 2e9),
        ("task.partition.dirichlet.alfa", 1),
        ("task.dataset", "digit"),
        ("algorithm.qmlhfl.tau", 5),
        ("algorithm.qmlhfl.code", "elais"),
    ],
)
def test_a_misspelt_key_or_a_missing_unit_is_refused(path: str, value: object, validator: Any) -> None:
    data = parse(SCENARIO).data
    assert validator.is_valid(copy.deepcopy(data))
    assert not validator.is_valid(replace_at(data, parse_path(path), value)[0])


@pytest.mark.parametrize(
    ("sweep", "expected"),
    [
        ("{seed: [1, 2]}", True),
        ("{grid: {seed: [1]}, zip: {a.b: [1], c: [2]}, list: [{a: 1}], seeds: 3}", True),
        ("{seeds: [1, 2], stop.rounds: [3]}", True),
        ("{seed: 3}", False),
        ("{seeds: 0}", False),
        ("{grid: [seed]}", False),
        ("{list: {seed: 1}}", False),
        ("{zip: {seed: []}}", False),
    ],
)
def test_the_schema_validates_the_forms_of_a_sweep(sweep: str, expected: bool, validator: Any) -> None:
    assert validator.is_valid(parse(f"{SCENARIO}sweep: {sweep}\n").data) is expected
