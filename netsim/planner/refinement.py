"""Refinement: the best distinct plans are trained, by successive halving over simulated time.

All candidates run to a quarter of the deadline, the better half to half of it, the better half of those to its end
(Jamieson and Talwalkar, AISTATS 2016). Some candidates are the best by the bound, the others the best for their number
of local steps per round. Then neighbours of the best candidate run to the end, and the bound's choice for comparison.
Runs end at the deadline, not at the plan's predicted number of rounds. They share the ledger, so known values are
re-timed, not trained.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from netsim.bounds.branch_and_bound import Candidate
from netsim.planner.bound_map import best_per_octave, neighbours, random_points, ranking_task
from netsim.planner.plan import Plan
from netsim.planner.planner import Limits, Options, Planned, as_plan
from netsim.planner.trials import ProgressCallback, Trial, TrialRunner

STAGES = (0.25, 0.5, 1.0)
"""Fractions of the deadline; after each stage half of the candidates are dropped."""

FEWEST = 2
"""Rounds that a candidate must have finished to be judged at a rung: long rounds are not bad ones."""

GENERATIONS = 3
"""Number of times that neighbours of the best plan are trained to the end, a third of the candidates each."""

Sampler = Literal["halving", "optuna"]
"""Source of trained plans: the bound with successive halving, or optuna's TPE (the extra `optuna`)."""


def refine(
    planned: Planned,
    count: int,
    compare: int,
    seeds: int,
    workers: int,
    out: Path,
    report: ProgressCallback,
    sampler: Sampler = "halving",
) -> list[Trial]:
    """Train `count` plans, by successive halving or optuna's proposals, then `compare` random feasible ones.

    Returns the trials, refined ones first, best first, random ones last. Raises PlanError where a run fails.
    """
    if not count and not compare:
        return []
    runner = TrialRunner(planned.setting.scenario, out, seeds, workers, report)
    by_tpe = sampler == "optuna" and count > 0
    trials, out_of_race = (
        (_proposed(runner, planned, count), []) if by_tpe else _successive_halving(runner, planned, count)
    )
    own = planned.plans[0]
    if not any(trial.plan == own for trial in trials):
        trials += runner.run([own], 1.0, random=False)
        out_of_race = [trial for trial in out_of_race if trial.plan != own]
    others = runner.run(random_plans(planned, compare), 1.0, random=True) if compare else []
    return sorted(trials, key=lambda trial: -trial.score) + out_of_race + others


def _proposed(runner: TrialRunner, planned: Planned, count: int) -> list[Trial]:
    from netsim.planner.optuna_sampler import sample_plans

    return sample_plans(planned, count, lambda plans: runner.run(plans, 1.0, random=False))


def _successive_halving(runner: TrialRunner, planned: Planned, count: int) -> tuple[list[Trial], list[Trial]]:
    """Return the trials that ran to the end, and those that were dropped."""
    alive = candidates(planned, count)
    out_of_race: list[Trial] = []
    halving_stages = STAGES if len(alive) > 2 else STAGES[-1:]
    trials: list[Trial] = []
    for stage, share in enumerate(halving_stages):
        trials = runner.run(alive, share, random=False)
        if stage < len(halving_stages) - 1:
            dropped = worse_half(trials)
            out_of_race = dropped + out_of_race
            alive = [trial.plan for trial in trials if trial not in dropped]
    for _ in range(GENERATIONS if count > 2 else 0):
        fresh = runner.run(_next(planned, trials + out_of_race, count), 1.0, random=False)
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
    others = [found for found in best_per_octave(planned) if math.prod(found.tau) not in work]
    wanted = count - len(plans)
    at = sorted({round(x) for x in np.linspace(0, len(others) - 1, wanted)}) if others and wanted else []
    return [*plans, *_as_plans(planned, [others[k] for k in at])]


def _next(planned: Planned, trials: Sequence[Trial], count: int) -> list[Plan]:
    """Return neighbours of the best trial that have not been tried."""
    tried = {trial.plan.tau for trial in trials}
    fresh = [found for found in neighbours(planned, trials[0].plan.tau) if found.tau not in tried]
    return _as_plans(planned, fresh[: (count + 2) // 3])


def random_plans(planned: Planned, count: int) -> list[Plan]:
    """Random feasible plans: log-uniform tau, the rate and all else chosen as for the best plan."""
    return _as_plans(planned, random_points(planned, count, planned.setting.scenario.seed))


def _as_plans(planned: Planned, found: Sequence[Candidate]) -> list[Plan]:
    """Points as plans, judged as they were found: by the first order where the rate is fixed."""
    limits, options = (
        Limits(planned.setting.scenario.stop.deadline),
        Options(planned.plans[0].mode, planned.plans[0].levels is not None, quick=True),
    )
    draft = replace(planned, task=ranking_task(planned))
    plans = [as_plan(draft, one, limits, options) for one in found]
    return [plan for plan in plans if plan is not None]
