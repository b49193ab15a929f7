"""Stepping the event loop of a run until the cloud is done, the deadline is there, or nothing can happen any more."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from learning.compressors import Plain
from learning.engine import IterationIndex
from netsim.protocol.corrections import ReceivedModel
from netsim.simulation.garbage_collection import seldom_collecting
from netsim.simulation.invariants import InvariantMonitor

if TYPE_CHECKING:
    from netsim.simulation.run import Run

NOBODY = "nobody left"
"""Why a run ends when no device can ever be asked again."""


def drive(run: Run) -> None:
    """Step the event loop until the cloud is done, or the next event lies beyond the deadline.

    Events at the deadline itself still happen: a round that completes at it counts. A run that is cut off
    ends at the deadline, not at the last event before it.
    """
    cloud, stop = run.trace.topology.root, run.scenario.stop
    first = ReceivedModel(run.model, Plain().bits(run.engine.dim), origin=cloud.level)
    done = run.env.process(run.loop.advance(cloud, first, stop.rounds, IterationIndex((), 0), run.watch))
    watchman = InvariantMonitor(run) if run.verify else None
    with seldom_collecting():
        while not done.processed and (stop.deadline is None or run.env.peek() <= stop.deadline):
            if run.env.peek() == math.inf:
                break
            run.env.step()
            if watchman is not None:
                watchman.look()
    if run.stopped_by == "deadline" and (
        stop.deadline is None or (done.processed and run.env.now < stop.deadline)
    ):
        run.stopped_by = NOBODY
    elif stop.deadline is not None and not done.processed and run.env.now < stop.deadline:
        run.env.run(until=stop.deadline)  # nothing happens on the way: only the clock moves
