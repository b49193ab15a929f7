"""An adaptive tau in a scenario: reading, writing, errors with their place, description, planning."""

from __future__ import annotations

import jsonschema
import pytest

from learning.algorithms.algorithm import Algorithm
from netsim.bounds.from_scenario import plan_context
from netsim.build import BuildError
from netsim.cli.check_command import check_command
from netsim.planner.planner import Limits, plan
from netsim.scenario import ScenarioError, digest, json_schema, load_text, resolved
from netsim.scenario.adaptive_algorithm import AdaptiveRecipe
from netsim.simulation.adaptive_tau import adaptive_tau_of
from netsim.simulation.run import execute, prepare
from netsim.tau_policies import AdaComm, Adaptive
from tests.simulation.runs import scenario

from .sample_runs import adaptive, recipe_scenario


def test_it_is_a_recipe_with_its_first_taus_and_a_control() -> None:
    scenario = adaptive("hier_favg", "adacomm")
    assert isinstance(scenario.algorithm, AdaptiveRecipe)
    assert scenario.algorithm.control == Adaptive((4, 2), 2, AdaComm())
    assert scenario.layered_algorithm == recipe_scenario("hier_favg", [4, 2]).layered_algorithm


def test_the_resolved_scenario_is_read_as_the_same_scenario() -> None:
    scenario = adaptive("hier_sign_sgd", "{adacomm: {layer: 2, saturation: 0.5}}")
    again = load_text(resolved(scenario))
    assert again == scenario
    assert digest(again) == digest(scenario)


def test_every_part_of_the_control_is_part_of_the_digest() -> None:
    scenes = [
        adaptive("hier_favg", "adacomm"),
        adaptive("hier_favg", "adacomm", every=3),
        adaptive("hier_favg", "hier_local_qsgd"),
        adaptive("hier_favg", "adacomm", first=[3, 2]),
        recipe_scenario("hier_favg", [4, 2]),
    ]
    assert len({digest(scenario) for scenario in scenes}) == len(scenes)


@pytest.mark.parametrize(
    ("tau", "message"),
    [
        ("{adaptive: {start: [4, 2], policy: adacomm}}", "algorithm.hier_favg.tau.adaptive.every"),
        ("{adaptive: {start: [4, 2], every: 0, policy: adacomm}}", "every must be >= 1 round, got 0"),
        ("{adaptive: {start: [4, 2], every: 1, policy: adacom}}", "did you mean 'adacomm'"),
        ("{adaptive: {start: [4, 0], every: 1, policy: adacomm}}", "tau must be >= 1, got 0"),
        ("{adaptive: {start: [4], every: 1, policy: adacomm}}", "has 1 entry"),
        (
            "{adaptive: {start: [4, 2], every: 1, policy: adacomm}, every: 2}",
            "only 'adaptive' is allowed here",
        ),
        ("{adaptiv: {start: [4, 2]}}", "algorithm.hier_favg.tau"),
        ("{adaptive: 3}", "algorithm.hier_favg.tau.adaptive"),
        ("{adaptive: {start: 4, every: 1, policy: adacomm}}", "algorithm.hier_favg.tau.adaptive.start"),
    ],
)
def test_errors_name_their_place(tau: str, message: str) -> None:
    with pytest.raises(ScenarioError) as error:
        recipe_scenario("hier_favg", tau)
    assert message in str(error.value)


def test_a_recipe_without_a_list_of_taus_rejects_adaptive_taus() -> None:
    tau = "{adaptive: {start: [2], every: 1, policy: adacomm}}"
    with pytest.raises(ScenarioError, match="tau"):
        scenario([6], f"fedavg: {{learning_rate: 0.1, batch_size: 8, local_steps: 2, tau: {tau}}}")


@pytest.mark.parametrize(
    ("policy", "name", "message"),
    [
        ("replan", "hier_local_qsgd", "plans up to a deadline; give stop.deadline"),
        ("hier_local_qsgd", "hier_sign_sgd", "the bounds cover means"),
    ],
)
def test_a_policy_without_its_requirements_is_rejected_before_the_run(
    policy: str, name: str, message: str
) -> None:
    with pytest.raises(BuildError, match=message):
        prepare(adaptive(name, policy), device="cpu")


def test_gradients_that_do_not_fit_into_memory_are_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netsim.simulation.adaptive_tau.LARGEST", 10)
    with pytest.raises(BuildError, match="holds a gradient per device"):
        prepare(adaptive("hier_favg", "replan", stop="{rounds: 6, deadline: 10 s}"), device="cpu")


def test_taus_are_limited_to_most_and_fixed_taus_do_not_change() -> None:
    run = execute(adaptive("hier_sign_sgd", "{stages: [[9, 500]]}", rounds=3), device="cpu")
    assert run.trace.rounds[-1]["tau_1"] == 1
    assert run.trace.rounds[-1]["tau_2"] == 100


def test_taus_of_another_length_are_rejected() -> None:
    with pytest.raises(BuildError, match="after round 2: it chose 3 taus for 2 layers"):
        execute(adaptive("hier_favg", "{stages: [[1, 1, 1]]}"), device="cpu")


def test_too_many_steps_are_rejected() -> None:
    big = 10**6
    tau = f"{{adaptive: {{start: [1, 1], every: 1, policy: {{stages: [[{big}, {big}]]}}, most: {big}}}}}"
    with pytest.raises(BuildError, match=r"makes more than \d+ local steps; lower tau.adaptive.most"):
        execute(recipe_scenario("hier_favg", tau, rounds=10**7), device="cpu", engine="timing")


def test_a_fixed_run_has_no_control() -> None:
    run = execute(recipe_scenario("hier_favg", [4, 2], rounds=1), device="cpu")
    assert run.control is None
    assert adaptive_tau_of(run.scenario, run.task, run.engine, run.trace) is None
    assert "tau_1" not in run.trace.rounds[0]


def test_a_plan_fixes_the_taus() -> None:
    scenario = adaptive("hier_favg", "adacomm", stop="{rounds: 6, deadline: 10 s}")
    best = plan(scenario, Limits(10.0)).plans[0]
    applied = best.apply(scenario)
    assert plan_context(applied).scenario.layered_algorithm.taus == best.tau
    assert not isinstance(applied.algorithm, AdaptiveRecipe | Algorithm)


def test_the_schema_contains_the_adaptive_form() -> None:
    plain = {
        "name": "x", "task": {"dataset": "digits", "model": "logistic"}, "topology": {"fanout": [2, 2]},
        "devices": {"compute": {"constant": "1 s"}}, "network": [{"delay": {"uplink": "1 s"}}] * 2,
        "stop": {"rounds": 1},
    }  # fmt: skip
    control = {"start": [2, 2], "every": 2, "policy": {"adacomm": {"layer": 2}}}
    recipe = {"learning_rate": 0.1, "batch_size": 8, "tau": {"adaptive": control}}
    jsonschema.validate({**plain, "algorithm": {"hier_favg": recipe}}, json_schema())
    wrong = {"hier_favg": {**recipe, "tau": {"adaptive": {**control, "evry": 1}}}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**plain, "algorithm": wrong}, json_schema())


def test_check_describes_the_adaptive_taus(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_command("adaptive", [], False) == 0
    message = capsys.readouterr().out
    assert (
        "adaptive: tau [50, 2] at first; after every 5 rounds hier_local_qsgd chooses tau, each at most 100"
        in message
    )
