"""Engines: lazy vectors, and the solvers that compute them (none, eager, batched)."""

from __future__ import annotations

from learning.engine.engine import Engine
from learning.engine.finite_check import NonFinitePolicy, NotFiniteError
from learning.engine.lazy_vectors import IterationIndex, LazyVector, LossQuery, NodeIndex, Payload
from learning.engine.numerics import DeviceKind, EngineKind, Numerics, StrategyError, resolve_numerics
from learning.engine.solver import Solver, ValuesNeededError
from learning.engine.solver_factory import make_solver

__all__ = [
    "DeviceKind",
    "Engine",
    "EngineKind",
    "IterationIndex",
    "LazyVector",
    "LossQuery",
    "NodeIndex",
    "NonFinitePolicy",
    "NotFiniteError",
    "Numerics",
    "Payload",
    "Solver",
    "StrategyError",
    "ValuesNeededError",
    "make_solver",
    "resolve_numerics",
]
