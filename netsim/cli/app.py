"""The typer application, and the arguments that commands share."""

from __future__ import annotations

from typing import Annotated, NoReturn

import typer

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
    """Simulation of hierarchical federated learning: real training, real bits, simulated seconds."""


ScenarioArgument = Annotated[
    str,
    typer.Argument(help="A scenario file, or the name of an included scenario (`netsim list scenarios`)."),
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(help="Overrides such as seed=3 'network[0].cell.uplink=5 MHz'.", show_default=False),
]


def exit_with(code: int) -> NoReturn:
    raise typer.Exit(code)
