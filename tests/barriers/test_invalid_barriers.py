"""Barriers that do not fit an algorithm are rejected."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from netsim.scenario import Scenario, ScenarioError
from tests.barriers.sample_scenarios import star_scenario
from tests.dynamics.sample_scenarios import Data, scenario_data


@pytest.mark.parametrize(
    "wait", [{"first": {"count": 1, "late": "carry"}}, {"buffer": {"size": 1}}, "asynchronous"]
)
def test_corrections_reject_carried_answers(wait: Data | str) -> None:
    algorithm = {"mtgc": {"learning_rate": 0.1, "batch_size": 4, "tau": [2, 2]}}
    with pytest.raises(ValidationError, match="leaves late children out, but corrections"):
        Scenario.model_validate(scenario_data(algorithm=algorithm, wait=[wait, "all"]))


@pytest.mark.parametrize("rule", ["median", "{trimmed_mean: 0.2}"])
def test_staleness_is_rejected_with_equal_votes(rule: str) -> None:
    algorithm = (
        f"{{leaf: {{learning_rate: 0.1, batch_size: 8}}, layers: [{{tau: 1, up: none, rule: {rule}}}]}}"
    )
    with pytest.raises(ScenarioError, match="staleness changes nothing"):
        star_scenario([0, 1, 2], "{buffer: {size: 2}}", algorithm=algorithm)
    star_scenario([0, 1, 2], "{buffer: {size: 2, staleness: indifferent}}", algorithm=algorithm)


def test_corrections_need_all_children() -> None:
    scaffold = "{scaffold: {learning_rate: 0.1, batch_size: 8, local_steps: 2}}"
    with pytest.raises(ScenarioError, match="corrections"):
        star_scenario([0, 1], "{first: {count: 1}}", algorithm=scaffold)
