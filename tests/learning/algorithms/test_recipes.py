"""Every recipe gives the layers that its paper describes, written out here independently."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from learning.aggregation.rules import Mean, Vote
from learning.aggregation.server_optimizers import FedOpt
from learning.algorithms.algorithm import Algorithm, Prologue
from learning.algorithms.layer import Layer, Leaf
from learning.algorithms.recipe_registry import RECIPES
from learning.compressors import (
    Adaptive,
    Compressor,
    ErrorFeedback,
    Integer,
    Plain,
    Qsgd,
    Sign,
    SparseSign,
    TopK,
)
from learning.compressors.level_schedules import DoublingLevels
from learning.optimizers import Local


def fields_of(cls: type) -> set[str]:
    return {field.name for field in fields(cls)}  # type: ignore[arg-type]


STEP = {"learning_rate": 0.1, "batch_size": 8}
LEAF, NONE, TOP_K = Leaf(0.1, 8), Plain(), TopK(k=5)
DEVICES, SAMPLES = Mean("devices"), Mean("samples")
VOTE, ZERO_TIES = Vote(0.1, "random"), Vote(0.1, "zero")
SPARSE = Vote(0.1, "random", abstain=True)
INTEGER, INTEGER_ZEROS = Integer(step=0.1, span=4), Integer(step=0.1, span=4, zeros=True)
QSGD_4, QSGD_8 = Qsgd(4, 512, "fixed"), Qsgd(8, 512, "fixed")
FEEDBACK = ErrorFeedback(TOP_K)
DOUBLING = DoublingLevels(first=4, every=10)
ANCHOR = Leaf(1.0, 64)

EXPECTED: dict[str, list[tuple[dict[str, Any], Algorithm]]] = {
    "fedavg": [
        ({"local_steps": 3}, Algorithm(LEAF, (Layer(3, NONE, SAMPLES, NONE),))),
        (
            {"local_steps": 3, "weights": "devices", "down": TOP_K},
            Algorithm(LEAF, (Layer(3, NONE, DEVICES, TOP_K),)),
        ),
    ],
    "fedprox": [
        (
            {"local_steps": 3, "prox": 0.5},
            Algorithm(Leaf(0.1, 8, Local(prox=0.5)), (Layer(3, NONE, SAMPLES),)),
        ),
        (
            {"local_steps": 3, "prox": 0.5, "weights": "devices"},
            Algorithm(Leaf(0.1, 8, Local(prox=0.5)), (Layer(3, NONE, DEVICES),)),
        ),
    ],
    "fedopt": [
        (
            {"tau": (3, 2)},
            Algorithm(LEAF, (Layer(3, NONE, DEVICES), Layer(2, NONE, FedOpt("momentum", 1.0, 0.9)))),
        ),
        ({"tau": (3,), "server": FedOpt("adam")}, Algorithm(LEAF, (Layer(3, NONE, FedOpt("adam")),))),
    ],
    "sign_sgd": [
        ({}, Algorithm(LEAF, (Layer(1, Sign(), VOTE),))),
        ({"ties": "zero"}, Algorithm(LEAF, (Layer(1, Sign(), ZERO_TIES),))),
    ],
    "sparse_sign_sgd": [
        ({}, Algorithm(LEAF, (Layer(1, SparseSign(0.01), SPARSE),))),
        ({"fraction": 1.0}, Algorithm(LEAF, (Layer(1, Sign(), VOTE),))),
        (
            {"tau": (1, 4), "fraction": 1.0, "ties": "zero"},
            Algorithm(LEAF, (Layer(1, Sign(), ZERO_TIES), Layer(4, INTEGER_ZEROS, DEVICES, NONE, "said"))),
        ),
        (
            {"tau": (1, 4, 2), "fraction": 0.1, "weights": "samples", "down": TOP_K},
            Algorithm(
                LEAF,
                (
                    Layer(1, SparseSign(0.1), SPARSE),
                    Layer(4, INTEGER_ZEROS, SAMPLES, NONE, "said"),
                    Layer(2, NONE, SAMPLES, TOP_K, "own"),
                ),
            ),
        ),
        (
            {"tau": (1, 4), "fraction": 0.1, "down": TOP_K, "error_feedback": False},
            Algorithm(LEAF, (Layer(1, SparseSign(0.1), SPARSE), Layer(4, INTEGER_ZEROS, DEVICES, TOP_K, "said"))),
        ),
    ],
    "hier_favg": [
        ({"tau": (3, 2)}, Algorithm(LEAF, (Layer(3, NONE, SAMPLES), Layer(2, NONE, SAMPLES)))),
        ({"tau": (3,), "weights": "devices"}, Algorithm(LEAF, (Layer(3, NONE, DEVICES),))),
    ],
    "hier_local_qsgd": [
        (
            {"tau": (3, 2), "levels": (4, 8)},
            Algorithm(LEAF, (Layer(3, QSGD_4, SAMPLES, NONE), Layer(2, QSGD_8, SAMPLES, NONE))),
        ),
        (
            {"tau": (3, 2), "levels": (None, 8), "bucket": 64, "code": "elias", "weights": "devices"},
            Algorithm(
                LEAF, (Layer(3, NONE, DEVICES, NONE), Layer(2, Qsgd(8, 64, "elias"), DEVICES, NONE))
            ),
        ),
    ],
    "qmlhfl": [
        (
            {"tau": (3, 2), "levels": (DOUBLING, 8)},
            Algorithm(
                LEAF, (Layer(3, Adaptive(QSGD_4, DOUBLING), DEVICES, NONE), Layer(2, QSGD_8, DEVICES, NONE))
            ),
        ),
        (
            {"tau": (3, 2), "levels": (4, 8)},
            Algorithm(LEAF, (Layer(3, QSGD_4, DEVICES, NONE), Layer(2, QSGD_8, DEVICES, NONE))),
        ),
        (
            {"tau": (3, 2), "levels": (4, None), "bucket": None, "code": "elias", "weights": "samples", "down": TOP_K},
            Algorithm(LEAF, (Layer(3, Qsgd(4, None, "elias"), SAMPLES, TOP_K), Layer(2, NONE, SAMPLES, TOP_K))),
        ),
    ],
    "hier_sign_sgd": [
        ({"tau": (1, 4)}, Algorithm(LEAF, (Layer(1, Sign(), VOTE), Layer(4, INTEGER, DEVICES, NONE, "said")))),
        (
            {"tau": (1, 4, 2), "ties": "zero", "weights": "samples", "down": TOP_K},
            Algorithm(
                LEAF,
                (
                    Layer(1, Sign(), ZERO_TIES),
                    Layer(4, INTEGER_ZEROS, SAMPLES, NONE, "said"),
                    Layer(2, NONE, SAMPLES, TOP_K, "own"),
                ),
            ),
        ),
        (
            {"tau": (1, 4), "down": TOP_K, "error_feedback": False},
            Algorithm(LEAF, (Layer(1, Sign(), VOTE), Layer(4, INTEGER, DEVICES, TOP_K, "said"))),
        ),
    ],
    "dc_hier_sign_sgd": [
        (
            {"tau": (1, 4)},
            Algorithm(
                LEAF,
                (Layer(1, Sign(), VOTE), Layer(4, INTEGER, DEVICES, NONE, "said")),
                Prologue(ANCHOR, (NONE, NONE), level=2, every=1),
            ),
        ),
        (
            {"tau": (1, 4), "anchor_batch": 16, "every": 3, "level": 1, "anchor": TOP_K, "ties": "zero", "weights": "samples", "down": TOP_K},
            Algorithm(
                LEAF,
                (Layer(1, Sign(), ZERO_TIES), Layer(4, INTEGER_ZEROS, SAMPLES, TOP_K, "own")),
                Prologue(Leaf(1.0, 16), (TOP_K, TOP_K), level=1, every=3),
            ),
        ),
        (
            {"tau": (1, 4), "down": TOP_K, "error_feedback": False},
            Algorithm(
                LEAF,
                (Layer(1, Sign(), VOTE), Layer(4, INTEGER, DEVICES, TOP_K, "said")),
                Prologue(ANCHOR, (NONE, NONE)),
            ),
        ),
    ],
    "qhetfed": [
        (
            {"tau": (1, 5), "gamma": 3, "levels": (4, 8)},
            Algorithm(LEAF, (Layer(1, QSGD_4, DEVICES, NONE, last=3), Layer(5, QSGD_8, DEVICES, NONE))),
        ),
        (
            {"tau": (1, 5), "gamma": 3, "levels": (4, None), "bucket": 64, "code": "elias", "weights": "samples"},
            Algorithm(
                LEAF,
                (Layer(1, Qsgd(4, 64, "elias"), SAMPLES, NONE, last=3), Layer(5, NONE, SAMPLES, NONE)),
            ),
        ),
    ],
    "mtgc": [
        (
            {"tau": (3, 2)},
            Algorithm(LEAF, (Layer(3, NONE, DEVICES, drift=True, echo=True), Layer(2, NONE, DEVICES, drift=True))),
        ),
        ({"tau": (3,), "weights": "samples"}, Algorithm(LEAF, (Layer(3, NONE, SAMPLES, drift=True),))),
    ],
    "admm": [
        (
            {"tau": (3, 2), "rho": (0.5, 0.25), "up": FEEDBACK},
            Algorithm(
                Leaf(0.1, 8, Local(prox=0.75)),
                (
                    Layer(3, FEEDBACK, DEVICES, drift=True, echo=True, pull=0.5),
                    Layer(2, FEEDBACK, DEVICES, drift=True, pull=0.25),
                ),
            ),
        ),
        (
            {"tau": (3,), "rho": (0.5,), "weights": "samples"},
            Algorithm(Leaf(0.1, 8, Local(prox=0.5)), (Layer(3, NONE, SAMPLES, drift=True, pull=0.5),)),
        ),
    ],
    "scaffold": [({"local_steps": 3}, Algorithm(LEAF, (Layer(3, NONE, DEVICES, drift=True),)))],
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "case"), [(n, k) for n, cases in EXPECTED.items() for k in range(len(cases))]
)
def test_a_recipe_gives_the_layers_of_its_paper(name: str, case: int) -> None:
    arguments, expected = EXPECTED[name][case]
    assert RECIPES[name](**STEP, **arguments).to_algorithm() == expected


def test_every_recipe_has_an_expected_algorithm() -> None:
    assert set(EXPECTED) == set(RECIPES)


@pytest.mark.parametrize("tau", [(), (2, 5)])
def test_qhetfed_requires_single_gradients_on_the_first_layer(tau: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"tau\[0\] must be 1, got tau \["):
        RECIPES["qhetfed"](**STEP, tau=tau, gamma=2, levels=(4,) * len(tau)).to_algorithm()


@pytest.mark.parametrize("name", [name for name, cls in RECIPES.items() if "local" in fields_of(cls)])
def test_the_local_optimizer_of_a_recipe_is_passed_to_its_leaf(name: str) -> None:
    arguments, expected = EXPECTED[name][0]
    local = Local(momentum=0.9)
    algorithm = RECIPES[name](**STEP, **arguments, local=local).to_algorithm()
    assert algorithm == replace(expected, leaf=replace(LEAF, local=local))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"tau": (2, 4)}, r"tau\[0\] must be 1"), ({"tau": ()}, "tau"), ({"down": TOP_K}, "star")],
)
def test_sparse_sign_sgd_rejects_arguments_that_have_no_effect(
    arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        RECIPES["sparse_sign_sgd"](**STEP, **arguments).to_algorithm()


@pytest.mark.parametrize(
    ("up", "vote"),
    [(Sign(), SPARSE), (SparseSign(0.1), VOTE), (SparseSign(0.1), ZERO_TIES), (SparseSign(1.0), SPARSE)],
)
def test_abstain_of_a_vote_must_agree_with_the_uplink(up: Compressor, vote: Vote) -> None:
    with pytest.raises(ValueError, match="layer 1: abstain must be (true|false) in the vote on "):
        Algorithm(LEAF, (Layer(1, up, vote),))


def test_sums_of_sparse_votes_need_an_integer_code_with_zeros() -> None:
    with pytest.raises(ValueError, match="lossless only for sums of votes"):
        Algorithm(LEAF, (Layer(1, SparseSign(0.1), SPARSE), Layer(4, INTEGER, DEVICES)))


def test_fedopt_requires_at_least_one_layer() -> None:
    with pytest.raises(ValueError, match=r"tau needs at least one entry, got \[\]"):
        RECIPES["fedopt"](**STEP, tau=()).to_algorithm()
