"""`netsim run`: load, simulate, save, report."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from learning.engine import DeviceKind, EngineKind
from learning.store.ledger import Ledger
from netsim.cli.exit_codes import InputError
from netsim.cli.run_progress import combine_listeners, run_progress
from netsim.results.live_feed import LiveFeed
from netsim.scenario import Scenario, ScenarioError, digest, load

if TYPE_CHECKING:
    from netsim.results.result import Result


def run_command(
    name: str,
    overrides: Sequence[str],
    engine: EngineKind,
    device: DeviceKind,
    out: Path,
    memory: str | None,
    as_json: bool,
    checkpoint: str | None,
    strategy: str | None = None,
    tune: bool = False,
    verify: bool = False,
) -> int:
    """Run a scenario and write runs/<name>/<digest>/; with `as_json`, stdout has exactly one JSON object.

    `checkpoint` is the host time between checkpoints; if it is None, the ledger is not used.
    """
    from netsim.cli.option_values import parse_bytes, parse_seconds
    from netsim.cli.run_preparation import check_memory, choose_strategy, memory_line

    scenario = load(name, [*overrides, "sweep={}"])  # overrides need not fit the sweep, which is not run
    memory_bytes = None if memory is None else parse_bytes(memory)
    if _has_sweep(name):
        sys.stderr.write("netsim: `sweep:` is ignored by run; `netsim sweep` runs every point\n")
    _check_writable(out / scenario.name)
    from netsim.reports import summary_lines
    from netsim.simulation.run import simulate
    from netsim.sweep import LEDGER

    strategy = choose_strategy(scenario, engine, device, strategy, tune, memory_bytes)
    sys.stderr.write(memory_line(scenario, engine, device, strategy, memory_bytes))
    check_memory(scenario, engine, device, strategy, memory_bytes)
    options: dict[str, Any] = {"device": device, "strategy": strategy, "memory_bytes": memory_bytes}
    ledger = None
    if checkpoint is not None and engine == "batched":
        options["checkpoint_s"] = parse_seconds(checkpoint, "--checkpoint")
        options["ledger"] = ledger = Ledger(out / LEDGER)
    with _live_feed(out, scenario) as live:
        with run_progress(scenario.stop.rounds) as display:
            result = simulate(
                scenario,
                engine=engine,
                on_round=combine_listeners(display.show, live.show),
                verify=verify,
                **options,
            )
        if ledger is not None:
            ledger.close()
        folder, report = _save(result, out / scenario.name / result.digest)
    _warn_of_divergence(result)
    if as_json:
        sys.stdout.write(json.dumps(result.summary(folder)) + "\n")
    else:
        lines = [*summary_lines(result, scenario.stop.deadline), f"report: {report}"]
        sys.stdout.write("\n".join(lines) + "\n")
    return 0


def _live_feed(out: Path, scenario: Scenario) -> LiveFeed:
    """Return the live feed of the run, which the dashboard follows."""
    stop = scenario.stop
    heading = {"name": scenario.name, "scenario": digest(scenario)}
    return LiveFeed(out, heading | {"rounds": stop.rounds, "deadline_s": stop.deadline})


def _has_sweep(name: str) -> bool:
    try:
        return bool(load(name).sweep)
    except ScenarioError:  # valid only with the overrides
        return False


def _check_writable(folder: Path) -> None:
    """Raise InputError before the training if the folder cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise InputError(
            f"--out: {folder} cannot be written: {error.strerror}; name another folder"
        ) from None


def _save(result: Result, folder: Path) -> tuple[Path, Path]:
    from netsim.reports import write_report

    try:
        kept = result.save(folder)
        return kept, write_report(result, kept / "report.html")
    except OSError as error:
        raise InputError(
            f"{folder} cannot be written: {error.strerror}; free space, or name another --out"
        ) from None


def _warn_of_divergence(result: Result) -> None:
    """Print a warning if the run ended because the model diverged."""
    if result.manifest["stopped_by"] == "diverged":
        sys.stderr.write(
            f"netsim: the model diverged, so the run ended after round {result.finished_rounds}; a smaller "
            "learning_rate, or more quantization levels, may help\n"
        )
