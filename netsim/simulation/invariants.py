"""Laws that hold in every run, whatever fails in it: checked afterwards from its trace and what is still alive."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from netsim.protocol.polling import polled_at
from netsim.protocol.trace import FATES

if TYPE_CHECKING:
    import simpy

    from netsim.protocol.loop import Loop
    from netsim.simulation.run import Run

SLACK = 1e-9
"""Relative rounding that sums of floating-point numbers may show."""


class BrokenLawError(AssertionError):
    """A run broke a law: a bug of netsim's, never of a scenario's."""


def verify(run: Run) -> None:
    """Check all laws of a run that has ended. Raises BrokenLawError naming each broken law with its first cases."""
    broken = [f"{name}: {said}" for name, law in LAWS.items() for said in _some(law(run))]
    if broken:
        raise BrokenLawError("; ".join(broken))


@dataclass
class InvariantMonitor:
    """Looks for orphans whenever somebody was interrupted and all of that instant has happened."""

    run: Run
    seen: int = 0

    def look(self) -> None:
        """After each step of the event loop. Raises BrokenLawError."""
        interrupted = self.run.trace.interrupted
        if interrupted != self.seen and self.run.env.peek() > self.run.env.now:
            self.seen = interrupted
            if broken := list(_some(no_orphans(self.run))):
                raise BrokenLawError(f"no orphans at {self.run.env.now} s: {'; '.join(broken)}")


def conservation(run: Run) -> Iterator[str]:
    """Every message has one fate that fits its row, and the bits of the rows add up to the totals."""
    sums: Counter[tuple[str, int]] = Counter()
    for k, row in enumerate(run.trace.messages):
        arrived = not math.isnan(float(row["arrived_s"]))
        fate, sent = str(row["fate"]), bool(row["delivered"])
        fits = {"delivered": arrived and sent, "lost": arrived and not sent, "unfinished": not arrived}
        if fate not in FATES or not fits.get(fate, not sent):
            yield f"message {k} is {fate}, but arrived_s is {row['arrived_s']} and delivered is {sent}"
        if min(int(row["payload_bits"]), int(row["wire_bits"]), float(row["airtime_s"])) < 0:
            yield f"message {k} has a negative size: {row}"
        way, layer = row["direction"], int(row["layer"])
        sums[f"bits_{way}", layer] += int(row["payload_bits"])
        sums[f"wire_bits_{way}", layer] += int(row["wire_bits"])
    for name in ("bits_up", "bits_down", "wire_bits_up", "wire_bits_down"):
        for layer, total in enumerate(run.trace.totals[name], start=1):
            if total != sums[name, layer]:
                yield f"{name}_{layer} is {total}, but its messages sum to {sums[name, layer]}"


def no_clairvoyance(run: Run) -> Iterator[str]:
    """An aggregation merges what has arrived at this node by then, and nothing twice."""
    merged: set[int] = set()
    messages = run.trace.messages
    for row in run.trace.merges or ():
        place, now_s = int(row["message"]), float(row["time_s"])
        message = messages[place]
        if message["fate"] != "delivered" or not float(message["arrived_s"]) <= now_s:
            yield f"{row['node']} merged message {place} at {now_s} s: {message['fate']}, {message['arrived_s']} s"
        if message["dst"] != row["node"] or message["direction"] != "up":
            yield f"{row['node']} merged message {place}, which went to {message['dst']}"
        if place in merged:
            yield f"message {place} was merged twice"
        merged.add(place)


def no_orphans(run: Run) -> Iterator[str]:
    """Whoever is at work has a parent that waits for it and is at work itself; links serve what somebody waits for.

    Late children whose answers are carried over may outlive their parent's period. Holds at every instant at which
    nothing more happens, so after each cancellation too.
    """
    loop = run.loop
    alive = {name for name, exchange in loop.working.items() if _is_alive(exchange.process)}
    waited: set[str] = set()
    for row in run.trace.topology.levels[1:]:
        for node in row:
            inboxes = [loop.inboxes[name] for name in (node.name, polled_at(node)) if name in loop.inboxes]
            exchanges = {name for inbox in inboxes for name in inbox.exchanges}
            waited |= exchanges
            at_work = (
                node is run.trace.topology.root or node.name in alive or loop.wait_of(node).late == "carry"
            )
            if not at_work and exchanges & alive:
                yield f"{', '.join(sorted(exchanges & alive))} at work for {node.name}, which is not"
    if loop.algorithm.prologue is None:  # a prologue has halls of its own
        for name in sorted(alive - waited):
            yield f"{name} is at work, but nobody waits for it"
        yield from _strange_transfers(loop)


def _strange_transfers(loop: Loop) -> Iterator[str]:
    known = set(_waited_for(loop))
    for name, ports in loop.membership.ports.items():
        media = {id(link.medium): link.medium for link in (*ports.up, *ports.down.links)}
        for medium in media.values():
            if any(served not in known for served in getattr(medium, "serving", ())):
                yield f"a link of {name} serves a message that nobody waits for"


def monotone_times(run: Run) -> Iterator[str]:
    """Rounds, messages and events follow each other in time; nothing arrives before it is sent."""
    trace = run.trace
    for name, times in (
        ("rounds", [row["sim_time_s"] for row in trace.rounds]),
        ("messages", trace.messages.column("sent_s").tolist()),
        ("events", trace.events.column("time_s").tolist()),
    ):
        if any(later < earlier for earlier, later in pairwise(times)):
            yield f"the times of {name} go back"
    for k, row in enumerate(trace.messages):
        if float(row["arrived_s"]) < float(row["sent_s"]):
            yield f"message {k} arrived at {row['arrived_s']} s, before it was sent"


def energies(run: Run) -> Iterator[str]:
    """No node draws less than nothing in any round, and the rounds' totals never fall."""
    if run.trace.meter is None:
        return
    parts = [name for name in run.trace.nodes.columns if name.startswith("energy_")]
    for row in run.trace.nodes:
        for name in parts:
            if float(row[name]) < -SLACK * max(1.0, abs(float(row[name]))):
                yield f"{row['node']} has {name} {row[name]} J in round {row['round']}"
    totals = [float(row["energy_j"]) for row in run.trace.rounds]
    if any(later < earlier * (1 - SLACK) for earlier, later in pairwise(totals)):
        yield "energy_j falls from one round to the next"


def shares_of_time(run: Run) -> Iterator[str]:
    """What a node does in a round takes as long as the round."""
    length = {row["round"]: row["sim_time_s"] for row in run.trace.rounds}
    parts = [name for name in run.trace.nodes.columns if name.endswith("_s")]
    for row in run.trace.nodes:
        turn = int(row["round"])
        whole_s, sum_s = length[turn] - length[turn - 1], math.fsum(float(row[name]) for name in parts)
        if abs(sum_s - whole_s) > 1e-6 * max(1.0, length[turn]):
            yield f"{row['node']} spends {sum_s} s in round {turn}, which takes {whole_s} s"


def critical_paths(run: Run) -> Iterator[str]:
    """The critical path of a round is as long as the round."""
    for before, row in pairwise(run.trace.rounds):
        whole_s = row["sim_time_s"] - before["sim_time_s"]
        sum_s = math.fsum(value for name, value in row.items() if name.startswith("path_"))
        if abs(sum_s - whole_s) > 1e-6 * max(1.0, row["sim_time_s"]):
            yield f"the path of round {row['round']} is {sum_s} s long, the round {whole_s} s"


def _is_alive(process: simpy.Process | None) -> bool:
    return process is not None and process.is_alive


def _waited_for(loop: Loop) -> Iterator[simpy.Event]:
    """The services of messages that somebody listens to, or waits for."""
    in_flight = [in_flight for inbox in loop.inboxes.values() for in_flight in inbox.spoken]
    in_flight += [
        one for exchange in loop.working.values() for one in (exchange.told, exchange.sent) if one is not None
    ]
    for one in in_flight:
        yield from (transfer.served for transfer in one.transfers)


def _some(found: Iterator[str]) -> Iterator[str]:
    """The first few."""
    for k, said in enumerate(found):
        if k == 3:
            yield "and more"
            return
        yield said


LAWS: dict[str, Callable[[Run], Iterator[str]]] = {
    "conservation": conservation,
    "no clairvoyance": no_clairvoyance,
    "no orphans": no_orphans,
    "monotone times": monotone_times,
    "energies": energies,
    "shares of time": shares_of_time,
    "critical paths": critical_paths,
}
