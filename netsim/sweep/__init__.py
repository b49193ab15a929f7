"""Many runs of one scenario: all timelines first, one training per distinct trajectory, the rest re-timed."""

from __future__ import annotations

from netsim.sweep.executors import Executor, InProcess, LostError, ProcessPool
from netsim.sweep.points import LEDGER, Outcome, Point, SweepFolders, learning_of, points_of
from netsim.sweep.schedule import SweepListener, run_sweep

__all__ = [
    "LEDGER",
    "Executor",
    "InProcess",
    "LostError",
    "Outcome",
    "Point",
    "ProcessPool",
    "SweepFolders",
    "SweepListener",
    "learning_of",
    "points_of",
    "run_sweep",
]
