"""Refinement by optuna: its TPE sampler proposes tau (and levels, and the rate), and the plans are trained.

The space is that of the plan table: every tau up to what the budget allows with all others 1, log-uniform; the
quantization levels of `--levels`; in the joint modes a rate within RANGE of the best plan's. Proposals of which no
round fits are rejected without a run. TPE: Bergstra et al. (NeurIPS 2011), as implemented in optuna (arXiv:1907.10902).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from netsim.bounds.branch_and_bound import evaluate, full_box
from netsim.exports.missing_extra import MissingExtraError
from netsim.planner.bound_map import ranking_task
from netsim.planner.plan import Plan
from netsim.planner.planner import Limits, Options, Planned, as_plan
from netsim.planner.trials import Trial

BATCH = 4
"""Plans proposed at a time, whatever the number of workers, so that it changes no result."""
ASKS = 50
"""Proposals per candidate, at most, to find those that fit."""
RANGE = 30.0
"""Factor by which a rate may differ from the best plan's."""

Run = Callable[[Sequence[Plan]], list[Trial]]


def sample_plans(planned: Planned, count: int, run: Run) -> list[Trial]:
    """`count` distinct plans run to the deadline, the first quarter the best by the bound. In the order of proposals.

    Raises MissingExtraError without optuna.
    """
    study = _study(planned.setting.scenario.seed)
    space = _space(planned)
    for own in planned.plans[: (count + 3) // 4]:
        study.enqueue_trial(_written(planned, own))
    trials: list[Trial] = []
    tried: set[tuple[object, ...]] = set()
    asks = 0
    while len(trials) < count and asks < ASKS * count:
        batch: list[tuple[Any, Plan]] = []
        while len(batch) < min(BATCH, count - len(trials)) and asks < ASKS * count:
            asks += 1
            asked = study.ask(space)
            plan = _plan(planned, asked.params)
            if plan is None or _key(plan) in tried:
                study.tell(asked, state=_failed())
                continue
            tried.add(_key(plan))
            batch.append((asked, plan))
        if not batch:
            break
        for (asked, _), trial in zip(batch, run([plan for _, plan in batch]), strict=True):
            study.tell(asked, trial.score if math.isfinite(trial.score) else None, state=_state(trial.score))
            trials.append(trial)
    return trials


def _study(seed: int) -> Any:
    """TPE that maximises the score; keyed by the scenario's seed."""
    try:
        import optuna
    except ImportError:
        raise MissingExtraError("--sampler optuna", "optuna", "optuna") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed % 2**32))


def _space(planned: Planned) -> dict[str, Any]:
    from optuna.distributions import FloatDistribution, IntDistribution

    N = planned.setting.depth
    high = full_box(ranking_task(planned))[1][:N]
    found: dict[str, Any] = {
        f"tau_{n}": IntDistribution(1, max(1, int(most)), log=True) for n, most in enumerate(high, start=1)
    }
    for n, codecs in enumerate(planned.uplinks, start=1):
        if len(codecs) > 1:
            found[f"level_{n}"] = IntDistribution(0, len(codecs) - 1)
    if planned.task.rule.rate is None:
        rate = planned.plans[0].learning_rate
        found["rate"] = FloatDistribution(rate / RANGE, rate * RANGE, log=True)
    return found


def _written(planned: Planned, plan: Plan) -> dict[str, Any]:
    """A plan as the space's parameters."""
    point, N, space = planned.point(plan), planned.setting.depth, _space(planned)
    every: dict[str, float] = {f"tau_{n}": int(point[n - 1]) for n in range(1, N + 1)}
    every |= {f"level_{n}": int(point[N + n - 1]) for n in range(1, N + 1)} | {"rate": plan.learning_rate}
    return {name: value for name, value in every.items() if name in space}


def _plan(planned: Planned, chosen: dict[str, Any]) -> Plan | None:
    """The parameters as a plan; None where not one round fits."""
    N = planned.setting.depth
    point = planned.point(planned.plans[0]).copy()
    point[:N] = [chosen[f"tau_{n}"] for n in range(1, N + 1)]
    point[N : 2 * N] = [chosen.get(f"level_{n}", point[N + n - 1]) for n in range(1, N + 1)]
    draft = replace(planned, task=ranking_task(planned))
    found = evaluate(draft.task, point[:, None])[0]
    if not np.isfinite(found.value):
        return None
    options = Options(planned.plans[0].mode, planned.plans[0].levels is not None, quick=True)
    plan = as_plan(draft, found, Limits(planned.setting.scenario.stop.deadline), options)
    if plan is not None and "rate" in chosen:
        plan = replace(plan, learning_rate=chosen["rate"], predicted_bound=None)
    return next((own for own in planned.plans if plan is not None and _key(own) == _key(plan)), plan)


def _key(plan: Plan) -> tuple[object, ...]:
    return plan.tau, plan.levels, plan.learning_rate


def _failed() -> Any:
    from optuna.trial import TrialState

    return TrialState.FAIL


def _state(score: float) -> Any:
    """A run that diverged teaches nothing but where not to look; optuna takes finite values only."""
    from optuna.trial import TrialState

    return TrialState.COMPLETE if math.isfinite(score) else TrialState.FAIL
