"""Selections in runs: selected children, weights, equivalent cases, and invalid arguments."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest
from scipy.stats import chisquare

from learning.engine import IterationIndex
from netsim.scenario import Scenario, ScenarioError, load_text
from netsim.selection.interfaces import Selector
from netsim.simulation.run import execute, prepare
from netsim.topology import Node
from tests.network.sample_scenarios import Data, run_timing, scenario_data, wired
from tests.simulation.runs import final, recipe, scenario

SPREAD = {"compute": {"constant": {"step": "10 ms", "spread": {"lognormal": 0.8}}}}


def content(*selection: Any, **more: Any) -> Data:
    """A timed run of two edge servers with six devices each."""
    links = [wired(shared=False), wired(shared=False)]
    return scenario_data([2, 6], [1, 2], links, selection=list(selection), devices=SPREAD, **more)


def uploads(plain: Data) -> Counter[str]:
    """The number of uploads of each device in a run."""
    run = run_timing(plain)
    return Counter(str(m["src"]) for m in run.trace.messages if m["layer"] == 1 and m["direction"] == "up")


def bound(plain: Data) -> tuple[Selector, Node, tuple[float, ...]]:
    """The selector of layer 1, its first edge server, and the shares of the devices."""
    run = prepare(Scenario.model_validate(plain), engine="timing")
    edge = run.trace.topology.levels[1][0]
    selector = run.loop.selectors[0]
    assert selector is not None
    return selector, edge, run.loop.membership.shares(edge)


def selected(plain: Data, draws: int = 3000) -> list[list[tuple[str, float | None]]]:
    """The selected children of many iterations, with their weights."""
    selector, edge, shares = bound(plain)
    chosen = [
        selector.choose(edge, edge.children, shares, (), IterationIndex((0, k), 0)) for k in range(draws)
    ]
    return [[(node.name, weight) for node, weight in one] for one in chosen]


def test_oracle_uniform_samples_are_uniform_over_iterations() -> None:
    seen = Counter(name for one in selected(content({"uniform": {"count": 2}}, "all")) for name, _ in one)
    assert sum(seen.values()) == 2 * 3000
    assert chisquare(list(seen.values())).pvalue > 0.01


@pytest.mark.parametrize("law", ["fixed", "bernoulli"])
@pytest.mark.parametrize("name", ["uniform", "data"])
def test_oracle_unbiased_weights_add_up_to_one_in_expectation(name: str, law: str) -> None:
    part = {name: {"fraction": 0.5, "weights": "unbiased", "law": law}}
    sums = [sum(weight or 0.0 for _, weight in one) for one in selected(content(part, "all"))]
    error = np.std(sums) / np.sqrt(len(sums))
    assert abs(np.mean(sums) - 1.0) <= 4 * error + 1e-12
    assert (error > 0) == (law == "bernoulli")  # equal data: three of six always weigh 1/3 each


def test_oracle_a_sample_by_data_has_probabilities_proportional_to_samples() -> None:
    text = scenario(
        [6], "fedavg: {learning_rate: 0.1, batch_size: 8, local_steps: 1}", selection="[{data: {count: 1}}]"
    )
    run = prepare(text, engine="timing")
    selector, cloud = run.loop.selectors[0], run.trace.topology.root
    assert selector is not None
    names = [
        selector.choose(cloud, cloud.children, [1 / 6] * 6, (), IterationIndex((k,), 0))[0][0].ordinal
        for k in range(3000)
    ]
    samples = np.array(run.task.samples)
    assert np.ptp(samples) > 100
    assert chisquare(np.bincount(names, minlength=6), 3000 * samples / samples.sum()).pvalue > 0.01


def test_selection_by_speed_always_takes_the_fastest_devices() -> None:
    plain = content({"speed": {"count": 2}}, "all")
    clock = prepare(Scenario.model_validate(plain), engine="timing").loop.local_work.clock
    ranked = [sorted(range(6 * e, 6 * e + 6), key=lambda k: clock.step_s[k])[:2] for e in range(2)]
    fastest = {f"device{k}" for pair in ranked for k in pair}
    assert uploads(plain) == dict.fromkeys(fastest, 4)


def test_selection_by_channel_takes_the_best_uplinks() -> None:
    plain = content({"channel": {"count": 2}}, "all") | {"network": [{"cell": {}}, wired()]}
    run = prepare(Scenario.model_validate(plain), engine="timing")
    best = set()
    for edge in run.trace.topology.levels[1]:
        rates = [link.channel.mean_rate_bps for link in run.loop.membership.ports[edge.name].up]
        best |= {edge.children[k].name for k in sorted(range(6), key=lambda k: -rates[k])[:2]}
    assert set(uploads(plain)) == best


def test_the_speed_of_a_server_is_that_of_its_slowest_device() -> None:
    plain = content("all", {"speed": {"count": 1}})
    clock = prepare(Scenario.model_validate(plain), engine="timing").loop.local_work.clock
    slow = [max(clock.step_s[:6]), max(clock.step_s[6:])]
    first = 6 * slow.index(min(slow))
    assert set(uploads(plain)) == {f"device{k}" for k in range(first, first + 6)}


@pytest.mark.parametrize("part", ["uniform", "data", "speed", "channel"])
@pytest.mark.parametrize("name", ["hier_favg", "hier_sign_sgd", "qmlhfl"])
def test_selecting_all_children_equals_no_selection(part: str, name: str) -> None:
    depth = len(recipe(name).network)
    chosen = recipe(name, selection=json.dumps([{part: 1.0}] * depth))
    assert np.array_equal(final(chosen), final(recipe(name)))


def test_unbiased_weights_of_all_children_are_the_shares() -> None:
    chosen = recipe(
        "hier_favg", selection="[{uniform: {fraction: 1.0, weights: unbiased, law: bernoulli}}, all]"
    )
    assert np.array_equal(final(chosen), final(recipe("hier_favg")))


SAMPLED = "[{uniform: 0.5}, {data: {count: 1}}]"


@pytest.mark.parametrize("name", ["hier_favg", "hier_sign_sgd", "error_feedback"])
def test_engines_agree_on_samples(name: str) -> None:
    chosen = recipe(name, selection=SAMPLED, precision="float64")
    assert np.allclose(final(chosen), final(chosen, engine="eager"), rtol=0, atol=1e-9)
    assert not np.allclose(final(chosen), final(recipe(name, precision="float64")), rtol=0, atol=1e-4)


def test_another_network_does_not_change_the_selected_devices() -> None:
    wired_, radio = (
        content({"uniform": {"count": 2}}, "all") | {"network": [link, wired()]}
        for link in (wired(), {"cell": {}})
    )
    assert uploads(wired_) == uploads(radio)
    assert uploads(wired_) != uploads(wired_ | {"seed": 4})


def test_more_children_can_be_selected_than_the_barrier_waits_for() -> None:
    plain = content({"uniform": {"count": 5}}, "all", wait=[{"first": {"count": 3}}, "all"])
    fates = Counter(
        (m["fate"]) for m in run_timing(plain).trace.messages if m["layer"] == 1 and m["direction"] == "up"
    )
    assert fates["delivered"] == 2 * 2 * 2 * 3  # edges, iterations, rounds, answers
    receivers = [
        m["receivers"]
        for m in run_timing(plain).trace.messages
        if m["layer"] == 1 and m["direction"] == "down"
    ]
    assert set(receivers) == {5}


def test_busy_children_count_as_selected() -> None:
    plain = content({"uniform": {"count": 3}}, "all", wait=[{"buffer": {"size": 1}}, "all"])
    selector, edge, shares = bound(plain)
    busy = {edge.children[0].name, edge.children[4].name}
    selected_children = selector.choose(edge, edge.children, shares, busy, IterationIndex((0, 0), 0))
    assert len(selected_children) == 1
    assert selected_children[0][0].name not in busy
    assert not selector.choose(
        edge, edge.children, shares, [c.name for c in edge.children[:3]], IterationIndex((0, 0), 0)
    )


def test_an_empty_selection_keeps_the_model_and_counts_as_an_iteration() -> None:
    part = "[{uniform: {fraction: 0.0001, law: bernoulli}}, all]"
    run = execute(recipe("hier_favg", selection=part), device="cpu")
    assert [row["loss"] for row in run.trace.rounds] == [run.trace.rounds[0]["loss"]] * 4


def rejection(selection: str, name: str = "hier_favg", **more: object) -> str:
    with pytest.raises(ScenarioError) as raised:
        recipe(name, selection=selection, **more)
    return str(raised.value)


@pytest.mark.parametrize(
    ("selection", "name", "message"),
    [
        ("[all]", "hier_favg", "has 1 entry, but the topology has 2 layers"),
        ("[{uniform: {}}, all]", "hier_favg", "exactly one of fraction and count"),
        ("[{uniform: {fraction: 0.5, count: 2}}, all]", "hier_favg", "got both"),
        ("[{uniform: 1.5}, all]", "hier_favg", "fraction must be in (0, 1], got 1.5"),
        ("[{speed: {count: 0}}, all]", "hier_favg", "count must be >= 1, got 0"),
        ("[{speed: {count: 13}}, all]", "hier_favg", "asks 13, but no layer-1 parent has more than 3 children"),
        ("[all, {power_of_choice: {count: 1, candidates: 2}}]", "hier_favg", "belongs to layer 1, not 2"),
        ("[{power_of_choice: {count: 3}}, all]", "hier_favg", "candidates must be >= 3"),
        ("[{power_of_choice: {count: 3, candidates: 4}}, all]", "hier_favg", "asks 4, but no layer-1 parent"),
        ("[{power_of_choice: {count: 1, samples: 0}}, all]", "hier_favg", "samples must be >= 1, got 0"),
        ("[{uniform: {fraction: 0.5, weights: unbiased}}, all]", "hier_sign_sgd", "the rule vote does not add up"),
        ("[{uniform: {fraction: 0.5, law: bernoulli}}, all]", "hier_sign_sgd", "a vote without voters"),
        ("[{uniform: {fraction: 0.5, weights: none}}, all]", "hier_favg", "must be 'renormalised' or 'unbiased', got 'none'"),
        ("[{uniform: {fraction: 0.5, law: poisson}}, all]", "hier_favg", "must be 'fixed' or 'bernoulli', got 'poisson'"),
    ],
)  # fmt: skip
def test_invalid_selections_are_rejected(selection: str, name: str, message: str) -> None:
    assert message in rejection(selection, name)


def test_unbiased_weights_need_a_barrier_for_all_children() -> None:
    message = rejection("[{uniform: {fraction: 0.5, weights: unbiased}}, all]", wait="[{first: 1}, all]")
    assert "selection[0]" in message
    assert "can leave some out" in message


def test_corrections_need_all_children() -> None:
    text = "name: t\ntask: {dataset: digits, model: logistic}\ntopology: {fanout: [2, 3]}\n"
    text += "devices: {compute: {constant: {step: 1 ms}}}\nnetwork: [{wired: {rate: 1 Mbit/s}}, {wired: {rate: 1 Mbit/s}}]\n"
    text += "algorithm: {mtgc: {learning_rate: 0.1, batch_size: 4, tau: [2, 2]}}\nstop: {rounds: 1}\n"
    with pytest.raises(ScenarioError, match=r"corrections \(drift\) need every child"):
        load_text(text + "selection: [{uniform: 0.5}, all]\n")
    load_text(text + "selection: [all, all]\n")


def test_a_prologue_uses_all_children_and_later_rounds_the_selected_ones() -> None:
    fixed = "dc_hier_sign_sgd: {learning_rate: 0.01, batch_size: 8, tau: [1, 2]}"
    run = execute(scenario([2, 3], fixed, selection="[{uniform: {count: 1}}, all]", rounds=2), device="cpu")
    ups = [m for m in run.trace.messages if m["layer"] == 1 and m["direction"] == "up"]
    sizes = Counter(m["payload_bits"] for m in ups)
    gradient, vote = 32 * run.task.dim, run.task.dim
    assert sizes == {gradient: 2 * 6, vote: 2 * 2 * 2}
    anchors = {m["src"] for m in ups if m["payload_bits"] == gradient}
    assert len(anchors) == 6
