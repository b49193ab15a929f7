"""Dynamics: faults and mobility as a scenario defines them; losses of single messages belong to links."""

from netsim.dynamics.fault_times import OCCURRENCES, FaultInterval, FaultTimes
from netsim.dynamics.faults import FAULTS, Cut, Down, Effect, Fault, Slow
from netsim.dynamics.mobility import MOTIONS, Course, Mobility, Motion

__all__ = [
    "FAULTS",
    "MOTIONS",
    "OCCURRENCES",
    "Course",
    "Cut",
    "Down",
    "Effect",
    "Fault",
    "FaultInterval",
    "FaultTimes",
    "Mobility",
    "Motion",
    "Slow",
]
