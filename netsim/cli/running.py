"""`netsim run`: load, simulate, save, report."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from learning.engine import DeviceKind, EngineKind
from netsim.cli.progress import progress
from netsim.scenario import load


def run_command(
    name: str,
    overrides: Sequence[str],
    engine: EngineKind,
    device: DeviceKind,
    out: Path,
    memory: str | None,
    as_json: bool,
) -> int:
    """Run a scenario and write runs/<name>/<digest>/; with `as_json` stdout carries one object and nothing else."""
    from netsim.cli.sizes import bytes_of

    scenario = load(name, overrides)
    memory_bytes = None if memory is None else bytes_of(memory)
    if scenario.sweep:
        sys.stderr.write("netsim: `sweep:` is ignored by run; this runs the scenario's own values\n")
    from netsim.simulation import simulate
    from netsim.views import closing_lines, write_report

    with progress(scenario.stop.rounds) as display:
        result = simulate(
            scenario, engine=engine, device=device, memory_bytes=memory_bytes, on_round=display.show
        )
    folder = result.save(out / scenario.name / result.digest)
    report = write_report(result, folder / "report.html")
    if as_json:
        sys.stdout.write(json.dumps(result.summary(folder)) + "\n")
    else:
        sys.stdout.write("\n".join([*closing_lines(result), f"report: {report}"]) + "\n")
    return 0
