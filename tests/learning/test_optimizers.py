"""Local and server optimizers agree with closed forms, NumPy and torch.optim."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from learning.aggregation.rules import Mean
from learning.aggregation.server_optimizers import FedOpt
from learning.optimizers import ConstantRate, Cosine, Inverse, Local, Schedule, StepDecay

EVERY = [
    Local(), Local(momentum=0.9), Local(momentum=0.8, nesterov=True), Local(weight_decay=0.1), Local(clip=0.7),
    Local(StepDecay(3, 0.5), 0.9, True, 0.01, 1.5),
]  # fmt: skip


def gradients(steps: int = 8, rows: int = 3, dim: int = 20) -> torch.Tensor:
    return torch.randn(steps, rows, dim, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def train(local: Local, given: torch.Tensor, rate: float = 0.1) -> torch.Tensor:
    weights = torch.ones_like(given[0])
    velocity = local.velocity(weights)
    for step, gradient in enumerate(given):
        rates = [rate * local.schedule.factor(step)] * len(weights)
        weights += local.change(weights, gradient.clone(), velocity, rates)
    return weights


@pytest.mark.parametrize("local", EVERY, ids=repr)
def test_local_steps_equal_torch_optim(local: Local) -> None:
    given = gradients()
    for row in range(3):
        w = torch.nn.Parameter(torch.ones(20, dtype=torch.float64))
        sgd = torch.optim.SGD(
            [w], lr=0.1, momentum=local.momentum, nesterov=local.nesterov, weight_decay=local.weight_decay
        )
        for step in range(8):
            w.grad = given[step, row].clone()
            if local.clip is not None:
                torch.nn.utils.clip_grad_norm_([w], local.clip)
            sgd.param_groups[0]["lr"] = 0.1 * local.schedule.factor(step)
            sgd.step()
        assert torch.allclose(train(local, given)[row], w.detach(), rtol=1e-5)


def test_momentum_on_a_quadratic_is_a_matrix_power() -> None:
    """w <- w - r v, v <- m v + h w: (w, v) is multiplied by one matrix in every step."""
    rate, momentum, curvature = 0.3, 0.7, 0.9
    local, w = Local(momentum=momentum), torch.ones(1, 1, dtype=torch.float64)
    velocity = local.velocity(w)
    for _ in range(25):
        w = w + local.change(w, curvature * w, velocity, [rate] * len(w))
    matrix = np.array([[1 - rate * curvature, -rate * momentum], [curvature, momentum]])
    assert w.item() == pytest.approx((np.linalg.matrix_power(matrix, 25) @ [1, 0])[0], rel=1e-12)


def test_weight_decay_alone_shrinks_weights_geometrically() -> None:
    zeros = torch.zeros(30, 1, 4, dtype=torch.float64)
    assert train(Local(weight_decay=0.5), zeros)[0].tolist() == pytest.approx([0.95**30] * 4)


def test_clipping_gives_the_requested_norm_and_leaves_other_rows_unchanged() -> None:
    given = torch.stack([torch.full((4,), 10.0), torch.full((4,), 0.1)])[None]
    moved = 1 - train(Local(clip=1.0), given, rate=1.0)
    assert moved[0].norm().item() == pytest.approx(1.0)
    assert moved[1].tolist() == pytest.approx([0.1] * 4)
    assert torch.equal(train(Local(clip=1.0), torch.zeros(1, 1, 3)), torch.ones(1, 3))


@pytest.mark.parametrize("local", EVERY, ids=repr)
def test_a_row_does_not_depend_on_other_rows(local: Local) -> None:
    given = gradients().float()
    assert torch.equal(train(local, given)[1:2], train(local, given[:, 1:2]))


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        (ConstantRate(), [1, 1, 1, 1]), (Inverse(2.0), [1, 2 / 3, 1 / 2, 1 / 6]), (StepDecay(2, 0.5), [1, 1, 0.5, 1 / 32]),
        (Cosine(4, 0.2), [1, 0.2 + 0.4 * (1 + np.sqrt(0.5)), 0.6, 0.2]),
    ],
    ids=repr,
)  # fmt: skip
def test_schedules_equal_their_closed_forms(schedule: Schedule, expected: list[float]) -> None:
    assert [schedule.factor(step) for step in (0, 1, 2, 10)] == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["momentum", "adam", "yogi"])
def test_server_optimizers_equal_the_algorithm_of_the_paper(kind: Any) -> None:
    rule, model, memory = FedOpt(kind, 0.3, 0.8, 0.95, 0.01), torch.zeros(20, dtype=torch.float64), None
    w, m, v = np.zeros(20), np.zeros(20), np.full(20, 0.01**2)
    for rows in gradients():
        state = rule.begin(model)
        rule.add(state, rows, [0.5, 0.3, 0.2])
        model, memory = rule.remember(state, model, memory)
        mean = np.array([0.5, 0.3, 0.2]) @ rows.numpy()
        m = 0.8 * m + (mean if kind == "momentum" else 0.2 * mean)
        v = 0.95 * v + 0.05 * mean**2 if kind == "adam" else v - 0.05 * mean**2 * np.sign(v - mean**2)
        w = w + 0.3 * (m if kind == "momentum" else m / (np.sqrt(v) + 0.01))
    assert np.allclose(model, w, rtol=1e-12)


def test_without_momentum_and_with_rate_one_the_server_step_is_the_mean() -> None:
    rows, model = gradients()[0], torch.ones(20, dtype=torch.float64)
    states = [rule.begin(model) for rule in (Mean(), FedOpt(b1=0.0))]
    for rule, state in zip((Mean(), FedOpt(b1=0.0)), states, strict=True):
        rule.add(state, rows, [0.2, 0.3, 0.5])
    assert torch.equal(FedOpt(b1=0.0).remember(states[1], model, None)[0], model + states[0])


@pytest.mark.parametrize(
    ("part", "arguments", "value"),
    [
        (Local, {"momentum": 1.0}, "1.0"), (Local, {"nesterov": True}, "0.0"), (Local, {"weight_decay": -1.0}, "-1.0"),
        (Local, {"clip": 0.0}, "0.0"), (Inverse, {"half": 0.0}, "0.0"), (StepDecay, {"every": 0}, "0"),
        (StepDecay, {"every": 2, "by": 2.0}, "2.0"), (Cosine, {"steps": 0}, "0"), (Cosine, {"steps": 5, "floor": 1.0}, "1.0"),
        (FedOpt, {"kind": "adagrad"}, "adagrad"), (FedOpt, {"rate": 0.0}, "0.0"), (FedOpt, {"b2": 1.0}, "1.0"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_rejected_with_its_value(
    part: Any, arguments: dict[str, Any], value: str
) -> None:
    with pytest.raises(ValueError, match=f"got .*{value}.*; "):
        part(**arguments)
