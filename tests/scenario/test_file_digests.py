"""The content of named files is part of the digest."""

from __future__ import annotations

from pathlib import Path

from netsim.scenario import digest, load_text

from .sample_scenarios import SCENARIO


def test_a_changed_trace_file_changes_the_digest(tmp_path: Path) -> None:
    trace = tmp_path / "up.csv"
    rates = "{traced: {uplink: {csv: PATH}, downlink: {csv: PATH}}}".replace("PATH", str(trace))
    text = SCENARIO.replace(next(line for line in SCENARIO.splitlines() if "cell" in line), f"  - {rates}")
    trace.write_text("time_s,rate_bps\n0,1000000\n1,2000000\n")
    first = digest(load_text(text, "traced.yaml"))
    trace.write_text("time_s,rate_bps\n0,1000000\n1,3000000\n")
    assert digest(load_text(text, "traced.yaml")) != first
