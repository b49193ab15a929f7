"""The vmap strategy equals the reference for any model, and its bits do not depend on the other rows of a stack."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from learning.algorithms.layer import Leaf
from learning.engine.lazy_vectors import LazyVector, Train
from learning.engine.numerics import Numerics, StrategyError, resolve_numerics
from learning.engine.solver_factory import make_trainer
from learning.engine.vmap_trainer import VmapTrainer, split_passes
from learning.models import CifarCnn, LeNet, Logistic, Mlp, Model, ResNet8
from learning.tasks.task import BoundTask
from netsim.simulation.run import BuildError, execute
from tests.simulation.runs import final, recipe

from .test_trainers_agree import bound, trained

SMALL = (1, 20, 20)
ALL = [Logistic(), Mlp((7,)), LeNet(), CifarCnn(), ResNet8()]


def stacked(
    task: BoundTask, devices: list[int], batch: int, *, rows: int = 4, steps: int = 2, models: bool = True
) -> Tensor:
    """Models that `devices` train from initial models of their own, in stacks of `rows`."""
    jobs = [Train(Leaf(0.1, batch), d, LazyVector(b"", 0, None, task.initial(d)), steps, 3) for d in devices]
    work = torch.stack([task.initial(device) for device in devices])
    VmapTrainer(task, 5, rows).train(work, jobs, models)
    return work


@pytest.mark.parametrize("model", ALL, ids=repr)
@pytest.mark.parametrize(("steps", "models"), [(1, False), (3, False), (3, True)])
def test_vmap_equals_the_reference(model: Model, steps: int, models: bool) -> None:
    task = bound(model, SMALL, torch.float64)
    ours = stacked(task, list(range(7)), 3, rows=8, steps=steps, models=models)
    reference = trained(task, "reference", range(7), 3, steps, models)
    assert float(reference.abs().max()) > 1e-3
    assert float((ours - reference).abs().max()) < 1e-12


@pytest.mark.parametrize("model", ALL, ids=repr)
@pytest.mark.parametrize("batch", [1, 3, 8])
def test_neither_the_other_rows_nor_their_order_change_a_bit(model: Model, batch: int) -> None:
    """One device, a full stack, another order, a device twice, and two devices that share a row (1 and 5)."""
    task = bound(model, SMALL, torch.float32)
    alone = torch.cat([stacked(task, [device], batch) for device in range(7)])
    for group in ([0, 1, 2, 3], [3, 1], [6, 5, 4, 1, 0], [2, 2, 6, 2]):
        assert torch.equal(stacked(task, group, batch), alone[group])


@pytest.mark.parametrize(
    ("slots", "groups"),
    [
        ([0, 1, 2], [[0, 1, 2]]),
        ([1, 1, 0, 1], [[0, 2], [1], [3]]),
        ([], []),
        ([2, 3, 2, 3], [[0, 1], [2, 3]]),
    ],
)
def test_no_two_of_a_pass_share_a_row(slots: list[int], groups: list[list[int]]) -> None:
    assert list(split_passes(slots)) == groups


def test_the_stack_size_is_part_of_the_digest_and_of_nothing_else() -> None:
    scene = recipe("hier_favg")
    runs = [execute(scene, device="cpu", strategy=name) for name in ("vmap:2", "vmap:4", "vmap", "loop")]
    assert [run.numerics.strategy for run in runs] == ["vmap:2", "vmap:4", "vmap:6", "loop"]
    assert len({run.model.digest for run in runs}) == 4
    assert len({run.trace.rounds[-1]["sim_time_s"] for run in runs}) == 1


@pytest.mark.parametrize("strategy", ["vmap:2", "vmap:4", "loop"])
def test_a_pinned_strategy_ends_where_the_reference_does(strategy: str) -> None:
    scene = recipe("qmlhfl", precision="float64", rounds=2)
    assert abs(final(scene, strategy=strategy) - final(scene, engine="eager")).max() < 1e-12


def test_memory_bounds_the_stack_of_vmap() -> None:
    run = execute(recipe("hier_favg"), device="cpu", strategy="vmap", memory_bytes=3 * 16 * 400)
    assert run.numerics.strategy == "vmap:3"


@pytest.mark.parametrize("strategy", ["vmap:0", "vmap:", "vmap:x", "reference", "fast"])
def test_an_unknown_strategy_is_refused_with_the_known_ones(strategy: str) -> None:
    with pytest.raises(BuildError, match=f"fused, im2col, loop, vmap or vmap:ROWS.*got '{strategy}'"):
        execute(recipe("hier_favg"), device="cpu", strategy=strategy)


def test_a_strategy_that_cannot_train_the_model_says_so() -> None:
    with pytest.raises(BuildError, match=r"means a chain of convolutions.*take another strategy"):
        execute(recipe("hier_favg"), device="cpu", strategy="im2col")
    task = bound(LeNet(), SMALL, torch.float32)
    with pytest.raises(StrategyError, match="means a chain of nn.Linear"):
        make_trainer(Numerics("batched", "cpu", "float32", "fused"), task, 1)


def test_bfloat16_multiplies_coarsely_and_keeps_fine_weights() -> None:
    """Weights move by steps finer than bfloat16's 2^-9, yet the gradient carries bfloat16's error."""
    task = bound(Mlp((7,)), SMALL, torch.float32)
    fine = trained(task, "loop", range(4), 3, 5, False)
    task.uses_bfloat16 = True
    for coarse in (
        stacked(task, [0, 1, 2, 3], 3, steps=5, models=False),
        trained(task, "loop", range(4), 3, 5, False),
    ):
        error = float((coarse - fine).norm() / fine.norm())
        assert coarse.dtype == torch.float32
        assert 1e-4 < error < 3e-2


def test_the_eager_engine_multiplies_in_bfloat16_too() -> None:
    scene = recipe("hier_favg", precision="bf16", rounds=1)
    fine = final(recipe("hier_favg", rounds=1))
    ours, eager = final(scene), final(scene, engine="eager")
    assert execute(scene, device="cpu").numerics.strategy == "loop"
    assert 0 < abs(ours - fine).max() < 0.02
    assert 0 < abs(eager - fine).max() < 0.02


def test_tf32_needs_cuda() -> None:
    with pytest.raises(BuildError, match="tf32 exists on CUDA devices only"):
        execute(recipe("hier_favg", precision="tf32"), device="cpu")


def test_bfloat16_is_refused_by_hand_written_products() -> None:
    task = recipe("hier_favg", precision="bf16")
    with pytest.raises(BuildError, match="fused does not support bf16; use loop or vmap"):
        execute(task, device="cpu", strategy="fused")
    assert resolve_numerics("batched", "cpu", "bf16", _Sized()).strategy == "loop"


class _Sized:
    dim, architecture, devices = 10, "linear", 3


@pytest.mark.gpu
@pytest.mark.parametrize("model", ALL, ids=repr)
def test_a_captured_graph_equals_the_reference(model: Model) -> None:
    from learning.engine.trainers import ReferenceTrainer

    task = bound(model, SMALL, torch.float64, device=torch.device("cuda"))
    jobs = [Train(Leaf(0.1, 3), d, LazyVector(b"", 0, None, task.initial(d)), 3, 3) for d in range(7)]
    work = torch.stack([task.initial(device) for device in range(7)])
    expected = work.clone()
    VmapTrainer(task, 5, 8).train(work, jobs, True)
    ReferenceTrainer(task, 5).train(expected, jobs, True)
    assert float((work - expected).abs().max()) < 1e-12
