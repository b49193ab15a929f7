"""Randomness belongs to who, why and when: another network, the same learning; another seed, everything else."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from netsim.scenario import load_text
from netsim.simulation.run import execute, simulate

from .runs import RECIPES, final, recipe, weights

SLOWER = "\n" + "  - wired: {rate: 100 kbit/s, latency: 40 ms}\n" * 3
PLAIN = "{dataset: digits, model: logistic}"
CELL = (
    "\n  - cell: {preset: urban_micro, uplink: 2 MHz, downlink: 1 MHz}\n"
    + "  - wired: {rate: 1 Mbit/s, latency: 1 ms}\n" * 2
)


@pytest.mark.parametrize("network", [SLOWER, CELL])
@pytest.mark.parametrize("name", ["qmlhfl", "qmlhfl_elias"])
def test_another_network_leaves_every_weight_unchanged(name: str, network: str) -> None:
    here, there = execute(recipe(name), device="cpu"), execute(recipe(name, network=network), device="cpu")
    assert here.model.digest == there.model.digest
    assert np.array_equal(weights(here), weights(there))
    assert here.env.now < there.env.now


def test_the_same_scenario_twice_gives_equal_tables() -> None:
    one, two = (
        simulate(recipe("qmlhfl"), device="cpu"),
        simulate(recipe("qmlhfl"), device="cpu", memory_bytes=9000),
    )
    for table in ("rounds", "messages", "nodes"):
        pd.testing.assert_frame_equal(getattr(one, table), getattr(two, table), check_exact=True)


def test_another_seed_gives_another_model() -> None:
    assert not np.array_equal(final(recipe("qmlhfl")), final(recipe("qmlhfl", seed=6)))


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_learns(name: str) -> None:
    result = simulate(recipe(name, rounds=30, model="logistic", task=PLAIN), device="cpu")
    first, last = result.rounds["loss"].iloc[0], result.rounds["loss"].iloc[-1]
    assert last < 0.8 * first


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_written_out_layer_by_layer_is_the_same_run(name: str) -> None:
    from netsim.scenario import digest, resolved

    scene = recipe(name)
    again = load_text(resolved(scene), "resolved.yaml")
    assert digest(again) == digest(scene)
    assert np.array_equal(final(again), final(scene))


def test_looking_at_a_model_twice_gives_the_same_score() -> None:
    run = execute(recipe("fedavg"), device="cpu")
    assert run.engine.evaluate(run.model) == run.engine.evaluate(run.model)
