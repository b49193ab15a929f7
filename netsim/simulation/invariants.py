"""Invariants of every run, whatever fails in it: checked during the run and afterwards from its trace."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import simpy

from netsim.protocol.exchange_runner import ExchangeRunner
from netsim.protocol.polling import poll_inbox
from netsim.protocol.trace import FATES
from netsim.simulation.run_state import Run

TOLERANCE = 1e-9
"""Relative rounding error that is allowed in sums of floating-point numbers."""


class InvariantError(AssertionError):
    """A run violates an invariant: a defect of netsim, not of the scenario."""


def verify(run: Run) -> None:
    """Check all invariants of a completed run. Raises InvariantError with the first violations of each."""
    violations = [f"{name}: {text}" for name, check in INVARIANTS.items() for text in _first_few(check(run))]
    if violations:
        raise InvariantError("; ".join(violations))


@dataclass
class InvariantMonitor:
    """Checks for orphaned exchanges after every instant in which an exchange was interrupted."""

    run: Run
    interrupted: int = 0
    """Interrupted exchanges at the last check."""

    def check(self) -> None:
        """Check after a step of the event loop. Raises InvariantError."""
        interrupted = self.run.trace.interrupted
        if interrupted != self.interrupted and self.run.env.peek() > self.run.env.now:
            self.interrupted = interrupted
            if violations := list(_first_few(no_orphans(self.run))):
                raise InvariantError(f"no orphans at {self.run.env.now} s: {'; '.join(violations)}")


def conservation(run: Run) -> Iterator[str]:
    """Every message has one fate that agrees with its row, and the bits of all rows add up to the totals."""
    sums: Counter[tuple[str, int]] = Counter()
    for k, row in enumerate(run.trace.messages):
        arrived = not math.isnan(float(row["arrived_s"]))
        fate, delivered = str(row["fate"]), bool(row["delivered"])
        agrees = {
            "delivered": arrived and delivered,
            "lost": arrived and not delivered,
            "unfinished": not arrived,
        }
        if fate not in FATES or not agrees.get(fate, not delivered):
            yield f"message {k} is {fate}, but arrived_s is {row['arrived_s']} and delivered is {delivered}"
        if min(int(row["payload_bits"]), int(row["wire_bits"]), float(row["airtime_s"])) < 0:
            yield f"message {k} has a negative size: {row}"
        direction, layer = row["direction"], int(row["layer"])
        sums[f"bits_{direction}", layer] += int(row["payload_bits"])
        sums[f"wire_bits_{direction}", layer] += int(row["wire_bits"])
    for name in ("bits_up", "bits_down", "wire_bits_up", "wire_bits_down"):
        for layer, total in enumerate(run.trace.totals[name], start=1):
            if total != sums[name, layer]:
                yield f"{name}_{layer} is {total}, but its messages sum to {sums[name, layer]}"


def causality(run: Run) -> Iterator[str]:
    """An aggregation uses only messages that have arrived at its node, and none twice."""
    aggregated: set[int] = set()
    messages = run.trace.messages
    for row in run.trace.aggregations or ():
        number, now_s = int(row["message"]), float(row["time_s"])
        message = messages[number]
        if message["fate"] != "delivered" or not float(message["arrived_s"]) <= now_s:
            fate = f"{message['fate']}, {message['arrived_s']} s"
            yield f"{row['node']} aggregated message {number} at {now_s} s: {fate}"
        if message["dst"] != row["node"] or message["direction"] != "up":
            yield f"{row['node']} aggregated message {number}, which was sent to {message['dst']}"
        if number in aggregated:
            yield f"message {number} was aggregated twice"
        aggregated.add(number)


def no_orphans(run: Run) -> Iterator[str]:
    """A node that works has a parent that waits for it and works too; links transmit only messages that are expected.

    Late children with `late: carry` may work longer than their parent. Holds whenever no event is left at an instant,
    so also after each abort.
    """
    loop, exchanges = run.loop, run.loop.exchanges
    alive = {name for name, exchange in exchanges.active.items() if _is_alive(exchange.process)}
    expected: set[str] = set()
    for level in run.trace.topology.levels[1:]:
        for node in level:
            names = [name for name in (node.name, poll_inbox(node)) if name in exchanges.inboxes]
            children = {child for name in names for child in exchanges.inboxes[name].exchanges}
            expected |= children
            is_root = node is run.trace.topology.root
            works = is_root or node.name in alive or loop.barrier_of(node).late == "carry"
            if not works and children & alive:
                yield f"{', '.join(sorted(children & alive))} work for {node.name}, which does not work"
    if loop.algorithm.prologue is None:  # a prologue has inboxes of its own
        for name in sorted(alive - expected):
            yield f"{name} works, but no parent waits for it"
        yield from _unexpected_transfers(exchanges)


def _unexpected_transfers(exchanges: ExchangeRunner) -> Iterator[str]:
    expected = set(_expected_services(exchanges))
    for name, ports in exchanges.membership.ports.items():
        media = {id(link.medium): link.medium for link in (*ports.up, *ports.down.links)}
        for medium in media.values():
            if any(served not in expected for served in getattr(medium, "serving", ())):
                yield f"a link of {name} transmits a message that no node expects"


def _expected_services(exchanges: ExchangeRunner) -> Iterator[simpy.Event]:
    """Yield the `served` events of all messages that a node receives or waits for."""
    messages = [sent for inbox in exchanges.inboxes.values() for sent in inbox.broadcasts]
    for exchange in exchanges.active.values():
        messages += [sent for sent in (exchange.broadcast, exchange.upload) if sent is not None]
    for sent in messages:
        yield from (transfer.served for transfer in sent.transfers)


def monotone_times(run: Run) -> Iterator[str]:
    """Rounds, messages and events are in order of time; no message arrives before it is sent."""
    trace = run.trace
    for name, times in (
        ("rounds", [row["sim_time_s"] for row in trace.rounds]),
        ("messages", trace.messages.column("sent_s").tolist()),
        ("events", trace.events.column("time_s").tolist()),
    ):
        if any(later < earlier for earlier, later in pairwise(times)):
            yield f"the times of {name} decrease"
    for k, row in enumerate(trace.messages):
        if float(row["arrived_s"]) < float(row["sent_s"]):
            yield f"message {k} arrived at {row['arrived_s']} s, before it was sent"


def energies(run: Run) -> Iterator[str]:
    """No node consumes negative energy in a round, and the total energy does not decrease."""
    if run.trace.meter is None:
        return
    columns = [name for name in run.trace.nodes.columns if name.startswith("energy_")]
    for row in run.trace.nodes:
        for name in columns:
            if float(row[name]) < -TOLERANCE * max(1.0, abs(float(row[name]))):
                yield f"{row['node']} has {name} {row[name]} J in round {row['round']}"
    totals = [float(row["energy_j"]) for row in run.trace.rounds]
    if any(later < earlier * (1 - TOLERANCE) for earlier, later in pairwise(totals)):
        yield "energy_j decreases from one round to the next"


def activity_times(run: Run) -> Iterator[str]:
    """The activities of a node in a round take as long as the round."""
    end_s = {row["round"]: row["sim_time_s"] for row in run.trace.rounds}
    columns = [name for name in run.trace.nodes.columns if name.endswith("_s")]
    for row in run.trace.nodes:
        number = int(row["round"])
        round_s = end_s[number] - end_s[number - 1]
        sum_s = math.fsum(float(row[name]) for name in columns)
        if abs(sum_s - round_s) > 1e-6 * max(1.0, end_s[number]):
            yield f"the activities of {row['node']} take {sum_s} s in round {number}, which takes {round_s} s"


def critical_paths(run: Run) -> Iterator[str]:
    """The critical path of a round is as long as the round."""
    for before, row in pairwise(run.trace.rounds):
        round_s = row["sim_time_s"] - before["sim_time_s"]
        sum_s = math.fsum(value for name, value in row.items() if name.startswith("path_"))
        if abs(sum_s - round_s) > 1e-6 * max(1.0, row["sim_time_s"]):
            yield f"the path of round {row['round']} is {sum_s} s long, the round {round_s} s"


def _is_alive(process: simpy.Process | None) -> bool:
    return process is not None and process.is_alive


def _first_few(violations: Iterator[str]) -> Iterator[str]:
    for k, text in enumerate(violations):
        if k == 3:
            yield "and more"
            return
        yield text


INVARIANTS: dict[str, Callable[[Run], Iterator[str]]] = {
    "conservation": conservation,
    "causality": causality,
    "no orphans": no_orphans,
    "monotone times": monotone_times,
    "energies": energies,
    "activity times": activity_times,
    "critical paths": critical_paths,
}
