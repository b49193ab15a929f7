"""Refinement: the best distinct plans run for real, by successive halving over simulated time.

All candidates run to a quarter of the deadline, the better half to half of it, the better half of those to
its end (Jamieson and Talwalkar, AISTATS 2016). Some candidates are the best by the bound, the others the best
of their size: how much local work a round should hold is left to the simulation. Then the best one's neighbours
run to the end, and the bound's own choice, to be seen beside it. The deadline ends a run, not the plan's predicted
number of rounds. Runs share the ledger: what is known is re-timed, not trained.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

import numpy as np

from netsim.bounds.from_scenario import PlanError
from netsim.bounds.search import Found
from netsim.planner.bound_map import around, forgiving, octaves, random_points
from netsim.planner.plan import Plan
from netsim.planner.planner import Limits, Options, Planned, as_plan
from netsim.results.result import Result
from netsim.scenario import Scenario, resolved
from netsim.sweep import Outcome, Point, SweepFolders
from netsim.sweep.jobs import train
from netsim.units import render

RUNGS = (0.25, 0.5, 1.0)
"""Shares of the deadline; between two rungs half of the candidates are dropped."""

FEWEST = 2
"""Rounds that a candidate must have finished to be judged at a rung: long rounds are not bad ones."""

GENERATIONS = 3
"""After the race: times that untried neighbours of the best are run to the end, a third of the candidates each."""

Told = Callable[[str], None]

Sampler = Literal["halving", "optuna"]
"""Who proposes what is run for real: the bound, with successive halving, or optuna's TPE (the extra `optuna`)."""


@dataclass(frozen=True)
class Trial:
    """How a plan did in real runs, one per seed, up to `share` of the deadline."""

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
        """What is compared: the mean accuracy, or minus the mean loss where the task has no accuracy."""
        accuracy = float(np.mean(self.accuracies))
        return accuracy if math.isfinite(accuracy) else -float(np.mean(self.losses))

    @property
    def error(self) -> float:
        """The score's standard error over seeds; 0 for one seed."""
        values = self.accuracies if math.isfinite(float(np.mean(self.accuracies))) else self.losses
        return float(np.std(values, ddof=1) / math.sqrt(len(values))) if len(values) > 1 else 0.0

    @property
    def said(self) -> str:
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
    """Where trials run."""

    scenario: Scenario
    out: Path
    seeds: int
    workers: int
    told: Told

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
            path.write_text(resolved(unhurried(plan, self.scenario)), encoding="utf-8")
            end = render(share * deadline_s, "time")
            for k in range(self.seeds):
                settings = {"seed": self.scenario.seed + k, "stop.deadline": end}
                points.append(Point(len(points), str(path), (), settings))
        outcomes = []
        place = SweepFolders.at(self.out, f"{self.scenario.name}-plan")
        for outcome in _outcomes(points, place, self.workers):
            outcomes.append(outcome)
            said = f"{Path(outcome.point.scenario).stem} seed {outcome.point.settings['seed']}"
            self.told(f"{said}: {outcome.error or 'done'} ({len(outcomes)}/{len(points)})")
        rows = [outcomes[k : k + self.seeds] for k in range(0, len(outcomes), self.seeds)]
        return [_trial(plan, row, share, random) for plan, row in zip(plans, rows, strict=True)]


def _outcomes(points: Sequence[Point], place: SweepFolders, workers: int) -> Iterator[Outcome]:
    """The points' outcomes, in their order, by one process or several."""
    if workers == 1:
        yield from (_tidily(point, place) for point in points)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_tidily, points, [place] * len(points))


def _tidily(point: Point, place: SweepFolders) -> Outcome:
    """Run a point and free what it held: a run's data sits in reference cycles."""
    outcome = train(point, place)
    gc.collect()
    return outcome


def unhurried(plan: Plan, scenario: Scenario) -> Scenario:
    """The plan's scenario with rounds to spare, evaluated at its end: the deadline decides."""
    scene = plan.apply(scenario)
    stop = scene.stop.model_copy(update={"rounds": 2 * plan.rounds + 10, "target_accuracy": None})
    every = scene.evaluate.model_copy(update={"every": stop.rounds})
    return scene.model_copy(update={"stop": stop, "evaluate": every, "name": f"{scenario.name}-plan"})


def refine(
    planned: Planned,
    count: int,
    compare: int,
    seeds: int,
    workers: int,
    out: Path,
    told: Told,
    sampler: Sampler = "halving",
) -> list[Trial]:
    """`count` plans for real, by successive halving or by optuna's proposals, then `compare` random feasible ones.

    Returns the trials, refined ones first, best first, random ones last. Raises PlanError where a run fails.
    """
    if not count and not compare:
        return []
    shop = TrialRunner(planned.setting.scenario, out, seeds, workers, told)
    by_tpe = sampler == "optuna" and count > 0
    trials, out_of_race = (_proposed(shop, planned, count), []) if by_tpe else _raced(shop, planned, count)
    own = planned.plans[0]
    if not any(trial.plan == own for trial in trials):
        trials += shop.run([own], 1.0, random=False)
        out_of_race = [trial for trial in out_of_race if trial.plan != own]
    others = shop.run(random_plans(planned, compare), 1.0, random=True) if compare else []
    return sorted(trials, key=lambda trial: -trial.score) + out_of_race + others


def _proposed(shop: TrialRunner, planned: Planned, count: int) -> list[Trial]:
    from netsim.planner.optuna_sampler import sampled

    return sampled(planned, count, lambda plans: shop.run(plans, 1.0, random=False))


def _raced(shop: TrialRunner, planned: Planned, count: int) -> tuple[list[Trial], list[Trial]]:
    """Those that ran to the end, and those that were dropped."""
    alive = candidates(planned, count)
    out_of_race: list[Trial] = []
    rungs = RUNGS if len(alive) > 2 else RUNGS[-1:]
    trials: list[Trial] = []
    for rung, share in enumerate(rungs):
        trials = shop.run(alive, share, random=False)
        if rung < len(rungs) - 1:
            dropped = worse_half(trials)
            out_of_race = dropped + out_of_race
            alive = [trial.plan for trial in trials if trial not in dropped]
    for _ in range(GENERATIONS if count > 2 else 0):
        fresh = shop.run(_next(planned, trials + out_of_race, count), 1.0, random=False)
        trials = sorted(trials + fresh, key=lambda trial: -trial.score)
    return trials, out_of_race


def worse_half(trials: Sequence[Trial]) -> list[Trial]:
    """Whom a rung drops, best first: at most half, leaving two; never one with fewer than FEWEST rounds."""
    judged = sorted((t for t in trials if min(t.rounds) >= FEWEST), key=lambda trial: -trial.score)
    leave = len(trials) - max(2, math.ceil(len(trials) / 2))
    return judged[max(1, len(judged) - leave) :]


def candidates(planned: Planned, count: int) -> list[Plan]:
    """A quarter is the best by the bound; the others are spread over the octaves of local work per round."""
    count = max(1, count)
    plans = list(planned.plans[: (count + 3) // 4])
    work = {math.prod(plan.tau) for plan in plans}
    others = [found for found in octaves(planned) if math.prod(found.tau) not in work]
    wanted = count - len(plans)
    at = sorted({round(x) for x in np.linspace(0, len(others) - 1, wanted)}) if others and wanted else []
    return [*plans, *_as_plans(planned, [others[k] for k in at])]


def _next(planned: Planned, trials: Sequence[Trial], count: int) -> list[Plan]:
    """Neighbours of the best trial that nobody has tried."""
    tried = {trial.plan.tau for trial in trials}
    fresh = [found for found in around(planned, trials[0].plan.tau) if found.tau not in tried]
    return _as_plans(planned, fresh[: (count + 2) // 3])


def random_plans(planned: Planned, count: int) -> list[Plan]:
    """Random feasible plans: log-uniform tau, the rate and all else chosen as for the best plan."""
    return _as_plans(planned, random_points(planned, count, planned.setting.scenario.seed))


def _as_plans(planned: Planned, found: Sequence[Found]) -> list[Plan]:
    """Points as plans, judged as they were found: by the first order where the rate is fixed."""
    limits, options = (
        Limits(planned.setting.scenario.stop.deadline),
        Options(planned.plans[0].mode, planned.plans[0].levels is not None, quick=True),
    )
    draft = replace(planned, task=forgiving(planned))
    plans = [as_plan(draft, one, limits, options) for one in found]
    return [plan for plan in plans if plan is not None]


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
