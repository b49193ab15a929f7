"""Barriers that an algorithm cannot live with are refused."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from netsim.scenario import Scenario
from tests.dynamics.scenes import Data, scene


@pytest.mark.parametrize(
    "wait", [{"first": {"count": 1, "late": "carry"}}, {"buffer": {"size": 1}}, "asynchronous"]
)
def test_corrections_cannot_build_on_answers_to_earlier_broadcasts(wait: Data | str) -> None:
    ladder = {"mtgc": {"learning_rate": 0.1, "batch_size": 4, "tau": [2, 2]}}
    with pytest.raises(ValidationError, match="carries late answers over, but corrections"):
        Scenario.model_validate(scene(algorithm=ladder, wait=[wait, "all"]))
