"""The commands and their options; each calls one function and ends with one of four exit codes."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from netsim.cli.guard import INTERRUPTED, guarded

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"netsim {version('netsim-hfl')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Hierarchical federated learning, simulated: real training, real bits, simulated seconds."""


ScenarioArgument = Annotated[
    str, typer.Argument(help="A scenario file, or the name of one that ships (`netsim list scenarios`).")
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(help="Overrides such as seed=3 'network[0].cell.uplink=5 MHz'.", show_default=False),
]


@app.command()
def run(
    scenario: ScenarioArgument,
    overrides: Overrides = None,
    engine: Annotated[
        Literal["batched", "eager", "timing"],
        typer.Option(help="How values are computed; timing: not at all."),
    ] = "batched",
    device: Annotated[
        Literal["auto", "cpu", "cuda"], typer.Option(help="Where models are trained.")
    ] = "auto",
    out: Annotated[Path, typer.Option(help="Folder that receives <name>/<digest>/.")] = Path("runs"),
    memory: Annotated[
        str | None,
        typer.Option(
            help="Workspace for stacked training, e.g. '64 MB'; changes no result, but bounds vmap's stack."
        ),
    ] = None,
    strategy: Annotated[
        str | None,
        typer.Option(
            help="Pin how devices are trained: fused, im2col, loop, vmap or vmap:ROWS; part of the digest."
        ),
    ] = None,
    tune: Annotated[
        bool, typer.Option("--tune", help="Measure the strategies that fit the model here, pin the fastest.")
    ] = False,
    ledger: Annotated[
        bool, typer.Option(help="Use and feed the ledger: what is known is re-timed, not trained again.")
    ] = True,
    checkpoint: Annotated[
        str, typer.Option(help="Host time between checkpoints, from which a killed run goes on.")
    ] = "30 s",
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else.")
    ] = False,
) -> None:
    """Run a scenario: train every device, simulate every message, write tables and a report."""
    from netsim.cli.running import run_command

    how = (checkpoint if ledger else None, strategy, tune)
    _end(guarded(lambda: run_command(scenario, overrides or [], engine, device, out, memory, json, *how)))


@app.command()
def sweep(
    scenario: ScenarioArgument,
    overrides: Overrides = None,
    engine: Annotated[
        Literal["local", "ray"],
        typer.Option(help="Who runs the points. What `run` calls --engine is --solver here."),
    ] = "local",
    workers: Annotated[int, typer.Option(min=1, help="local: processes that run points side by side.")] = 1,
    address: Annotated[
        str | None,
        typer.Option(help="ray: auto, host:port or ray://host:port; default: a cluster of this machine."),
    ] = None,
    cpus_per_task: Annotated[float, typer.Option(min=0, help="ray: processors of a point.")] = 1.0,
    gpus_per_task: Annotated[
        float, typer.Option(min=0, help="ray: GPUs of a point; 0.25 lets four share one.")
    ] = 0.0,
    retries: Annotated[int, typer.Option(min=0, help="How often a point is repeated whose worker died.")] = 2,
    solver: Annotated[Literal["batched", "eager"], typer.Option(help="How values are computed.")] = "batched",
    device: Annotated[
        Literal["auto", "cpu", "cuda"], typer.Option(help="Where models are trained.")
    ] = "auto",
    out: Annotated[
        Path, typer.Option(help="Folder that receives <name>/<digest>/ and <name>-sweep/.")
    ] = Path("runs"),
    accuracy: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Accuracy whose time is reported; default: what all points reach."),
    ] = None,
) -> None:
    """Run every point of a scenario's sweep; points that differ in the network alone train once.

    Interrupted, the same command goes on: finished points are kept.
    """
    from netsim.cli.sweeping import Workers, sweep_command

    crew = Workers(engine, workers, address, cpus_per_task, gpus_per_task, retries)
    _end(guarded(lambda: sweep_command(scenario, overrides or [], crew, solver, device, out, accuracy)))


@app.command()
def optimize(
    scenario: ScenarioArgument,
    overrides: Overrides = None,
    deadline: Annotated[
        str | None, typer.Option(help="Simulated time, e.g. 10min; default: stop.deadline.")
    ] = None,
    energy: Annotated[str | None, typer.Option(help="Most energy of all nodes, e.g. 50J.")] = None,
    bits: Annotated[
        str | None, typer.Option(help="Most payload of all layers, both ways, e.g. 2Gbit.")
    ] = None,
    target: Annotated[
        float | None, typer.Option(help="Shortest time to this bound, for the least bound.")
    ] = None,
    mode: Annotated[
        Literal["fixed", "joint-1", "joint-2"],
        typer.Option(help="The scenario's learning rate, or one chosen under Theorem 1 or 2."),
    ] = "fixed",
    levels: Annotated[
        bool, typer.Option("--levels", help="Choose quantization levels per layer too.")
    ] = False,
    fraction: Annotated[
        bool, typer.Option("--fraction", help="Choose the share of devices too (in the bound alone).")
    ] = False,
    fast: Annotated[bool, typer.Option("--fast", help="Relaxation only: no certificate.")] = False,
    plans: Annotated[int, typer.Option(min=1, help="Distinct plans to show.")] = 8,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Measure L, sigma, zeta, F_0 - F* and the compressors first.")
    ] = False,
    constants: Annotated[
        Path | None, typer.Option(help="JSON file with these constants, e.g. one of an earlier calibration.")
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Print the bound term by term.")] = False,
    refine: Annotated[
        int, typer.Option(min=0, help="Candidates to run for real, by successive halving.")
    ] = 0,
    compare: Annotated[
        int, typer.Option(min=0, help="Random feasible taus to run for real beside them.")
    ] = 0,
    seeds: Annotated[int, typer.Option(min=1, help="Seeds of each real run.")] = 3,
    workers: Annotated[int, typer.Option(min=1, help="Processes that run side by side.")] = 1,
    quantile: Annotated[
        float | None, typer.Option(help="Quantile of random times over --clock-seeds; default: their mean.")
    ] = None,
    clock_seeds: Annotated[int, typer.Option(min=1, help="Seeds of timed runs where times are random.")] = 1,
    save: Annotated[Path | None, typer.Option(help="Write the chosen plan as a scenario.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the page, the runs and the ledger.")] = Path("runs"),
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else.")
    ] = False,
) -> None:
    """Choose tau, and more, for a deadline: the plan with the least convergence bound, with a certificate."""
    from netsim.cli.optimizing import Asked, optimize_command

    asked = Asked(
        deadline, energy, bits, target, mode, levels, fraction, fast, plans, calibrate, constants, explain,
        refine, compare, seeds, workers, quantile, clock_seeds, save, out, json,
    )  # fmt: skip
    _end(guarded(lambda: optimize_command(scenario, overrides or [], asked)))


@app.command(name="ledger")
def ledger_(
    out: Annotated[Path, typer.Option(help="The folder of results it belongs to.")] = Path("runs"),
    prune: Annotated[
        str | None, typer.Option(help="Forget what is older than this, e.g. '30 d'.", show_default=False)
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Forget everything.")] = False,
) -> None:
    """Show what the ledger knows; forget what is old, or everything."""
    from netsim.cli.keeping import ledger_command

    _end(guarded(lambda: ledger_command(out, prune, clear)))


@app.command()
def check(
    scenario: ScenarioArgument,
    overrides: Overrides = None,
    resolved: Annotated[
        bool,
        typer.Option(
            "--resolved", help="Print the scenario with every default and the recipe layer by layer."
        ),
    ] = False,
) -> None:
    """Check a scenario and print a row per layer, without running or training anything."""
    from netsim.cli.checking import check_command

    _end(guarded(lambda: check_command(scenario, overrides or [], resolved)))


@app.command(name="list")
def list_(
    kind: Annotated[
        str | None,
        typer.Argument(
            help="scenarios, topologies, or a kind of part such as compressors.", show_default=False
        ),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="With formulas, defaults and sources.")] = False,
) -> None:
    """List scenarios, topologies and parts with their arguments."""
    from netsim.cli.listing import list_command

    _end(guarded(lambda: list_command(kind, verbose)))


@app.command()
def cite(scenario: ScenarioArgument, overrides: Overrides = None) -> None:
    """Print BibTeX of everything a scenario uses: algorithms, compressors, data, channels, standards."""
    from netsim.cli.citing import cite_command

    _end(guarded(lambda: cite_command(scenario, overrides or [])))


@app.command()
def init(
    path: Annotated[Path, typer.Argument(help="Where to write it.")] = Path("scenario.yaml"),
) -> None:
    """Write a commented sample scenario."""
    from netsim.cli.writing import init_command

    _end(guarded(lambda: init_command(path)))


@app.command()
def report(
    folders: Annotated[
        list[Path],
        typer.Argument(
            help="A run folder (runs/<name>/<digest>), several, or a sweep's (runs/<name>-sweep)."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="File to write; default: report.html in the folder, here for several runs."),
    ] = None,
    accuracy: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Several runs: the accuracy whose time is told first."),
    ] = None,
    turn: Annotated[
        int | None,
        typer.Option("--round", help="One run: a round that its timeline must show, however many there are."),
    ] = None,
) -> None:
    """Draw the page of a finished run or sweep again, or of several runs beside one another."""
    from netsim.cli.reporting import report_command

    _end(guarded(lambda: report_command(folders, out, accuracy, turn)))


@app.command()
def export(
    what: Annotated[
        Literal["schema", "csv", "figures", "perfetto", "tensorboard"],
        typer.Argument(
            help="csv: tables; figures: pictures; perfetto: event timeline for ui.perfetto.dev; tensorboard: "
            "curves; schema: the JSON schema of scenarios, for editors."
        ),
    ],
    path: Annotated[
        Path | None,
        typer.Argument(
            help="A run folder; csv and figures take a sweep's too. schema: the file to write, or stdout.",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Where to write; default: inside the folder.", show_default=False)
    ] = None,
    form: Annotated[
        Literal["png", "svg", "pdf"], typer.Option("--format", help="figures: which format.")
    ] = "png",
) -> None:
    """Export results, or the schema, for other programs."""
    from netsim.cli.exporting import export_command
    from netsim.cli.writing import schema_command

    if what == "schema":
        _end(guarded(lambda: schema_command(path or out)))
    _end(guarded(lambda: export_command(what, path, out, form)))


def main() -> NoReturn:
    """Entry point: exit 0 fine, 1 your input (usage errors too), 3 our bug, 130 interrupted."""
    if "" not in sys.path:
        sys.path.append(os.getcwd())  # so that `my_codecs:Turbo` is found where the user stands
    try:
        app()
    except SystemExit as end:
        if end.code == INTERRUPTED:
            _leave_at_once(end.code)
        sys.exit(1 if end.code == 2 else end.code)
    sys.exit(0)


def _leave_at_once(code: int) -> NoReturn:
    """Exit with this very code: where an interruption met `exec`, CPython would die by the signal instead."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _end(code: int) -> NoReturn:
    raise typer.Exit(code)
