"""Runs with adaptive taus: equal to fixed taus if constant, correct counts, resumed and re-timed to equal tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from learning.engine import ValuesNeededError
from learning.store.ledger import Ledger
from netsim.build import BuildError
from netsim.results.result import Result
from netsim.simulation.run import execute, simulate
from tests.simulation.test_ledger import tables_equal, trainings
from tests.simulation.test_resume import resumed, run_until_killed

from .sample_runs import RECIPES, VOTING, adaptive, recipe_scenario, start_taus

DEADLINE = {"stop": "{rounds: 6, deadline: 10 s}"}
POLICIES = {
    "hier_local_qsgd": {},
    "adacomm": {},
    "replan": DEADLINE,
    "{stages: [[3, 2], [1, 1]]}": {},
}


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    book = Ledger(tmp_path / "ledger")
    yield book
    book.close()


def taus(result: Result) -> list[tuple[int, ...]]:
    return list(result.rounds[["tau_1", "tau_2"]].itertuples(index=False, name=None))


@pytest.mark.parametrize("name", RECIPES)
def test_a_policy_with_constant_taus_gives_the_fixed_run_to_the_bit(name: str) -> None:
    same = simulate(adaptive(name, f"{{stages: [{start_taus(name)}]}}", rounds=5), device="cpu")
    fixed = simulate(recipe_scenario(name, start_taus(name), rounds=5), device="cpu")
    tables_equal(replace(same, rounds=same.rounds.drop(columns=["tau_1", "tau_2"])), fixed)


@pytest.mark.parametrize("name", RECIPES)
def test_the_local_steps_column_counts_the_steps_made(name: str) -> None:
    """The column is the sum of k_N over the rounds; the draws of devices are keyed by it."""
    rungs = [[1, 3], [1, 1]] if name in VOTING else [[3, 1], [1, 1]]
    run = simulate(adaptive(name, f"{{stages: {rungs}}}"), device="cpu")
    used = [start_taus(name)] * 3 + [rungs[0]] * 2 + [rungs[1]] * 2
    assert taus(run) == [tuple(tau) for tau in used]
    steps = [recipe_scenario(name, tau).layered_algorithm.steps(2) for tau in used[1:]]
    assert run.rounds["local_steps"].diff().iloc[1:].tolist() == steps


@pytest.mark.parametrize("name", ["hier_favg", "hier_local_qsgd", "hier_sign_sgd", "mtgc"])
def test_the_steps_of_devices_are_numbered_consecutively(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """0, 1, 2, ... without a gap or repetition, so that no minibatch is drawn twice."""
    rungs = [[1, 3]] if name in VOTING else [[3, 1]]
    seen: list[tuple[int, int, int]] = []
    from learning.engine import Engine

    train = Engine.train

    def noted(
        self: Engine, leaf: object, device: int, model: object, steps: int, iteration: object, *rest: object
    ) -> object:
        seen.append((device, iteration.step, steps))  # type: ignore[attr-defined]
        return train(self, leaf, device, model, steps, iteration, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Engine, "train", noted)
    run = execute(adaptive(name, f"{{stages: {rungs}}}"), device="cpu")
    for device in range(6):
        mine = [(first, steps) for who, first, steps in seen if who == device]
        assert [first for first, _ in mine] == [sum(s for _, s in mine[:k]) for k in range(len(mine))]
    assert sum(s for who, _, s in seen if who == 0) == run.trace.rounds[-1]["local_steps"]


def test_the_integer_code_follows_the_votes_below_it() -> None:
    """HierSignSGD's upload of tau_2 votes has ceil(log2(tau_2 + 1)) bits per coordinate, in every stage."""
    run = simulate(adaptive("hier_sign_sgd", "{stages: [[1, 15], [1, 1]]}"), device="cpu")
    up = run.messages[(run.messages["layer"] == 2) & (run.messages["direction"] == "up")]
    sizes = up.groupby("round")["payload_bits"].first() / run.manifest["task"]["parameters"]
    assert sizes.tolist() == [3, 3, 4, 4, 1, 1]


@pytest.mark.parametrize("policy", POLICIES)
def test_every_policy_changes_the_taus(policy: str) -> None:
    """The tests below depend on it."""
    run = simulate(adaptive("hier_local_qsgd", policy, **POLICIES[policy]), device="cpu")
    assert len(set(taus(run))) > 1


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("rounds", [1, 3, 4])
def test_a_killed_run_resumes_to_equal_tables(
    policy: str, rounds: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = adaptive("hier_local_qsgd", policy, **POLICIES[policy])
    run_until_killed(rounds, scenario, Ledger(tmp_path), monkeypatch)
    jobs = trainings(monkeypatch)
    whole = simulate(scenario, device="cpu")
    in_all = sum(jobs)
    tables_equal(resumed(scenario, tmp_path), whole)
    assert sum(jobs) - in_all < in_all


@pytest.mark.parametrize("policy", POLICIES)
def test_a_rerun_trains_and_measures_nothing(
    policy: str, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    scenario = adaptive("hier_local_qsgd", policy, **POLICIES[policy])
    first = simulate(scenario, device="cpu", ledger=ledger)
    seen = trainings(monkeypatch)
    monkeypatch.setattr(
        "netsim.simulation.observation.probe_gradients", lambda *_: pytest.fail("measured again")
    )
    tables_equal(first, simulate(scenario, device="cpu", ledger=ledger))
    assert not seen


def test_another_network_is_retimed_if_the_policy_chooses_the_same_taus(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AdaComm uses only losses."""
    slow = "\n" + "  - wired: {rate: 100 kbit/s, latency: 40 ms}\n" * 2
    simulate(adaptive("hier_local_qsgd", "adacomm"), device="cpu", ledger=ledger)
    plain = simulate(adaptive("hier_local_qsgd", "adacomm", network=slow), device="cpu")
    seen = trainings(monkeypatch)
    tables_equal(
        plain, simulate(adaptive("hier_local_qsgd", "adacomm", network=slow), device="cpu", ledger=ledger)
    )
    assert not seen


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", ["hier_local_qsgd", "hier_favg"])
def test_the_batched_and_the_eager_engine_choose_the_same_taus(name: str, policy: str) -> None:
    scenario = adaptive(name, policy, precision="float64", **POLICIES[policy])
    batched, eager = (simulate(scenario, device="cpu", engine=engine) for engine in ("batched", "eager"))
    assert taus(batched) == taus(eager)
    pd.testing.assert_frame_equal(batched.rounds, eager.rounds, rtol=1e-9)


def test_rounds_before_a_policy_call_are_evaluated() -> None:
    run = simulate(adaptive("hier_favg", "adacomm", every=3, evaluate="{every: 100}"), device="cpu")
    assert run.rounds["loss"].notna().tolist() == [True, False, False, True, False, False, True]


@pytest.mark.parametrize("policy", ["adacomm", "hier_local_qsgd"])
def test_the_timing_engine_rejects_policies_that_need_values(policy: str) -> None:
    with pytest.raises(BuildError, match=r"which the timing engine does not compute: use --engine batched"):
        execute(adaptive("hier_local_qsgd", policy), engine="timing")
    with pytest.raises(ValuesNeededError):
        execute(adaptive("hier_local_qsgd", policy), device="cpu", values=False)


def test_the_timing_engine_accepts_given_stages() -> None:
    scenario = adaptive("hier_favg", "{stages: [[3, 2], [1, 1]]}")
    timed, whole = simulate(scenario, engine="timing"), simulate(scenario, device="cpu")
    assert timed.rounds["sim_time_s"].equals(whole.rounds["sim_time_s"])


def test_the_plan_is_made_from_the_measured_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time model of the plan reproduces the duration of the rounds it was measured from."""
    from netsim.simulation.observation import Observation

    seen: list[tuple[float, float]] = []

    def plan_taus(self: Observation) -> None:
        tau = np.array(self.taus, dtype=np.float64)[:, None]
        rows = self.context.trace.rounds
        seen.append(
            (float(self._law().amount(tau, 0 * tau)[0]), rows[-1]["sim_time_s"] - rows[-2]["sim_time_s"])
        )

    monkeypatch.setattr(Observation, "plan_taus", plan_taus)
    servers = {"servers": "{aggregation: 7 ms}", "devices": "{compute: {constant: 3 ms}}"}
    execute(adaptive("hier_local_qsgd", "replan", **DEADLINE, **servers), device="cpu")
    assert len(seen) == 2
    assert all(law == pytest.approx(length, rel=1e-9) for law, length in seen)


BARRIERS = {
    "carry": "[{first: {count: 2, late: carry}}, all]",
    "drop": "[{deadline: {after: 30 ms, at_least: 1}}, all]",
    "buffer": "[all, {buffer: {size: 1}}]",
    "asynchronous": "[{asynchronous: {mix: 0.5}}, all]",
}


@pytest.mark.parametrize("wait", BARRIERS)
def test_barriers_and_adaptive_taus_can_be_combined(wait: str) -> None:
    """Answers to a broadcast before a change of tau can arrive after it."""
    more = {"wait": BARRIERS[wait], "rounds": 8}
    same = simulate(adaptive("hier_favg", "{stages: [[4, 2]]}", **more), device="cpu")
    tables_equal(
        replace(same, rounds=same.rounds.drop(columns=["tau_1", "tau_2"])),
        simulate(recipe_scenario("hier_favg", [4, 2], **more), device="cpu"),
    )
    scenario = adaptive("hier_favg", "{stages: [[2, 3], [1, 1]]}", precision="float64", **more)
    batched, eager = (simulate(scenario, device="cpu", engine=engine) for engine in ("batched", "eager"))
    pd.testing.assert_frame_equal(batched.rounds, eager.rounds, rtol=1e-9)
    assert len(set(taus(batched))) == 3


@pytest.mark.parametrize("wait", BARRIERS)
def test_the_time_model_of_the_plan_is_valid_with_barriers(
    wait: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from netsim.simulation.observation import Observation

    seen: list[tuple[float, float]] = []

    def plan_taus(self: Observation) -> None:
        tau = np.array(self.taus, dtype=np.float64)[:, None]
        rows = self.context.trace.rounds
        lengths = np.diff([row["sim_time_s"] for row in rows[-3:]])
        seen.append((float(self._law().amount(tau, 0 * tau)[0]), float(lengths.mean())))

    monkeypatch.setattr(Observation, "plan_taus", plan_taus)
    execute(adaptive("hier_favg", "replan", wait=BARRIERS[wait], **DEADLINE), device="cpu")
    assert len(seen) == 2
    assert all(law == pytest.approx(length, rel=1e-9) for law, length in seen)
