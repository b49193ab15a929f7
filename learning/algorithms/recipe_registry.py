"""The registry of named algorithms; `docs/algorithms.md` has their equations."""

from __future__ import annotations

from typing import Protocol

from learning.algorithms.algorithm import Algorithm
from learning.algorithms.averaging import (
    QMLHFL,
    FedAvg,
    FedOptimised,
    FedProx,
    HierFAVG,
    HierLocalQSGD,
    QHetFed,
)
from learning.algorithms.drift_correction import MTGC, Admm, DCHierSignSGD, Scaffold
from learning.algorithms.sign_voting import HierSignSGD, SignSGD, SparseSignSGD


class Recipe(Protocol):
    """A part: a named algorithm whose fields are its YAML arguments."""

    def to_algorithm(self) -> Algorithm:
        """Return the algorithm as layers. Raises ValueError where the arguments do not fit together."""
        ...


RECIPES: dict[str, type[Recipe]] = {
    "fedavg": FedAvg,
    "fedprox": FedProx,
    "fedopt": FedOptimised,
    "sign_sgd": SignSGD,
    "sparse_sign_sgd": SparseSignSGD,
    "hier_favg": HierFAVG,
    "hier_local_qsgd": HierLocalQSGD,
    "hier_sign_sgd": HierSignSGD,
    "dc_hier_sign_sgd": DCHierSignSGD,
    "qmlhfl": QMLHFL,
    "qhetfed": QHetFed,
    "mtgc": MTGC,
    "scaffold": Scaffold,
    "admm": Admm,
}
