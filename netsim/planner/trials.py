"""Trials: plans trained in the simulator, one run per seed, up to a fraction of the deadline."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from netsim.bounds.from_scenario import PlanError
from netsim.planner.plan import Plan
from netsim.results.result import Result
from netsim.scenario import Scenario, resolved
from netsim.sweep import Outcome, Point, SweepFolders
from netsim.sweep.jobs import train
from netsim.units import render

ProgressCallback = Callable[[str], None]
"""Called with a line per completed run."""


@dataclass(frozen=True)
class Trial:
    """Results of training a plan, one run per seed, up to `share` of the deadline."""

    plan: Plan
    random: bool
    """Whether it is one of the random feasible plans it is all compared with."""
    share: float
    accuracies: tuple[float, ...]
    losses: tuple[float, ...]
    rounds: tuple[int, ...]
    seconds: tuple[float, ...]
    """When the last round ended, per seed."""
    bits: tuple[float, ...]
    energies_j: tuple[float, ...]

    @property
    def score(self) -> float:
        """The mean accuracy, or minus the mean loss if the task has no accuracy."""
        accuracy = float(np.mean(self.accuracies))
        return accuracy if math.isfinite(accuracy) else -float(np.mean(self.losses))

    @property
    def error(self) -> float:
        """The score's standard error over seeds; 0 for one seed."""
        values = self.accuracies if math.isfinite(float(np.mean(self.accuracies))) else self.losses
        return float(np.std(values, ddof=1) / math.sqrt(len(values))) if len(values) > 1 else 0.0

    @property
    def description(self) -> str:
        """The score in a few words."""
        early = "" if self.share == 1 else f" at {self.share:g} of the deadline"
        return f"{abs(self.score):.4f} ± {self.error:.4f}{early}"

    def summary(self) -> dict[str, Any]:
        """What `--json` says of it."""
        return {
            "simulated_accuracy": list(self.accuracies),
            "simulated_loss": list(self.losses),
            "simulated_share_of_deadline": self.share,
            "simulated_time_s": list(self.seconds),
            "simulated_rounds": list(self.rounds),
        }


@dataclass(frozen=True)
class TrialRunner:
    """Runs trials of plans, one per seed."""

    scenario: Scenario
    out: Path
    seeds: int
    workers: int
    report: ProgressCallback

    def run(self, plans: Sequence[Plan], share: float, random: bool) -> list[Trial]:
        """Run every plan with every seed to `share` of the deadline."""
        folder = self.out / f"{self.scenario.name}-optimize" / "plans"
        folder.mkdir(parents=True, exist_ok=True)
        deadline_s = self.scenario.stop.deadline
        if deadline_s is None:
            raise PlanError("refinement runs until a deadline; give --deadline (or stop.deadline)")
        points: list[Point] = []
        for number, plan in enumerate(plans):
            path = folder / f"{'-'.join(map(str, plan.tau))}_{plan.learning_rate:.6g}_{number}.yaml"
            path.write_text(resolved(with_spare_rounds(plan, self.scenario)), encoding="utf-8")
            end = render(share * deadline_s, "time")
            for k in range(self.seeds):
                settings = {"seed": self.scenario.seed + k, "stop.deadline": end}
                points.append(Point(len(points), str(path), (), settings))
        outcomes = []
        folders = SweepFolders.at(self.out, f"{self.scenario.name}-plan")
        for outcome in _outcomes(points, folders, self.workers):
            outcomes.append(outcome)
            description = f"{Path(outcome.point.scenario).stem} seed {outcome.point.settings['seed']}"
            self.report(f"{description}: {outcome.error or 'done'} ({len(outcomes)}/{len(points)})")
        rows = [outcomes[k : k + self.seeds] for k in range(0, len(outcomes), self.seeds)]
        return [_trial(plan, row, share, random) for plan, row in zip(plans, rows, strict=True)]


def _outcomes(points: Sequence[Point], folders: SweepFolders, workers: int) -> Iterator[Outcome]:
    """The points' outcomes, in their order, by one process or several."""
    if workers == 1:
        yield from (_run_and_collect(point, folders) for point in points)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_run_and_collect, points, [folders] * len(points))


def _run_and_collect(point: Point, folders: SweepFolders) -> Outcome:
    """Run a point and free what it held: a run's data sits in reference cycles."""
    outcome = train(point, folders)
    gc.collect()
    return outcome


def with_spare_rounds(plan: Plan, scenario: Scenario) -> Scenario:
    """Return the plan's scenario with more rounds than predicted, evaluated at its end: the deadline ends the run."""
    scene = plan.apply(scenario)
    stop = scene.stop.model_copy(update={"rounds": 2 * plan.rounds + 10, "target_accuracy": None})
    every = scene.evaluate.model_copy(update={"every": stop.rounds})
    return scene.model_copy(update={"stop": stop, "evaluate": every, "name": f"{scenario.name}-plan"})


def _trial(plan: Plan, outcomes: Sequence[Outcome], share: float, random: bool) -> Trial:
    failed = [outcome.error for outcome in outcomes if outcome.error is not None]
    if failed:
        raise PlanError(f"the plan tau = {plan.tau} failed: {failed[0]}")
    results = [Result.load(outcome.folder) for outcome in outcomes if outcome.folder is not None]
    last = [result.rounds.iloc[-1] for result in results]
    spent = [float(row["energy_j"]) if "energy_j" in row else math.nan for row in last]
    return Trial(
        plan,
        random,
        share,
        tuple(_value(result, "accuracy") for result in results),
        tuple(_value(result, "loss") for result in results),
        tuple(result.finished_rounds for result in results),
        tuple(result.sim_time_s for result in results),
        tuple(float(sum(result.bits("up")) + sum(result.bits("down"))) for result in results),
        tuple(spent),
    )


def _value(result: Result, metric: str) -> float:
    found = result.last("accuracy" if metric == "accuracy" else "loss")
    return math.nan if found is None else found.value
