"""The commands and their options; each calls one function and ends with one of four exit codes."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from netsim.cli.guard import guarded

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
        str | None, typer.Option(help="Workspace for stacked training, e.g. '64 MB'; never changes a result.")
    ] = None,
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

    keep = checkpoint if ledger else None
    _end(guarded(lambda: run_command(scenario, overrides or [], engine, device, out, memory, json, keep)))


@app.command()
def sweep(
    scenario: ScenarioArgument,
    overrides: Overrides = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that run points side by side.")] = 1,
    engine: Annotated[Literal["batched", "eager"], typer.Option(help="How values are computed.")] = "batched",
    device: Annotated[
        Literal["auto", "cpu", "cuda"], typer.Option(help="Where models are trained.")
    ] = "auto",
    out: Annotated[
        Path, typer.Option(help="Folder that receives <name>/<digest>/ and <name>-sweep/.")
    ] = Path("runs"),
    accuracy: Annotated[
        float | None, typer.Option(help="Accuracy whose time is reported; default: what all points reach.")
    ] = None,
) -> None:
    """Run every point of a scenario's sweep; points that differ in the network alone train once."""
    from netsim.cli.sweeping import sweep_command

    _end(guarded(lambda: sweep_command(scenario, overrides or [], workers, engine, device, out, accuracy)))


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
def report(run_dir: Annotated[Path, typer.Argument(help="A run folder: runs/<name>/<digest>.")]) -> None:
    """Draw a finished run's report again from its tables."""
    from netsim.cli.writing import report_command

    _end(guarded(lambda: report_command(run_dir)))


@app.command()
def export(
    what: Annotated[
        Literal["schema"], typer.Argument(help="schema: the JSON schema of scenarios, for editors.")
    ],
    path: Annotated[
        Path | None, typer.Argument(help="File to write; stdout if left out.", show_default=False)
    ] = None,
) -> None:
    """Export something for other programs."""
    from netsim.cli.writing import schema_command

    del what
    _end(guarded(lambda: schema_command(path)))


def main() -> NoReturn:
    """Entry point: exit 0 fine, 1 your input (usage errors too), 3 our bug, 130 interrupted."""
    if "" not in sys.path:
        sys.path.append(os.getcwd())  # so that `my_codecs:Turbo` is found where the user stands
    try:
        app()
    except SystemExit as end:
        sys.exit(1 if end.code == 2 else end.code)
    sys.exit(0)


def _end(code: int) -> NoReturn:
    raise typer.Exit(code)
