"""An adaptive tau in a scenario: read, written back, refused with its place, described, planned."""

from __future__ import annotations

import jsonschema
import pytest

from learning.algorithms.algorithm import Algorithm
from netsim.bounds.from_scenario import setting_of
from netsim.build import BuildError
from netsim.cli.check_command import check_command
from netsim.planner.planner import Limits, plan
from netsim.scenario import ScenarioError, digest, json_schema, load_text, resolved
from netsim.scenario.adaptive_algorithm import AdaptiveRecipe
from netsim.simulation.adaptive_tau import control_of
from netsim.simulation.run import play, stage
from netsim.tau_policies import AdaComm, Adaptive

from tests.simulation.runs import scenario
from .runs import adaptive, made


def test_it_is_a_recipe_with_its_first_taus_and_a_control() -> None:
    scene = adaptive("hier_favg", "adacomm")
    assert isinstance(scene.algorithm, AdaptiveRecipe)
    assert scene.algorithm.control == Adaptive((4, 2), 2, AdaComm())
    assert scene.ladder == made("hier_favg", [4, 2]).ladder


def test_what_is_resolved_reads_as_the_same() -> None:
    scene = adaptive("hier_sign_sgd", "{adacomm: {layer: 2, saturation: 0.5}}")
    again = load_text(resolved(scene))
    assert again == scene
    assert digest(again) == digest(scene)


def test_every_part_of_the_control_is_part_of_the_digest() -> None:
    scenes = [
        adaptive("hier_favg", "adacomm"),
        adaptive("hier_favg", "adacomm", every=3),
        adaptive("hier_favg", "hier_local_qsgd"),
        adaptive("hier_favg", "adacomm", first=[3, 2]),
        made("hier_favg", [4, 2]),
    ]
    assert len({digest(scene) for scene in scenes}) == len(scenes)


@pytest.mark.parametrize(
    ("tau", "said"),
    [
        ("{adaptive: {start: [4, 2], policy: adacomm}}", "algorithm.hier_favg.tau.adaptive.every"),
        ("{adaptive: {start: [4, 2], every: 0, policy: adacomm}}", "every must be >= 1 round, got 0"),
        ("{adaptive: {start: [4, 2], every: 1, policy: adacom}}", "did you mean 'adacomm'"),
        ("{adaptive: {start: [4, 0], every: 1, policy: adacomm}}", "tau must be >= 1, got 0"),
        ("{adaptive: {start: [4], every: 1, policy: adacomm}}", "has 1 entry"),
        ("{adaptive: {start: [4, 2], every: 1, policy: adacomm}, every: 2}", "only 'adaptive' fits here"),
        ("{adaptiv: {start: [4, 2]}}", "algorithm.hier_favg.tau"),
        ("{adaptive: 3}", "algorithm.hier_favg.tau.adaptive"),
        ("{adaptive: {start: 4, every: 1, policy: adacomm}}", "algorithm.hier_favg.tau.adaptive.start"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tau: str, said: str) -> None:
    with pytest.raises(ScenarioError) as error:
        made("hier_favg", tau)
    assert said in str(error.value)


def test_a_recipe_without_a_list_of_taus_has_none_that_adapts() -> None:
    tau = "{adaptive: {start: [2], every: 1, policy: adacomm}}"
    with pytest.raises(ScenarioError, match="tau"):
        scenario([6], f"fedavg: {{learning_rate: 0.1, batch_size: 8, local_steps: 2, tau: {tau}}}")


@pytest.mark.parametrize(
    ("policy", "name", "said"),
    [
        ("replan", "hier_local_qsgd", "plans up to a deadline; give stop.deadline"),
        ("hier_local_qsgd", "hier_sign_sgd", "the bounds cover means"),
    ],
)
def test_a_policy_that_lacks_something_is_refused_before_the_run(policy: str, name: str, said: str) -> None:
    with pytest.raises(BuildError, match=said):
        stage(adaptive(name, policy), device="cpu")


def test_gradients_that_do_not_fit_into_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netsim.simulation.adaptive_tau.LARGEST", 10)
    with pytest.raises(BuildError, match="holds a gradient per device"):
        stage(adaptive("hier_favg", "replan", stop="{rounds: 6, deadline: 10 s}"), device="cpu")


def test_a_choice_beyond_most_is_cut_and_a_pinned_tau_stays() -> None:
    run = play(adaptive("hier_sign_sgd", "{stages: [[9, 500]]}", rounds=3), device="cpu")
    assert run.trace.rounds[-1]["tau_1"] == 1
    assert run.trace.rounds[-1]["tau_2"] == 100


def test_a_choice_of_another_length_is_refused() -> None:
    with pytest.raises(BuildError, match="after round 2: it chose 3 taus for 2 layers"):
        play(adaptive("hier_favg", "{stages: [[1, 1, 1]]}"), device="cpu")


def test_more_steps_than_can_be_counted_are_refused() -> None:
    big = 10**6
    tau = f"{{adaptive: {{start: [1, 1], every: 1, policy: {{stages: [[{big}, {big}]]}}, most: {big}}}}}"
    with pytest.raises(BuildError, match=r"makes more than \d+ local steps; lower tau.adaptive.most"):
        play(made("hier_favg", tau, rounds=10**7), device="cpu", engine="timing")


def test_a_fixed_run_has_no_control() -> None:
    run = play(made("hier_favg", [4, 2], rounds=1), device="cpu")
    assert run.control is None
    assert control_of(run.scenario, run.task, run.engine, run.trace) is None
    assert "tau_1" not in run.trace.rounds[0]


def test_a_plan_fixes_the_taus() -> None:
    scene = adaptive("hier_favg", "adacomm", stop="{rounds: 6, deadline: 10 s}")
    best = plan(scene, Limits(10.0)).plans[0]
    applied = best.apply(scene)
    assert setting_of(applied).scenario.ladder.taus == best.tau
    assert not isinstance(applied.algorithm, AdaptiveRecipe | Algorithm)


def test_the_schema_knows_the_form() -> None:
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


def test_check_describes_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert check_command("adaptive", [], False) == 0
    said = capsys.readouterr().out
    assert (
        "adaptive: tau [50, 2] at first; after every 5 rounds hier_local_qsgd chooses anew, each at most 100"
        in said
    )
