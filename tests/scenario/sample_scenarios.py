"""A small valid scenario for the tests of this folder, and the error lines of invalid scenarios."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from netsim.scenario import ScenarioError, load_text

SCENARIO = """\
name: scene
seed: 7
task:
  dataset: digits
  partition: {dirichlet: {alpha: 0.3}}
  model: {mlp: {hidden: [64]}}
topology: {fanout: [2, 5]}
devices: {compute: {flops: {rate: 2 GFLOP/s, spread: {lognormal: 0.4}}}}
algorithm:
  qmlhfl: {learning_rate: 0.2, batch_size: 32, tau: [5, 2], levels: [4, 8]}
network:
  - cell: {uplink: 20 MHz}
  - wired: {rate: 100 Mbit/s, latency: 5 ms}
stop: {rounds: 20}
"""


def with_algorithm(text: str) -> str:
    """SCENARIO with another algorithm, written in one line of YAML."""
    head, _, tail = SCENARIO.partition("algorithm:")
    return f"{head}algorithm: {text}\n{tail[tail.index('network:') :]}"


def error_lines(text: str, overrides: Sequence[str] = ()) -> list[str]:
    """The lines of the ScenarioError that the text raises."""
    with pytest.raises(ScenarioError) as caught:
        load_text(text, "bad.yaml", overrides)
    assert str(caught.value) == "\n".join(caught.value.lines)
    return list(caught.value.lines)
