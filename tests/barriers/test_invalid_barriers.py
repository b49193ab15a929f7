"""Barriers that an algorithm cannot live with are refused."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from netsim.scenario import Scenario, ScenarioError
from tests.barriers.scenes import line
from tests.dynamics.scenes import Data, scene


@pytest.mark.parametrize(
    "wait", [{"first": {"count": 1, "late": "carry"}}, {"buffer": {"size": 1}}, "asynchronous"]
)
def test_corrections_cannot_build_on_answers_to_earlier_broadcasts(wait: Data | str) -> None:
    ladder = {"mtgc": {"learning_rate": 0.1, "batch_size": 4, "tau": [2, 2]}}
    with pytest.raises(ValidationError, match="leaves late children out, but corrections"):
        Scenario.model_validate(scene(algorithm=ladder, wait=[wait, "all"]))


@pytest.mark.parametrize("rule", ["median", "{trimmed_mean: 0.2}"])
def test_staleness_is_refused_where_every_answer_counts_as_one(rule: str) -> None:
    algorithm = (
        f"{{leaf: {{learning_rate: 0.1, batch_size: 8}}, layers: [{{tau: 1, up: none, rule: {rule}}}]}}"
    )
    with pytest.raises(ScenarioError, match="staleness changes nothing"):
        line([0, 1, 2], "{buffer: {size: 2}}", algorithm=algorithm)
    line([0, 1, 2], "{buffer: {size: 2, staleness: indifferent}}", algorithm=algorithm)


def test_corrections_want_everybody() -> None:
    scaffold = "{scaffold: {learning_rate: 0.1, batch_size: 8, local_steps: 2}}"
    with pytest.raises(ScenarioError, match="corrections"):
        line([0, 1], "{first: {count: 1}}", algorithm=scaffold)
