"""Random numbers depend on seed, purpose, node and iteration only; not on the network."""

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
def test_the_network_does_not_change_the_model(name: str, network: str) -> None:
    first, second = execute(recipe(name), device="cpu"), execute(recipe(name, network=network), device="cpu")
    assert first.model.digest == second.model.digest
    assert np.array_equal(weights(first), weights(second))
    assert first.env.now < second.env.now


def test_a_repeated_scenario_gives_equal_tables() -> None:
    first, second = (
        simulate(recipe("qmlhfl"), device="cpu"),
        simulate(recipe("qmlhfl"), device="cpu", memory_bytes=9000),
    )
    for table in ("rounds", "messages", "nodes"):
        pd.testing.assert_frame_equal(getattr(first, table), getattr(second, table), check_exact=True)


def test_another_seed_gives_another_model() -> None:
    assert not np.array_equal(final(recipe("qmlhfl")), final(recipe("qmlhfl", seed=6)))


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_learns(name: str) -> None:
    result = simulate(recipe(name, rounds=30, model="logistic", task=PLAIN), device="cpu")
    first, last = result.rounds["loss"].iloc[0], result.rounds["loss"].iloc[-1]
    assert last < 0.8 * first


@pytest.mark.parametrize("name", RECIPES)
def test_a_resolved_recipe_gives_the_same_digest_and_model(name: str) -> None:
    from netsim.scenario import digest, resolved

    scene = recipe(name)
    reloaded = load_text(resolved(scene), "resolved.yaml")
    assert digest(reloaded) == digest(scene)
    assert np.array_equal(final(reloaded), final(scene))


def test_evaluation_is_repeatable() -> None:
    run = execute(recipe("fedavg"), device="cpu")
    assert run.engine.evaluate(run.model) == run.engine.evaluate(run.model)
