"""`netsim optimize`: plans within a budget, as a table, JSON, a page and a runnable scenario."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netsim.cli.error_handling import InputError
from netsim.reports import formatting
from netsim.scenario import Scenario, load
from netsim.units import parse

if TYPE_CHECKING:
    from netsim.bounds.from_scenario import Setting
    from netsim.planner.constants import ConstantsEstimate
    from netsim.planner.plan import Plan
    from netsim.planner.planner import Limits, Options, Planned
    from netsim.planner.refinement import Sampler, Trial


@dataclass(frozen=True)
class Asked:
    """The command's options as the user wrote them; see `netsim optimize --help`."""

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


def optimize_command(name: str, overrides: Sequence[str], asked: Asked) -> int:
    """Plan, refine if asked to, print and write."""
    from netsim.bounds.from_scenario import setting_of
    from netsim.planner.planner import make_plans
    from netsim.planner.refinement import refine

    scenario = load(name, [*overrides, "sweep={}"])
    limits = _limits(asked, scenario)
    if limits.deadline_s is not None and limits.deadline_s != scenario.stop.deadline:
        stop = scenario.stop.model_copy(update={"deadline": limits.deadline_s})
        scenario = scenario.model_copy(update={"stop": stop})
    setting = setting_of(scenario)
    planned = make_plans(setting, limits, _options(asked), _knowledge(asked, setting))
    folder = asked.out / f"{scenario.name}-optimize"
    trials = refine(
        planned, asked.refine, asked.compare, asked.seeds, asked.workers, asked.out, _told, asked.sampler
    )
    chosen = trials[0].plan if trials else planned.plans[0]
    page = _write_page(planned, trials, chosen, folder)
    if asked.save is not None:
        _save(chosen, scenario, asked.save, name)
    if asked.as_json:
        sys.stdout.write(json.dumps(_summary(planned, trials, chosen, page)) + "\n")
        return 0
    _print(planned, trials, asked)
    sys.stdout.write(f"page: {page}\n")
    return 0


def _limits(asked: Asked, scenario: Scenario) -> Limits:
    from netsim.planner.planner import Limits

    given = {
        "deadline": (asked.deadline, "time"),
        "energy": (asked.energy, "energy"),
        "bits": (asked.bits, "size"),
    }
    found: dict[str, float | None] = {}
    for option, (text, dimension) in given.items():
        try:
            found[option] = None if text is None else parse(text, dimension)
        except ValueError as error:
            raise InputError(f"--{option}: {error}") from None
        if found[option] == 0:
            raise InputError(f"--{option} must be > 0, got {text}")
    if asked.target is not None and not asked.target > 0:
        raise InputError(f"--target must be > 0, got {asked.target:g}; it is a mean ||grad F||^2")
    deadline_s = found["deadline"] if found["deadline"] is not None else scenario.stop.deadline
    return Limits(deadline_s, found["energy"], found["bits"], asked.target)


def _options(asked: Asked) -> Options:
    from netsim.bounds.learning_rate import MODES
    from netsim.planner.cost_model import ClockSampling
    from netsim.planner.planner import Options

    if asked.mode not in MODES:
        raise InputError(f"--mode must be one of {', '.join(MODES)}, got {asked.mode!r}")
    if asked.quantile is not None and not 0 < asked.quantile < 1:
        raise InputError(f"--quantile must be in (0, 1), got {asked.quantile:g}; 0.9 is a cautious clock")
    mode = MODES[MODES.index(asked.mode)]
    clocking = ClockSampling(asked.clock_seeds, asked.quantile)
    return Options(
        mode, asked.levels, asked.fraction, asked.fast, max(asked.shown, asked.refine), clocking=clocking
    )


def _knowledge(asked: Asked, setting: Setting) -> ConstantsEstimate | None:
    from netsim.planner.constants import load_knowledge

    if asked.calibrate and asked.constants is not None:
        raise InputError("--calibrate measures what --constants gives; choose one")
    if asked.constants is not None:
        return load_knowledge(asked.constants, setting.depth)
    if not asked.calibrate:
        return None
    from netsim.planner.calibration import calibrate

    sys.stderr.write("calibrating: short real runs and gradients of every device\n")
    return calibrate(setting, asked.out)


def _told(line: str) -> None:
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
    from netsim.planner.plan_page_data import picture
    from netsim.reports.plan_page import write_planning

    try:
        return write_planning(picture(planned, trials, chosen), folder / "plan.html")
    except OSError as error:
        raise InputError(f"--out: {folder} cannot be written: {error.strerror}; name another") from None


def _summary(planned: Planned, trials: Sequence[Trial], chosen: Plan, page: Path) -> dict[str, Any]:
    """The chosen plan's keys on top, then all plans and what they rest on."""
    from dataclasses import asdict

    accuracies = {trial.plan.tau: trial.summary() for trial in trials}
    plans = [plan.summary() | accuracies.get(plan.tau, {}) for plan in planned.plans]
    facts = asdict(planned.knowledge)
    tried = [trial.plan.summary() | trial.summary() | {"random": trial.random} for trial in trials]
    notes = {"notes": list(planned.notes), "vacuous": planned.vacuous, "knowledge": facts}
    return (
        chosen.summary()
        | accuracies.get(chosen.tau, {})
        | notes
        | {"plans": plans, "trials": tried, "page": str(page)}
    )


def _print(planned: Planned, trials: Sequence[Trial], asked: Asked) -> None:
    from rich.console import Console
    from rich.table import Table

    task = planned.task
    mode = {"fixed": "fixed learning rate, Theorem 1", "joint-1": "joint learning rate, Theorem 1"}
    said = mode.get(task.rule.mode, "joint learning rate, Theorem 2 (all inner steps)")
    sys.stdout.write(f"mode {task.rule.mode}: {said}{', first order only' if task.rule.ranking else ''}\n")
    ranking = (
        () if trials else ("plans are ranked by a bound, and gap is about the bound; --refine trains them",)
    )
    for note in (*planned.notes, *_facts(planned.knowledge), *ranking):
        sys.stdout.write(f"note: {note}\n")
    console = Console(width=None if sys.stdout.isatty() else 140)
    table = Table(box=None, pad_edge=False)
    measured = {trial.plan.tau: trial for trial in trials}
    rows = [_row(plan, asked, measured.get(plan.tau)) for plan in _order(planned, trials)]
    for heading in rows[0]:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*row.values())
    console.print(table)
    if asked.explain:
        from netsim.planner.explanation import explain

        terms = Table(box=None, pad_edge=False)
        for heading in ("term", "value", "formula"):
            terms.add_column(heading)
        for line in explain(planned, planned.plans[0]):
            terms.add_row(line.name, f"{line.value:.4g}", line.formula)
        console.print(terms)


def _order(planned: Planned, trials: Sequence[Trial]) -> list[Plan]:
    """Refined plans first, by accuracy, then the others by their bound."""
    refined = [trial.plan for trial in trials if not trial.random]
    return refined + [plan for plan in planned.plans if plan not in refined]


def _row(plan: Plan, asked: Asked, trial: Trial | None) -> dict[str, str]:
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
    if asked.fraction:
        cells["fraction"] = f"{plan.fraction:g}"
    cells["bound"] = "-" if plan.predicted_bound is None else f"{plan.predicted_bound:.4g}"
    cells["gap"] = "-" if plan.gap is None else formatting.percent(plan.gap)
    if asked.refine:
        cells["accuracy"] = "-" if trial is None else trial.said
    return cells


def _facts(knowledge: ConstantsEstimate) -> list[str]:
    facts, errors = knowledge.facts, knowledge.errors
    numbers = {"L": facts.smoothness, "sigma^2": facts.noise, "F_0 - F*": facts.gap}
    numbers |= {f"delta_{n}^2": value for n, value in enumerate(facts.layers, start=1)}
    said = ", ".join(
        f"{name} {value:.3g}" + (f" ± {errors[name]:.1g}" if name in errors else "")
        for name, value in numbers.items()
    )
    lines = [f"constants {knowledge.said}" if knowledge.origin != "assumed" else "", f"{said}"]
    if knowledge.variances:
        lines.append("measured uplink variances: " + ", ".join(f"{q:.3g}" for q in knowledge.variances))
    return [line for line in lines if line]
