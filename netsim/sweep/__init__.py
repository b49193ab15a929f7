"""Many runs of one scenario: all timelines first, one training per distinct trajectory, the rest re-timed."""

from __future__ import annotations

from netsim.sweep.executors import Alone, Crew, LostError, Processes
from netsim.sweep.points import LEDGER, Outcome, Point, Workplace, learning_of, points_of
from netsim.sweep.schedule import Audience, run_sweep

__all__ = [
    "LEDGER",
    "Alone",
    "Audience",
    "Crew",
    "LostError",
    "Outcome",
    "Point",
    "Processes",
    "Workplace",
    "learning_of",
    "points_of",
    "run_sweep",
]
