"""Named algorithms: each a row of the ladder. `docs/algorithms.md` has the equations."""

from __future__ import annotations

from learning.algorithms.averaging import (
    QMLHFL,
    FedAvg,
    FedOptimised,
    FedProx,
    HierFAVG,
    HierLocalQSGD,
    HierSignSGD,
    QHetFed,
    Recipe,
    SignSGD,
)
from learning.algorithms.corrected import MTGC, Admm, DCHierSignSGD, Scaffold
from learning.algorithms.sparse_votes import SparseSignSGD

__all__ = ["RECIPES", "Recipe"]

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
