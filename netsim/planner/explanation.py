"""`--explain`: a plan's bound term by term."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from netsim.planner.plan import Plan
from netsim.planner.planner import Planned

NAMES = ("averaged noise", "quantized heterogeneity", "drift by heterogeneity", "drift by noise")
THEOREM_1 = (
    "(lam / 2K) (1 + 1/b') S_{N+1} sigma^2 / c_G",
    "(lam / 2K) (1 + 1/b') Z_{N+1} / c_G",
    "(lam^2 / 2) (J / D) v_Z / c_G",
    "(lam^2 / 2) (J / D) v_S sigma^2 / c_G",
)
THEOREM_2 = (
    "(lam / 2) (R_N + W^S + W^X x_S) sigma^2 / c_G",
    "(lam / 2) (W^Z + W^X x_Z) / c_G",
    "(J / 2) x_Z / c_G",
    "(J / 2) x_S sigma^2 / c_G",
)


class Row(NamedTuple):
    """A term: what it is, its formula (symbols as in docs/planner.md), its value."""

    name: str
    formula: str
    value: float


def explain(planned: Planned, plan: Plan) -> list[Row]:
    """The parts that add up to the plan's bound, then what the condition on the learning rate is made of."""
    terms = planned.terms(plan)
    one = {"K": terms.steps, "c_G": terms.contraction}
    number = {name: _scalar(value) for name, value in {**one, **terms.inner}.items()}
    gap, c_g = planned.constants.facts.gap, number["c_G"]
    first = gap / (plan.learning_rate * number["K"] * plan.rounds)
    values = (terms.averaged_noise, terms.quantized_heterogeneity, terms.drift, terms.drift_noise)
    formulas = THEOREM_2 if plan.mode == "joint-2" else THEOREM_1
    named = zip(NAMES, formulas, map(_scalar, values), strict=True)
    rows = [Row("start", "(F_0 - F*) / (mu K T c_G)", first / c_g)]
    rows += [Row(name, formula, value / c_g) for name, formula, value in named]
    total = Row("bound", "their sum", sum(row.value for row in rows))
    return [*rows, total, *_condition(number)]


def _condition(number: dict[str, float]) -> Iterator[Row]:
    description = {
        "K": "local steps per global round",
        "c_G": "must be > 0",
        "lam K": "mu L K, must be <= 1",
        "lam": "mu L, must be <= 1",
        "gamma": "lam (K - 1) / 2, must be < 1",
        "D": "(1 - gamma)^2 - kappa, must be > 0",
        "den": "must be > 0",
        "A": "prod of 1 + (1 + b) q_n",
        "E": "quantization of the common gradient",
        "v_G": "drift of the common gradient",
    }
    for name, value in number.items():
        if name in description:
            yield Row(name, description[name], value)


def _scalar(value: object) -> float:
    return float(np.asarray(value).ravel()[0])
