"""Availability of devices in a run: absent devices take no part, and work in progress when a device leaves is lost."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import simpy

from netsim.protocol.exchange import ProcessGenerator
from netsim.protocol.exchange_runner import ExchangeRunner
from netsim.selection.availability import Absence, Availability
from netsim.topology import Node

REASON = "availability"
"""The reason for being unavailable, in the membership."""


def start_absences(
    exchanges: ExchangeRunner, devices: Sequence[Node], availability: Availability, seed: int
) -> None:
    """Start a process per device that makes it unavailable during its absences. Raises ValueError for bad files."""
    exchanges.membership.change_event = simpy.Event(exchanges.env)
    for device in devices:
        absences = availability.absences(seed, device)
        first = next(absences, None)  # read now, so that errors in a file are raised before the run
        if first is not None:
            exchanges.env.process(_follow(exchanges, device, itertools.chain([first], absences)))


def _follow(exchanges: ExchangeRunner, device: Node, absences: Iterator[Absence]) -> ProcessGenerator:
    env, membership = exchanges.env, exchanges.membership
    for begin_s, end_s in absences:
        if begin_s > env.now:
            yield env.timeout(begin_s - env.now)
        membership.mark_unavailable(device, REASON)
        exchanges.interrupt(device, REASON)
        yield env.timeout(end_s - env.now)
        membership.clear_reason(device, REASON)
