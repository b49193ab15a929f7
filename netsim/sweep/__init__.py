"""Sweeps: timelines of all points first, then one training per distinct trajectory; other points are re-timed."""

from __future__ import annotations

from netsim.sweep.executors import Executor, InProcess, ProcessPool, WorkerLostError
from netsim.sweep.points import LEDGER, Outcome, Point, SweepFolders, learning_key, points_of
from netsim.sweep.schedule import SweepListener, run_sweep

__all__ = [
    "LEDGER",
    "Executor",
    "InProcess",
    "Outcome",
    "Point",
    "ProcessPool",
    "SweepFolders",
    "SweepListener",
    "WorkerLostError",
    "learning_key",
    "points_of",
    "run_sweep",
]
