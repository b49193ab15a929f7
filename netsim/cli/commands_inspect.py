"""Commands that inspect or draw, with their options: check, list, cite, init, report, export, dashboard."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from netsim.cli.app import Overrides, ScenarioArgument, app, exit_with
from netsim.cli.exit_codes import exit_code


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
    from netsim.cli.check_command import check_command

    exit_with(exit_code(lambda: check_command(scenario, overrides or [], resolved)))


@app.command(name="list")
def list_(
    kind: Annotated[
        str | None,
        typer.Argument(
            help="scenarios, topologies, or a kind of part such as compressors.", show_default=False
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Print formulas, defaults and sources too.")
    ] = False,
) -> None:
    """List scenarios, topologies and parts with their arguments."""
    from netsim.cli.list_command import list_command

    exit_with(exit_code(lambda: list_command(kind, verbose)))


@app.command()
def cite(scenario: ScenarioArgument, overrides: Overrides = None) -> None:
    """Print BibTeX of everything a scenario uses: algorithms, compressors, data, channels, standards."""
    from netsim.cli.cite_command import cite_command

    exit_with(exit_code(lambda: cite_command(scenario, overrides or [])))


@app.command()
def init(
    path: Annotated[Path, typer.Argument(help="File to write.")] = Path("scenario.yaml"),
) -> None:
    """Write a commented sample scenario."""
    from netsim.cli.init_command import init_command

    exit_with(exit_code(lambda: init_command(path)))


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
        typer.Option(min=0, max=1, help="Several runs: the target accuracy for times to accuracy."),
    ] = None,
    turn: Annotated[
        int | None,
        typer.Option("--round", help="One run: a round that its timeline must include."),
    ] = None,
) -> None:
    """Draw the page of a finished run or sweep again, or of several runs together."""
    from netsim.cli.report_command import report_command

    exit_with(exit_code(lambda: report_command(folders, out, accuracy, turn)))


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
    from netsim.cli.export_command import export_command
    from netsim.cli.init_command import schema_command

    if what == "schema":
        exit_with(exit_code(lambda: schema_command(path or out)))
    exit_with(exit_code(lambda: export_command(what, path, out, form)))


@app.command()
def dashboard(
    folder: Annotated[Path, typer.Argument(help="A folder of results, as `run --out` names it.")] = Path(
        "runs"
    ),
    host: Annotated[
        str, typer.Option(help="Address to listen on; addresses other than this machine need --token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0: any free port.")] = 8050,
    token: Annotated[
        str | None,
        typer.Option(help="Secret that every request must contain; `new` creates one.", show_default=False),
    ] = None,
) -> None:
    """Serve a folder of results in a browser: compare, follow, start, re-time and plan runs."""
    from netsim.cli.dashboard_command import dashboard_command

    exit_with(exit_code(lambda: dashboard_command(folder, host, port, token)))
