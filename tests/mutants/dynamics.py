"""Slips in faults, mobility and the tree that follows, for the table of tests/mutations.py."""

from __future__ import annotations

CHANGES, FORMING, POSTS = (
    "netsim/simulation/fault_injection.py",
    "netsim/simulation/reattachment.py",
    "netsim/protocol/transport.py",
)

# fmt: off
CHANGING: tuple[tuple[str, str, str, str, str], ...] = (
    ("changes: a crash is noticed at once", CHANGES, "if undetected_s:\n", "if False:\n", "dynamics/test_faults"),
    ("changes: a failed server's children go on", CHANGES, "            exchanges.abort_all(inbox)\n", "            pass\n", "dynamics/test_faults simulation/test_invariants dynamics/test_mobility"),
    ("changes: a crash forgets no copies", CHANGES, "        exchanges.broadcaster.copies.discard_all(node)\n", "", "dynamics/test_faults"),
    ("changes: nobody goes home", FORMING, "if home is not None and self._is_up(home)", "if False and self._is_up(home)", "dynamics/test_faults"),
    ("changes: whoever is at work is moved", FORMING, "return child.name not in self.exchanges.active and", "return True or", "dynamics/test_faults simulation/test_invariants dynamics/test_mobility"),
    ("changes: repair takes the time between failures", "netsim/dynamics/fault_times.py", "up_s, down_s = self.between, self.repair", "up_s, down_s = self.between, self.between", "dynamics/test_faults"),
    ("changes: all count of a node's faults the same draw", "netsim/dynamics/fault_times.py", "node.level, node.ordinal, count)", "node.level, node.ordinal)", "dynamics/test_faults"),
    ("changes: slow-downs add up", "netsim/dynamics/slowdown.py", "math.prod(", "math.fsum(", "dynamics/test_faults"),
    ("changes: a shared memory moves for nothing", "netsim/protocol/exchange_runner.py", "bits += Plain().bits(self.broadcaster.dim)", "bits += 0", "dynamics/test_faults"),
    ("changes: hysteresis forgotten", "netsim/dynamics/attachment.py", "snrs[current] + self.hysteresis", "snrs[current]", "dynamics/test_attachment"),
    ("changes: load counts for nothing", "netsim/dynamics/attachment.py", "/ (option.load + 1)", "/ 1", "dynamics/test_attachment"),
    ("changes: rebuilt links throw their dice again", "netsim/network/links.py", '    object.__setattr__(moved, "_numbers", numbers)\n', "", "dynamics/test_mobility"),
    ("changes: a waypoint's speed per leg is per way", "netsim/dynamics/mobility.py", "(slow + uniform * (fast - slow))", "slow", "dynamics/test_mobility"),
    ("changes: a stalled upload is sent anew", POSTS, "round(in_flight.message.payload_bits * unsent)", "in_flight.message.payload_bits", "dynamics/test_faults"),
    ("changes: nodes that are down draw idle power", "netsim/energy/meter.py", "length_s - self._off_s.get(node.name, 0.0)", "length_s", "dynamics/test_faults"),
)
# fmt: on
