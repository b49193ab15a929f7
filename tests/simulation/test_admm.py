"""ADMM on the tree against a NumPy reference on one, two and three layers; its duals; refused configurations."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from learning.aggregation.robust import Median
from learning.aggregation.rules import Mean, Rule
from learning.algorithms.algorithm import Algorithm
from learning.algorithms.layer import Layer, Leaf
from learning.compressors import Compressor, Ef21, ErrorFeedback, Plain, Qsgd, TopK
from learning.optimizers import Local
from netsim.bounds.from_scenario import PlanError
from netsim.planner.planner import Limits, plan
from netsim.scenario import ScenarioError
from netsim.simulation.run import Run, execute

from .runs import weights
from .test_corrections import LR, gradients, scene, start

Vector = NDArray[np.float64]
ROUNDS = 4
SHAPES = [((5,), (4,), (0.5,)), ((2, 3), (3, 2), (0.5, 0.2)), ((2, 2, 2), (2, 3, 2), (0.5, 0.3, 0.1))]
shapes = pytest.mark.parametrize(("fan", "tau", "rho"), SHAPES)


def admm(tau: tuple[int, ...], rho: tuple[float, ...], up: str = "none") -> str:
    return f"admm: {{learning_rate: {LR}, batch_size: 4, tau: {list(tau)}, rho: {list(rho)}, up: {up}}}"


@dataclass
class Node:
    """A node of the reference: u is its dual variable towards its parent, e its error-feedback memory."""

    children: list[Node]
    device: int = -1
    u: Vector = field(default_factory=lambda: np.zeros(12))
    e: Vector = field(default_factory=lambda: np.zeros(12))


def build_tree(fan: tuple[int, ...], devices: list[int]) -> Node:
    if not fan:
        devices.append(len(devices))
        return Node([], devices[-1])
    return Node([build_tree(fan[1:], devices) for _ in range(fan[0])])


@dataclass
class Reference:
    """min F_i(w) + sum over layers n of rho_n / 2 ||w - z_n + u_n||^2 by gradient steps, at every device, nested."""

    run: Run
    tau: tuple[int, ...]
    rho: tuple[float, ...]
    nonzeros: int = 12
    """Coordinates that an upload keeps, with error feedback."""

    def solve(
        self, node: Node, received: Vector, pulls: list[tuple[float, Vector]], level: int, tau: int
    ) -> Vector:
        """`pulls`: (rho, centre) of every layer above, the centre being z - u."""
        if not level:
            w, gradient = received.copy(), gradients(self.run)[node.device]
            for _ in range(tau):
                w = w - LR * (gradient(w) + sum(rho * (w - centre) for rho, centre in pulls))
            return w
        z = received
        for _ in range(tau):
            ends, uploads = [], []
            for child in node.children:
                child_pulls = [*pulls, (self.rho[level - 1], z - child.u)]
                end = self.solve(child, z, child_pulls, level - 1, self.tau[level - 1])
                target = end - z + child.e
                sent = np.where(np.argsort(np.argsort(-abs(target))) < self.nonzeros, target, 0.0)
                child.e = target - sent
                ends.append(end)
                uploads.append(sent)
            z = z + np.mean(uploads, axis=0)
            for child, end in zip(node.children, ends, strict=True):
                child.u = child.u + end - z
        return z


@shapes
@pytest.mark.parametrize("engine", ["batched", "eager"])
@pytest.mark.parametrize(("up", "nonzeros"), [("none", 12), ("{error_feedback: {top_k: {k: 5}}}", 5)])
def test_results_equal_a_numpy_reference(
    fan: tuple[int, ...], tau: tuple[int, ...], rho: tuple[float, ...], up: str, nonzeros: int, engine: str
) -> None:
    run = execute(scene(admm(tau, rho, up), fan, rounds=ROUNDS), device="cpu", engine=engine)
    first = start(execute(scene(admm(tau, rho), fan, rounds=1), engine="timing"))
    tree = build_tree(fan, [])
    expected = Reference(run, tau, rho, nonzeros).solve(tree, first, [], len(fan), ROUNDS)
    assert np.abs(weights(run) - expected).max() < 1e-11
    assert np.abs(expected - first).max() > 0.1
    mean_error = np.mean([child.e for child in tree.children], axis=0)
    assert np.allclose(np.mean([child.u for child in tree.children], axis=0), mean_error, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("pull", "drift", "up", "down", "rule", "prox", "message"),
    [
        (0.5, True, Qsgd(4), None, Mean(), 0.5, "messages must not lose information"),
        (0.5, True, Ef21(TopK(0.1)), None, Mean(), 0.5, "messages must not lose information"),
        (0.5, True, Plain(), Qsgd(4), Mean(), 0.5, "messages must not lose information"),
        (0.5, True, Plain(), None, Median(), 0.5, "a drift around a mean"),
        (0.5, False, Plain(), None, Mean(), 0.5, "a drift around a mean"),
        (0.5, True, Plain(), None, Mean(), 0.4, "prox must be the sum of all layers' pulls, 0.5, got 0.4"),
        (-0.5, True, Plain(), None, Mean(), 0.0, "pull must be between"),
    ],
)
def test_configurations_with_a_bias_are_refused(
    pull: float, drift: bool, up: Compressor, down: Compressor | None, rule: Rule, prox: float, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Algorithm(Leaf(0.1, 8, Local(prox=prox)), (Layer(2, up, rule, down, drift=drift, pull=pull),))


def test_a_lossy_compressor_is_accepted_with_error_feedback() -> None:
    layer = Layer(2, ErrorFeedback(TopK(0.1)), Mean(), drift=True, pull=0.5)
    assert Algorithm(Leaf(0.1, 8, Local(prox=0.5)), (layer,)).pull_above(0) == 0.5


@pytest.mark.parametrize("rho", ["[0.5]", "[0.5, 0]"])
def test_rho_needs_a_positive_entry_for_each_layer(rho: str) -> None:
    text = admm((3, 2), (0.5, 0.2)).replace("[0.5, 0.2]", rho)
    with pytest.raises(ScenarioError, match="rho needs one entry > 0 per layer"):
        scene(text)


def test_the_bounds_do_not_cover_admm() -> None:
    with pytest.raises(PlanError, match="the bounds cover SGD"):
        plan(scene(admm((3, 2), (0.5, 0.2))), Limits(deadline_s=100.0))
