"""Devices come and go during a run: the roster learns of it, and what a device was at when it left is lost."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import simpy

from netsim.protocol.exchange import ProcessGenerator
from netsim.protocol.loop import Loop
from netsim.selection.availability import Absence, Availability
from netsim.topology import Node

WHY = "availability"
"""This reason for being away, in the roster."""


def begin(loop: Loop, devices: Sequence[Node], availability: Availability, seed: int) -> None:
    """Have everybody come and go from now on. Raises ValueError as `absences` does."""
    loop.membership.changed = simpy.Event(loop.env)
    for device in devices:
        absences = availability.absences(seed, device)
        first = next(absences, None)  # now, so that a bad file is told before the run
        if first is not None:
            loop.env.process(attend(loop, device, itertools.chain([first], absences)))


def attend(loop: Loop, device: Node, absences: Iterator[Absence]) -> ProcessGenerator:
    """A device comes and goes: while it is away nobody asks it, and what it was at when it left is lost."""
    env, membership = loop.env, loop.membership
    for begin_s, end_s in absences:
        if begin_s > env.now:
            yield env.timeout(begin_s - env.now)
        membership.leave(device, WHY)
        interrupt(loop, device)
        yield env.timeout(end_s - env.now)
        membership.come(device, WHY)


def interrupt(loop: Loop, child: Node) -> None:
    """Whatever the child is at for its parent ends now, without an answer."""
    exchange = loop.working.get(child.name)
    if exchange is not None and exchange.process is not None and exchange.process.is_alive:
        exchange.process.interrupt(WHY)
