"""Faults: what goes wrong, with whom and when. Losses of single messages belong to links (`netsim.network.loss`)."""

from netsim.faults.occurrences import OCCURRENCES, Episode, Occurrence
from netsim.faults.parts import FAULTS, Cut, Down, Effect, Fault, Slow

__all__ = [
    "FAULTS",
    "OCCURRENCES",
    "Cut",
    "Down",
    "Effect",
    "Episode",
    "Fault",
    "Occurrence",
    "Slow",
]
