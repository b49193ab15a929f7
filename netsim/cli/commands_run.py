"""Commands that run something, with their options: run, sweep, optimize, ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from netsim.cli.app import Overrides, ScenarioArgument, app, exit_with
from netsim.cli.exit_codes import exit_code


@app.command()
def run(
    scenario: ScenarioArgument,
    overrides: Overrides = None,
    engine: Annotated[
        Literal["batched", "eager", "timing"],
        typer.Option(help="How models are computed; timing: not at all."),
    ] = "batched",
    device: Annotated[
        Literal["auto", "cpu", "cuda"], typer.Option(help="Where models are trained.")
    ] = "auto",
    out: Annotated[Path, typer.Option(help="Folder that receives <name>/<digest>/.")] = Path("runs"),
    memory: Annotated[
        str | None,
        typer.Option(
            help="Workspace for stacked training, e.g. '64 MB'; affects no result, except by the stack size of vmap."
        ),
    ] = None,
    strategy: Annotated[
        str | None,
        typer.Option(help="Training strategy: fused, im2col, loop, vmap or vmap:ROWS; part of the digest."),
    ] = None,
    tune: Annotated[
        bool, typer.Option("--tune", help="Measure the strategies that fit the model, use the fastest.")
    ] = False,
    ledger: Annotated[
        bool, typer.Option(help="Use the ledger: runs whose values it has are re-timed, not trained.")
    ] = True,
    checkpoint: Annotated[
        str, typer.Option(help="Host time between checkpoints, from which a killed run continues.")
    ] = "30 s",
    verify: Annotated[
        bool,
        typer.Option(
            "--verify", help="Check the invariants of the simulation during the run and afterwards."
        ),
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else.")
    ] = False,
) -> None:
    """Run a scenario: train every device, simulate every message, write tables and a report."""
    from netsim.cli.run_command import run_command

    how = (checkpoint if ledger else None, strategy, tune, verify)
    exit_with(
        exit_code(lambda: run_command(scenario, overrides or [], engine, device, out, memory, json, *how))
    )


@app.command()
def sweep(
    scenario: ScenarioArgument,
    overrides: Overrides = None,
    engine: Annotated[
        Literal["local", "ray"],
        typer.Option(help="Where points run. The option --engine of `run` is --solver here."),
    ] = "local",
    workers: Annotated[int, typer.Option(min=1, help="local: number of worker processes.")] = 1,
    address: Annotated[
        str | None,
        typer.Option(help="ray: auto, host:port or ray://host:port; default: a cluster on this machine."),
    ] = None,
    cpus_per_task: Annotated[float, typer.Option(min=0, help="ray: processors per point.")] = 1.0,
    gpus_per_task: Annotated[
        float, typer.Option(min=0, help="ray: GPUs per point; with 0.25 four points share one.")
    ] = 0.0,
    retries: Annotated[int, typer.Option(min=0, help="Retries of a point whose worker died.")] = 2,
    solver: Annotated[Literal["batched", "eager"], typer.Option(help="How values are computed.")] = "batched",
    device: Annotated[
        Literal["auto", "cpu", "cuda"], typer.Option(help="Where models are trained.")
    ] = "auto",
    out: Annotated[
        Path, typer.Option(help="Folder that receives <name>/<digest>/ and <name>-sweep/.")
    ] = Path("runs"),
    accuracy: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Target accuracy for times to accuracy; default: one that all points reach."
        ),
    ] = None,
) -> None:
    """Run every point of a scenario's sweep; points that differ only in the network train once.

    After an interrupt, the same command continues: finished points are saved.
    """
    from netsim.cli.sweep_command import WorkerOptions, sweep_command

    executor = WorkerOptions(engine, workers, address, cpus_per_task, gpus_per_task, retries)
    exit_with(
        exit_code(lambda: sweep_command(scenario, overrides or [], executor, solver, device, out, accuracy))
    )


@app.command()
def optimize(
    scenario: ScenarioArgument,
    overrides: Overrides = None,
    deadline: Annotated[
        str | None, typer.Option(help="Simulated time, e.g. 10min; default: stop.deadline.")
    ] = None,
    energy: Annotated[str | None, typer.Option(help="Maximum energy of all nodes, e.g. 50J.")] = None,
    bits: Annotated[
        str | None, typer.Option(help="Maximum payload of all layers and directions, e.g. 2Gbit.")
    ] = None,
    target: Annotated[
        float | None, typer.Option(help="Minimise the time to this bound instead of the bound.")
    ] = None,
    mode: Annotated[
        Literal["fixed", "joint-1", "joint-2"],
        typer.Option(help="The scenario's learning rate, or one chosen under Theorem 1 or 2."),
    ] = "fixed",
    levels: Annotated[
        bool, typer.Option("--levels", help="Choose quantization levels per layer too.")
    ] = False,
    fraction: Annotated[
        bool,
        typer.Option("--fraction", help="Choose the share of devices too, which the saved plan selects."),
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
    sampler: Annotated[
        Literal["halving", "optuna"],
        typer.Option(help="Who proposes candidates: the bound, or TPE for wide spaces (the extra optuna)."),
    ] = "halving",
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
    from netsim.cli.optimize_command import OptimizeOptions, optimize_command

    options = OptimizeOptions(
        deadline, energy, bits, target, mode, levels, fraction, fast, plans, calibrate, constants, explain,
        refine, sampler, compare, seeds, workers, quantile, clock_seeds, save, out, json,
    )  # fmt: skip
    exit_with(exit_code(lambda: optimize_command(scenario, overrides or [], options)))


@app.command(name="ledger")
def ledger_(
    out: Annotated[Path, typer.Option(help="The folder of results.")] = Path("runs"),
    prune: Annotated[
        str | None, typer.Option(help="Delete entries older than this, e.g. '30 d'.", show_default=False)
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Delete all entries.")] = False,
) -> None:
    """Show the contents of the ledger; delete old entries, or all."""
    from netsim.cli.ledger_command import ledger_command

    exit_with(exit_code(lambda: ledger_command(out, prune, clear)))
