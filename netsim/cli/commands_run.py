"""The commands that run something, and their options: run, sweep, optimize, ledger."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from netsim.cli.app import Overrides, ScenarioArgument, app, end
from netsim.cli.error_handling import guarded


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
    verify: Annotated[
        bool, typer.Option("--verify", help="Check every law of the simulation while it runs and afterwards.")
    ] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else.")
    ] = False,
) -> None:
    """Run a scenario: train every device, simulate every message, write tables and a report."""
    from netsim.cli.run_command import run_command

    how = (checkpoint if ledger else None, strategy, tune, verify)
    end(guarded(lambda: run_command(scenario, overrides or [], engine, device, out, memory, json, *how)))


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
    from netsim.cli.sweep_command import WorkerOptions, sweep_command

    executor = WorkerOptions(engine, workers, address, cpus_per_task, gpus_per_task, retries)
    end(guarded(lambda: sweep_command(scenario, overrides or [], executor, solver, device, out, accuracy)))


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
    from netsim.cli.optimize_command import Asked, optimize_command

    asked = Asked(
        deadline, energy, bits, target, mode, levels, fraction, fast, plans, calibrate, constants, explain,
        refine, sampler, compare, seeds, workers, quantile, clock_seeds, save, out, json,
    )  # fmt: skip
    end(guarded(lambda: optimize_command(scenario, overrides or [], asked)))


@app.command(name="ledger")
def ledger_(
    out: Annotated[Path, typer.Option(help="The folder of results it belongs to.")] = Path("runs"),
    prune: Annotated[
        str | None, typer.Option(help="Forget what is older than this, e.g. '30 d'.", show_default=False)
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Forget everything.")] = False,
) -> None:
    """Show what the ledger knows; forget what is old, or everything."""
    from netsim.cli.ledger_command import ledger_command

    end(guarded(lambda: ledger_command(out, prune, clear)))
