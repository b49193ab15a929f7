"""Dynamics: definitions of faults and mobility. Losses of single messages are part of the links."""

from netsim.dynamics.fault_times import FAULT_TIMES, FaultInterval, FaultTimes
from netsim.dynamics.faults import FAULTS, ComputeSlowdown, Effect, Fault, LinkDown, NodeDown
from netsim.dynamics.mobility import MOTIONS, Mobility, Motion, Trajectory

__all__ = [
    "FAULTS",
    "FAULT_TIMES",
    "MOTIONS",
    "ComputeSlowdown",
    "Effect",
    "Fault",
    "FaultInterval",
    "FaultTimes",
    "LinkDown",
    "Mobility",
    "Motion",
    "NodeDown",
    "Trajectory",
]
