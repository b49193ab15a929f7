"""`netsim optimize`: plans within a budget as table, JSON, page and runnable scenario."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netsim.cli.exit_codes import InputError
from netsim.reports import formatting
from netsim.scenario import Scenario, load
from netsim.units import parse

if TYPE_CHECKING:
    from netsim.bounds.from_scenario import PlanContext
    from netsim.planner.constants import ConstantsEstimate
    from netsim.planner.plan import Plan
    from netsim.planner.planner import Limits, Options, Planned
    from netsim.planner.refinement import Sampler
    from netsim.planner.trials import Trial


@dataclass(frozen=True)
class OptimizeOptions:
    """The options of the command as written; see `netsim optimize --help`."""

    deadline: str | None = None
    energy: str | None = None
    bits: str | None = None
    target: float | None = None
    mode: str = "fixed"
    levels: bool = False
    fraction: bool = False
    fast: bool = False
    shown: int = 8
    calibrate: bool = False
    constants: Path | None = None
    explain: bool = False
    refine: int = 0
    sampler: Sampler = "halving"
    compare: int = 0
    seeds: int = 3
    workers: int = 1
    quantile: float | None = None
    clock_seeds: int = 1
    save: Path | None = None
    out: Path = Path("runs")
    as_json: bool = False


def optimize_command(name: str, overrides: Sequence[str], options: OptimizeOptions) -> int:
    """Make plans, refine them on request, print and write them."""
    from netsim.bounds.from_scenario import plan_context
    from netsim.planner.planner import make_plans
    from netsim.planner.refinement import refine

    scenario = load(name, [*overrides, "sweep={}"])
    limits = _limits(options, scenario)
    if limits.deadline_s is not None and limits.deadline_s != scenario.stop.deadline:
        stop = scenario.stop.model_copy(update={"deadline": limits.deadline_s})
        scenario = scenario.model_copy(update={"stop": stop})
    setting = plan_context(scenario)
    planned = make_plans(setting, limits, _options(options), _constants(options, setting))
    folder = options.out / f"{scenario.name}-optimize"
    trials = refine(
        planned,
        options.refine,
        options.compare,
        options.seeds,
        options.workers,
        options.out,
        _report_progress,
        options.sampler,
    )
    chosen = trials[0].plan if trials else planned.plans[0]
    page = _write_page(planned, trials, chosen, folder)
    if options.save is not None:
        _save(chosen, scenario, options.save, name)
    if options.as_json:
        sys.stdout.write(json.dumps(_summary(planned, trials, chosen, page)) + "\n")
        return 0
    _print(planned, trials, options)
    sys.stdout.write(f"page: {page}\n")
    return 0


def _limits(options: OptimizeOptions, scenario: Scenario) -> Limits:
    from netsim.planner.planner import Limits

    given = {
        "deadline": (options.deadline, "time"),
        "energy": (options.energy, "energy"),
        "bits": (options.bits, "size"),
    }
    found: dict[str, float | None] = {}
    for option, (text, dimension) in given.items():
        try:
            found[option] = None if text is None else parse(text, dimension)
        except ValueError as error:
            raise InputError(f"--{option}: {error}") from None
        if found[option] == 0:
            raise InputError(f"--{option} must be > 0, got {text}")
    if options.target is not None and not options.target > 0:
        raise InputError(f"--target must be > 0, got {options.target:g}; it is a mean ||grad F||^2")
    deadline_s = found["deadline"] if found["deadline"] is not None else scenario.stop.deadline
    return Limits(deadline_s, found["energy"], found["bits"], options.target)


def _options(options: OptimizeOptions) -> Options:
    from netsim.bounds.learning_rate import MODES
    from netsim.planner.cost_model import ClockSampling
    from netsim.planner.planner import Options

    if options.mode not in MODES:
        raise InputError(f"--mode must be one of {', '.join(MODES)}, got {options.mode!r}")
    if options.quantile is not None and not 0 < options.quantile < 1:
        raise InputError(f"--quantile must be in (0, 1), got {options.quantile:g}; 0.9 is a cautious clock")
    mode = MODES[MODES.index(options.mode)]
    clocking = ClockSampling(options.clock_seeds, options.quantile)
    return Options(
        mode,
        options.levels,
        options.fraction,
        options.fast,
        max(options.shown, options.refine),
        clocking=clocking,
    )


def _constants(options: OptimizeOptions, setting: PlanContext) -> ConstantsEstimate | None:
    from netsim.planner.constants import load_constants

    if options.calibrate and options.constants is not None:
        raise InputError("--calibrate measures the constants that --constants gives; remove one of them")
    if options.constants is not None:
        return load_constants(options.constants, setting.depth)
    if not options.calibrate:
        return None
    from netsim.planner.calibration import calibrate

    sys.stderr.write("calibrating: short real runs and gradients of every device\n")
    return calibrate(setting, options.out)


def _report_progress(line: str) -> None:
    sys.stderr.write(line + "\n")


def _save(plan: Plan, scenario: Scenario, path: Path, name: str) -> None:
    from netsim.scenario import resolved

    try:
        text = plan.header(f"netsim optimize {name}") + resolved(plan.apply(scenario))
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"--save: {path} cannot be written: {error.strerror}") from None
    sys.stderr.write(f"saved {path}; run it with: netsim run {path}\n")


def _write_page(planned: Planned, trials: Sequence[Trial], chosen: Plan, folder: Path) -> Path:
    from netsim.planner.plan_page_data import plan_page_data
    from netsim.reports.plan_page import write_plan_page

    try:
        return write_plan_page(plan_page_data(planned, trials, chosen), folder / "plan.html")
    except OSError as error:
        raise InputError(f"--out: {folder} cannot be written: {error.strerror}; name another") from None


def _summary(planned: Planned, trials: Sequence[Trial], chosen: Plan, page: Path) -> dict[str, Any]:
    """Return the keys of the chosen plan, then all plans and their assumptions."""
    from dataclasses import asdict

    accuracies = {trial.plan.tau: trial.summary() for trial in trials}
    plans = [plan.summary() | accuracies.get(plan.tau, {}) for plan in planned.plans]
    facts = asdict(planned.constants)
    tried = [trial.plan.summary() | trial.summary() | {"random": trial.random} for trial in trials]
    notes = {"notes": list(planned.notes), "vacuous": planned.vacuous, "constants": facts}
    return (
        chosen.summary()
        | accuracies.get(chosen.tau, {})
        | notes
        | {"plans": plans, "trials": tried, "page": str(page)}
    )


def _print(planned: Planned, trials: Sequence[Trial], options: OptimizeOptions) -> None:
    from rich.console import Console
    from rich.table import Table

    task = planned.task
    mode = {"fixed": "fixed learning rate, Theorem 1", "joint-1": "joint learning rate, Theorem 1"}
    text = mode.get(task.rule.mode, "joint learning rate, Theorem 2 (all inner steps)")
    sys.stdout.write(f"mode {task.rule.mode}: {text}{', first order only' if task.rule.ranking else ''}\n")
    ranking = (
        () if trials else ("plans are ranked by a bound, and gap refers to the bound; --refine trains them",)
    )
    for note in (*planned.notes, *_constants_notes(planned.constants), *ranking):
        sys.stdout.write(f"note: {note}\n")
    console = Console(width=None if sys.stdout.isatty() else 140)
    table = Table(box=None, pad_edge=False)
    trials_by_tau = {trial.plan.tau: trial for trial in trials}
    rows = [_row(plan, options, trials_by_tau.get(plan.tau)) for plan in _order(planned, trials)]
    for heading in rows[0]:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*row.values())
    console.print(table)
    if options.explain:
        from netsim.planner.explanation import explain

        terms = Table(box=None, pad_edge=False)
        for heading in ("term", "value", "formula"):
            terms.add_column(heading)
        for line in explain(planned, planned.plans[0]):
            terms.add_row(line.name, f"{line.value:.4g}", line.formula)
        console.print(terms)


def _order(planned: Planned, trials: Sequence[Trial]) -> list[Plan]:
    """Return refined plans by accuracy, then the others by their bound."""
    refined = [trial.plan for trial in trials if not trial.random]
    return refined + [plan for plan in planned.plans if plan not in refined]


def _row(plan: Plan, options: OptimizeOptions, trial: Trial | None) -> dict[str, str]:
    cells = {
        "tau": ", ".join(map(str, plan.tau)),
        "mu": f"{plan.learning_rate:.4g}",
        "rounds": str(plan.rounds),
    }
    cells |= {"time": formatting.seconds(plan.predicted_time_s), "bits": formatting.bits(plan.predicted_bits)}
    if plan.predicted_energy_j is not None:
        cells["energy"] = formatting.joules(plan.predicted_energy_j)
    if plan.levels is not None:
        cells["levels"] = ", ".join("-" if s is None else str(s) for s in plan.levels)
    if options.fraction:
        cells["fraction"] = f"{plan.fraction:g}"
    cells["bound"] = "-" if plan.predicted_bound is None else f"{plan.predicted_bound:.4g}"
    cells["gap"] = "-" if plan.gap is None else formatting.percent(plan.gap)
    if options.refine:
        cells["accuracy"] = "-" if trial is None else trial.description
    return cells


def _constants_notes(constants: ConstantsEstimate) -> list[str]:
    facts, errors = constants.facts, constants.errors
    numbers = {"L": facts.smoothness, "sigma^2": facts.noise, "F_0 - F*": facts.gap}
    numbers |= {f"delta_{n}^2": value for n, value in enumerate(facts.layers, start=1)}
    text = ", ".join(
        f"{name} {value:.3g}" + (f" ± {errors[name]:.1g}" if name in errors else "")
        for name, value in numbers.items()
    )
    lines = [f"constants {constants.description}" if constants.origin != "assumed" else "", f"{text}"]
    if constants.variances:
        lines.append("measured uplink variances: " + ", ".join(f"{q:.3g}" for q in constants.variances))
    return [line for line in lines if line]
