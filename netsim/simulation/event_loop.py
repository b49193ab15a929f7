"""Event loop of a run: steps events until the cloud is done, the deadline is reached or no event is left."""

from __future__ import annotations

import math

from learning.compressors import Plain
from learning.engine import IterationIndex
from netsim.protocol.corrections import BroadcastModel
from netsim.simulation.garbage_collection import rare_garbage_collection
from netsim.simulation.invariants import InvariantMonitor
from netsim.simulation.run_state import NO_DEVICE_LEFT, Run


def step_events(run: Run) -> None:
    """Step events until the cloud's process ends, or the next event is after the deadline.

    Events at the deadline still take place: a round that completes at the deadline counts. A run that is cut off ends
    at the deadline, not at the last event before it.
    """
    cloud, stop, env = run.trace.topology.root, run.scenario.stop, run.env
    initial = BroadcastModel(run.model, Plain().bits(run.engine.dim), origin=cloud.level)
    first = IterationIndex((), 0)
    done = env.process(run.loop.run_period(cloud, initial, stop.rounds, first, run.complete_round))
    monitor = InvariantMonitor(run) if run.verify else None
    with rare_garbage_collection():
        while not done.processed and (stop.deadline is None or env.peek() <= stop.deadline):
            if env.peek() == math.inf:
                break
            env.step()
            if monitor is not None:
                monitor.check()
    reached_deadline = stop.deadline is not None and not (done.processed and env.now < stop.deadline)
    if run.stopped_by == "deadline" and not reached_deadline:
        run.stopped_by = NO_DEVICE_LEFT
    elif stop.deadline is not None and not done.processed and env.now < stop.deadline:
        env.run(until=stop.deadline)  # no event is left before it: only the clock advances
