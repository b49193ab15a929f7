"""Mutations of faults, mobility and reattachment, for the table of tests/mutations.py."""

from __future__ import annotations

INJECTION, REATTACHMENT, TRANSPORT = (
    "netsim/simulation/fault_injection.py",
    "netsim/simulation/reattachment.py",
    "netsim/protocol/transport.py",
)

# fmt: off
DYNAMICS: tuple[tuple[str, str, str, str, str], ...] = (
    ("dynamics: a crash is detected without delay", INJECTION, "if undetected_s:\n", "if False:\n", "dynamics/test_faults"),
    ("dynamics: children of a failed server continue their exchanges", INJECTION, "            exchanges.abort_all(inbox)\n", "            pass\n", "dynamics/test_faults simulation/test_invariants dynamics/test_mobility"),
    ("dynamics: a crash discards no model copies", INJECTION, "        exchanges.broadcaster.copies.discard_all(node)\n", "", "dynamics/test_faults"),
    ("dynamics: children do not return to their original parent", REATTACHMENT, "if home is not None and self._is_up(home)", "if False and self._is_up(home)", "dynamics/test_faults"),
    ("dynamics: children are moved during an exchange", REATTACHMENT, "return child.name not in self.exchanges.active and", "return True or", "dynamics/test_faults simulation/test_invariants dynamics/test_mobility"),
    ("dynamics: the repair time equals the time between failures", "netsim/dynamics/fault_times.py", "up_s, down_s = self.between, self.repair", "up_s, down_s = self.between, self.between", "dynamics/test_faults"),
    ("dynamics: all faults of a node use the same draw", "netsim/dynamics/fault_times.py", "node.level, node.ordinal, count)", "node.level, node.ordinal)", "dynamics/test_faults"),
    ("dynamics: simultaneous slowdowns are added", "netsim/dynamics/slowdown.py", "math.prod(", "math.fsum(", "dynamics/test_faults"),
    ("dynamics: transfer of a reference model costs no bits", "netsim/protocol/exchange_runner.py", "bits += Plain().bits(self.broadcaster.dim)", "bits += 0", "dynamics/test_faults"),
    ("dynamics: hysteresis is ignored", "netsim/dynamics/attachment.py", "snrs[current] + self.hysteresis", "snrs[current]", "dynamics/test_attachment"),
    ("dynamics: the load of a parent is ignored", "netsim/dynamics/attachment.py", "/ (option.load + 1)", "/ 1", "dynamics/test_attachment"),
    ("dynamics: rebuilt links restart their random numbers", "netsim/network/links.py", '    object.__setattr__(moved, "_numbers", numbers)\n', "", "dynamics/test_mobility"),
    ("dynamics: all legs of a random waypoint have the minimum speed", "netsim/dynamics/mobility.py", "(slow + uniform * (fast - slow))", "slow", "dynamics/test_mobility"),
    ("dynamics: a stalled upload is sent again from its first bit", TRANSPORT, "round(in_flight.message.payload_bits * unsent)", "in_flight.message.payload_bits", "dynamics/test_faults"),
    ("dynamics: nodes that are down consume idle power", "netsim/energy/meter.py", "length_s - self._off_s.get(node.name, 0.0)", "length_s", "dynamics/test_faults"),
)
# fmt: on
