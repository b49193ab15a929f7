"""Models: parts that know their size and cost in closed form and build a torch module."""

from __future__ import annotations

from learning.models.architectures import (
    MODELS,
    CifarCnn,
    LeNet,
    Logistic,
    McMahanCnn,
    Mlp,
    Model,
    ResNet8,
    initial_vector,
)
from learning.models.torch_module import Module

__all__ = [
    "MODELS",
    "CifarCnn",
    "LeNet",
    "Logistic",
    "McMahanCnn",
    "Mlp",
    "Model",
    "Module",
    "ResNet8",
    "initial_vector",
]
