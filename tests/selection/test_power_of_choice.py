"""Power of choice in runs: selected devices, cost of the poll, and the ledger."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from learning.engine import LossQuery, ValuesNeededError
from learning.store.ledger import Ledger
from netsim.scenario import Scenario
from netsim.simulation.run import Run, execute, prepare, retime, run_to_end, simulate
from tests.simulation.runs import final, recipe, scenario

FEDAVG = "fedavg: {learning_rate: 0.1, batch_size: 8, local_steps: 2}"
POLLED = "[{power_of_choice: {count: 2, candidates: 4}}]"


def flat(selection: str = POLLED, **more: object) -> Scenario:
    """Six devices below a cloud."""
    return scenario([6], FEDAVG, selection=selection, **more)


def answers(run: Run, bits: int) -> Counter[int]:
    """Number of uploads of a size in each round."""
    sent = [m for m in run.trace.messages if m["direction"] == "up" and m["payload_bits"] == bits]
    return Counter(int(m["round"]) for m in sent)


def test_oracle_the_highest_losses_of_all_candidates_are_selected() -> None:
    run = prepare(flat("[{power_of_choice: {count: 2, candidates: 6}}]", rounds=1), device="cpu")
    start = run.model
    run_to_end(run)
    losses = [run.engine.local_loss(start, LossQuery(k)) for k in range(6)]
    worst = {f"device{k}" for k in np.argsort(losses)[-2:]}
    chosen = {m["src"] for m in run.trace.messages if m["direction"] == "up" and m["payload_bits"] > 32}
    assert chosen == worst


def test_oracle_a_devices_loss_is_the_mean_cross_entropy_over_its_own_samples() -> None:
    import torch

    run = prepare(flat(rounds=1, model="logistic", precision="float64"), device="cpu")
    value, task = run.engine.local_loss(run.model, LossQuery(3)), run.task
    mine = task.indices(3)  # a model of zeros gives every digit a tenth
    run.engine.compute(run.model)
    vector = run.model.value
    assert vector is not None
    weight, bias = vector[:640].view(10, 64), vector[640:]
    arrays = task.arrays  # type: ignore[attr-defined]
    x = (
        arrays.train_x[mine].reshape(-1, 64) / (255.0 if arrays.train_x.dtype == np.uint8 else 1.0)
        - arrays.mean[0]
    ) / arrays.std[0]
    scores = torch.from_numpy(np.asarray(x, dtype=np.float64)) @ weight.T + bias
    wanted = torch.nn.functional.cross_entropy(scores, torch.from_numpy(arrays.train_y[mine]).long())
    assert value == pytest.approx(float(wanted), rel=1e-6)


def test_candidates_receive_the_model_and_send_one_number_and_the_selected_one_update() -> None:
    run = execute(flat(), device="cpu")
    whole = 32 * run.task.dim
    assert answers(run, 32) == {1: 4, 2: 4, 3: 4}
    assert answers(run, whole) == {1: 2, 2: 2, 3: 2}
    receivers = [m["receivers"] for m in run.trace.messages if m["direction"] == "down"]
    assert receivers == [4, 4, 4]
    assert run.trace.rounds[-1]["bits_down_1"] == 3 * 4 * whole  # dedicated links: one transfer each


def test_the_poll_takes_the_forward_pass_of_the_slowest_candidate_and_is_on_the_critical_path() -> None:
    run = execute(flat("[{power_of_choice: {count: 6, candidates: 6}}]", rounds=1), device="cpu")
    plain = execute(flat("[all]", rounds=1), device="cpu")
    clock = run.loop.local_work.clock
    poll_s = [clock.step_s[k] * run.task.samples[k] / (3 * 8) for k in range(6)]
    row, before = run.trace.rounds[1], plain.trace.rounds[1]
    assert row["path_compute_s"] - before["path_compute_s"] == pytest.approx(max(poll_s))
    parts = row["path_compute_s"] + row["path_down_s_1"] + row["path_up_s_1"] + row["path_wait_s"]
    assert parts == pytest.approx(row["sim_time_s"])
    assert row["loss"] == before["loss"]


def test_a_loss_over_a_few_samples_takes_their_share_of_the_time_with_new_samples_each_time() -> None:
    part = "[{power_of_choice: {count: 2, candidates: 6, samples: 4}}]"
    run = execute(flat(part, rounds=1), device="cpu")
    glances = [run.engine.local_loss(run.model, LossQuery(2, 4, step)) for step in (0, 2, 2)]
    assert glances[0] != glances[1] == glances[2]
    many = run.engine.local_loss(run.model, LossQuery(2, 40_000, 7))
    assert many == pytest.approx(run.engine.local_loss(run.model, LossQuery(2)), rel=0.02)
    number = next(m for m in run.trace.messages if m["payload_bits"] == 32)
    device = int(str(number["src"]).removeprefix("device"))
    heard_s = next(m["arrived_s"] for m in run.trace.messages if m["direction"] == "down")
    assert number["sent_s"] - heard_s == pytest.approx(
        run.loop.local_work.clock.step_s[device] * 4 / (3 * 8), rel=1e-6
    )


def test_engines_agree_on_the_selected_devices() -> None:
    chosen = flat(precision="float64")
    assert np.allclose(final(chosen), final(chosen, engine="eager"), rtol=0, atol=1e-9)


def test_the_timing_engine_rejects_a_selection_by_loss() -> None:
    with pytest.raises(ValuesNeededError, match="a selection by losses depends on values"):
        execute(flat(), engine="timing")


def test_a_run_is_retimed_without_any_value(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    first = simulate(flat(), device="cpu", ledger=ledger)
    slower = flat(network="[{wired: {rate: 1 Mbit/s, shared: false}}]")
    again, _ = retime(slower, engine="batched", device="cpu", ledger=ledger)
    assert again is not None
    assert [r["loss"] for r in again.trace.rounds] == first.rounds["loss"].tolist()
    assert again.trace.rounds[-1]["sim_time_s"] > first.rounds["sim_time_s"].iloc[-1]


def test_a_longer_run_resumes_from_the_checkpoint_of_a_shorter_one(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    simulate(flat(rounds=2), device="cpu", ledger=ledger, checkpoint_s=0.0)
    resumed = simulate(flat(rounds=5), device="cpu", ledger=ledger)
    whole = simulate(flat(rounds=5), device="cpu")
    assert resumed.rounds.equals(whole.rounds)
    assert resumed.messages.equals(whole.messages)


def test_the_deadline_of_the_cloud_interrupts_a_poll_below_an_edge_server() -> None:
    """An interrupted poll frees its links, and the run continues."""
    slow = "{compute: {constant: {step: 1 s}}}"
    part = "[{power_of_choice: {count: 1, candidates: 2}}, all]"
    wait = "[all, {deadline: {after: 300 ms}}]"
    run = execute(recipe("hier_favg", selection=part, devices=slow, wait=wait), device="cpu")
    fates = Counter(m["fate"] for m in run.trace.messages)
    assert [row["sim_time_s"] for row in run.trace.rounds] == pytest.approx([0.0, 0.3, 0.6, 0.9])
    assert set(fates) == {"delivered"}


def test_an_interrupted_poll_is_charged_for_the_computing_done() -> None:
    slow = "{compute: {constant: {step: 1 s}}}"
    part = "[{power_of_choice: {count: 1, candidates: 3}}, all]"
    energy = "{compute: {active_power: 2 W}}"
    wait = "[all, {deadline: {after: 300 ms}}]"
    run = execute(
        recipe("hier_favg", selection=part, devices=slow, wait=wait, energy=energy, rounds=1), device="cpu"
    )
    down_s = run.trace.messages[0]["airtime_s"] / 2 + run.trace.messages[1]["airtime_s"] / 3 + 2 * 0.003
    assert run.trace.rounds[-1]["energy_compute_j"] == pytest.approx(6 * 2.0 * (0.3 - down_s))
