"""Engines: promises, and the solvers that keep them (none, eager, batched)."""

from __future__ import annotations

from learning.engine.engine import Engine
from learning.engine.finite_check import Finite, NotFiniteError
from learning.engine.numerics import DeviceKind, EngineKind, Numerics, StrategyError, resolve
from learning.engine.promises import IterationIndex, Look, Payload, Place, Ref
from learning.engine.solver import Solver, ValuesNeededError
from learning.engine.solver_factory import make_solver

__all__ = [
    "DeviceKind",
    "Engine",
    "EngineKind",
    "Finite",
    "IterationIndex",
    "Look",
    "NotFiniteError",
    "Numerics",
    "Payload",
    "Place",
    "Ref",
    "Solver",
    "StrategyError",
    "ValuesNeededError",
    "make_solver",
    "resolve",
]
