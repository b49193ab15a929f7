"""The bounds: reference values of theory.md, comparison with measured gradients, and properties."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from netsim.bounds.bound import theorem1, theorem2
from netsim.bounds.learning_rate import BoundRule, Goal, largest_rate, minimise
from netsim.bounds.problem import LearningConstants, Problem, TreeConstants
from netsim.topology import Fanout
from netsim.topology.tree import NodeSpec, grow

from .nested_sgd import measure_gradients, random_setting

PAPER = (1.0, 0.5, 0.5)
TREE = TreeConstants.of(Fanout([2, 4, 10]).grow(), [1.0] * 80)
FACTS = LearningConstants(1.0, 5.0, (0.6, 0.3, 0.1), 2.0)
REFERENCE = Problem(FACTS, TREE, (0.57, 0.13, 0.13), (0.0, 0.0, 0.0))
TAU = (5, 2, 2)


def column(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)[:, None]


def best(problem: Problem, rule: BoundRule, tau: tuple[int, ...], rounds: int) -> float:
    done = np.array([rounds * float(np.prod(tau))])
    return float(minimise(problem, rule, Goal(), column(*tau), column(*problem.up), done).value[0])


def test_tree_constants_of_a_balanced_tree() -> None:
    assert TREE.largest == pytest.approx((0.1, 0.25, 0.5))
    assert TREE.mixing == pytest.approx((1.0, 0.1, 0.025, 0.0125))


def test_mixing_constants_with_equal_weights_are_nodes_per_device() -> None:
    """theory 2.1: R_n = M_n / N_tot, also where parents have different numbers of children."""
    edges = [NodeSpec(children=[NodeSpec() for _ in range(k)]) for k in (1, 4, 2)]
    topology = grow(NodeSpec(children=edges), "test")
    assert TreeConstants.of(topology, [3.0] * 7).mixing == pytest.approx((1.0, 3 / 7, 1 / 7))
    assert TreeConstants.of(topology, [1.0] * 7).largest == pytest.approx((1.0, 4 / 7))


@pytest.mark.parametrize(
    ("rate", "contraction", "floor", "value"),
    [(0.01, 0.4747, 0.00709, 0.05708), (0.03, 0.2075, 0.08760, 0.45440)],
)
def test_the_reference_values_of_the_paper_form(
    rate: float, contraction: float, floor: float, value: float
) -> None:
    """theory 9."""
    terms = theorem1(REFERENCE, rate, TAU, PAPER)
    assert (terms.contraction, terms.noise_floor) == pytest.approx((contraction, floor), abs=5e-5)
    assert float(terms.value(rate, 500, 2.0)) == pytest.approx(value, abs=5e-6)


def test_the_reference_condition_on_the_learning_rate() -> None:
    """theory 9: mu_max = .03599 in the paper's form; free constants allow a slightly larger one."""
    inside, outside = (theorem1(REFERENCE, rate, TAU, PAPER).contraction for rate in (0.035985, 0.035995))
    assert inside > 0 > outside
    assert 0.03599 < largest_rate(REFERENCE, BoundRule("joint-1"), TAU) < 0.0370


def test_the_reference_values_over_all_free_constants() -> None:
    """theory 9 gives .04385 and .05377 on another grid; small differences are allowed."""
    assert best(REFERENCE, BoundRule("fixed", 0.01), TAU, 500) == pytest.approx(0.04385, rel=2e-3)
    free_values = BoundRule("joint-2").free_values
    values = theorem2(REFERENCE, 0.01, TAU, tuple(free_values)).value(0.01, 500, 2.0)  # type: ignore[arg-type]
    assert float(np.min(values)) == pytest.approx(0.05377, rel=0.015)


def test_the_terms_add_up_to_the_noise_floor() -> None:
    for terms in (theorem1(REFERENCE, 0.01, TAU, PAPER), theorem2(REFERENCE, 0.01, TAU, (1, 0.3, 1, 0.3, 1))):
        parts = terms.drift + terms.drift_noise + terms.averaged_noise + terms.quantized_heterogeneity
        assert parts == pytest.approx(terms.noise_floor, rel=1e-12)


@pytest.mark.parametrize("seed", range(36))
def test_theorem_1_bounds_measured_gradients(seed: int) -> None:
    setting = random_setting(seed)
    problem, rounds = setting.problem, 15
    rate = (0.1, 0.5, 0.95)[seed % 3] * largest_rate(problem, BoundRule("joint-1"), setting.tau)
    measured = measure_gradients(setting, rate, rounds)[0]
    bound = best(problem, BoundRule("fixed", rate), tuple(setting.tau), rounds)
    assert measured.mean() - 3 * measured.std() / np.sqrt(len(measured)) <= bound


@pytest.mark.parametrize("seed", range(36))
def test_theorem_2_bounds_measured_gradients_at_inner_steps(seed: int) -> None:
    setting = random_setting(seed)
    problem, rounds, rule = setting.problem, 15, BoundRule("joint-2")
    rate = (0.1, 0.5, 0.95)[seed % 3] * largest_rate(problem, rule, setting.tau)
    measured = measure_gradients(setting, rate, rounds)[1]
    values = theorem2(problem, rate * problem.facts.smoothness, setting.tau, tuple(rule.free_values))  # type: ignore[arg-type]
    bound = float(np.min(values.value(rate, rounds, problem.facts.gap)))
    assert measured.mean() - 3 * measured.std() / np.sqrt(len(measured)) <= bound


def test_a_bound_without_heterogeneity_is_invalid() -> None:
    """theory 0.1: two devices, h = (1, .05), b = (0, 4), tau = 8: drift causes a floor that is absent with zeta = 0."""
    rate, K = 0.1, 8
    w = 4.0
    for _ in range(10_000):
        a, b = w, w
        for _ in range(K):
            a, b = a - rate * a, b - rate * 0.05 * (b - 4)
        w = (a + b) / 2
    gradient = 0.5 * (w + 0.05 * (w - 4))
    gap = 0.25 * (16 + 0.0) - 0.25 * (0.8 / 4.2) * 4
    problem = Problem(
        LearningConstants(1.0, 0.0, (0.0,), gap), TreeConstants.of(Fanout([2]).grow(), [1, 1]), (0.0,), (0.0,)
    )
    assert gradient**2 == pytest.approx(1.27e-3, rel=0.01)  # for all T, while the bound decreases as 1 / T
    assert best(problem, BoundRule("fixed", rate), (K,), 10**7) < 1e-5


def test_theorem_2_without_quantization_has_no_condition_on_products() -> None:
    plain = replace(REFERENCE, up=(0.0, 0.0, 0.0))
    assert largest_rate(plain, BoundRule("joint-2"), (50, 4, 2)) == pytest.approx(1.0, rel=1e-3)
    assert largest_rate(plain, BoundRule("joint-1"), (50, 4, 2)) <= 1 / 400


def test_theorem_2_refuses_quantized_broadcasts() -> None:
    with pytest.raises(ValueError, match="exact downlinks"):
        theorem2(replace(REFERENCE, down=(0.1, 0.0, 0.0)), 0.01, TAU, (1, 0.3, 1, 0.3, 1))


def test_the_bound_increases_with_quantization_and_tau() -> None:
    at = best(REFERENCE, BoundRule("fixed", 0.005), TAU, 500)
    for n in range(3):
        up = tuple(q + (0.2 if m == n else 0) for m, q in enumerate(REFERENCE.up))
        down = tuple(0.2 if m == n else 0.0 for m in range(3))
        assert best(replace(REFERENCE, up=up), BoundRule("fixed", 0.005), TAU, 500) > at
        assert best(replace(REFERENCE, down=down), BoundRule("fixed", 0.005), TAU, 500) > at


@pytest.mark.parametrize("mode", ["joint-1", "joint-2"])
def test_the_bound_does_not_depend_on_units(mode: str) -> None:
    """Parameters in another unit: w -> s w leaves F, L -> L / s^2, gradients / s, rates x s^2."""
    s = 37.0
    facts = LearningConstants(1 / s**2, 5.0 / s**2, tuple(x / s**2 for x in FACTS.layers), 2.0)
    rule = BoundRule(mode)  # type: ignore[arg-type]
    scaled = best(replace(REFERENCE, facts=facts), rule, TAU, 500)
    assert scaled * s**2 == pytest.approx(best(REFERENCE, rule, TAU, 500), rel=1e-9)


def test_invalid_constants_are_refused() -> None:
    with pytest.raises(ValueError, match="smoothness must be finite and > 0"):
        LearningConstants(0.0, 1.0, (0.0,), 1.0)
    with pytest.raises(ValueError, match=r"layers\[1\] must be finite and >= 0"):
        LearningConstants(1.0, 1.0, (0.0, -1.0), 1.0)
