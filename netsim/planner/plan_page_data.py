"""Data of the plan page, from plans and trials."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from netsim.bounds.branch_and_bound import Candidate
from netsim.planner.bound_map import scan
from netsim.planner.explanation import explain
from netsim.planner.plan import Plan
from netsim.planner.planner import Planned, bits_of
from netsim.planner.trials import Trial
from netsim.reports import formatting
from netsim.reports.page_parts import Table
from netsim.reports.plan_page import BoundMap, Dot, Kind, PlanPageData

MOST = 300
"""Maximum number of search points on the page."""


def plan_page_data(planned: Planned, trials: Sequence[Trial], chosen: Plan) -> PlanPageData:
    """The page's content; `chosen` is the plan that the command ends with."""
    scenario, facts = planned.setting.scenario, planned.constants.facts
    bound = (
        "not valid at this learning rate"
        if chosen.predicted_bound is None
        else f"{chosen.predicted_bound:.4g}"
    )
    pairs = [
        ("tau", ", ".join(map(str, chosen.tau))),
        ("Learning rate", f"{chosen.learning_rate:.4g}"),
        ("Rounds", formatting.count(chosen.rounds)),
        ("Predicted time", formatting.seconds(chosen.predicted_time_s)),
        ("Bound", bound),
        ("Gap", "no certificate" if chosen.gap is None else formatting.percent(chosen.gap)),
        ("Mode", chosen.mode),
    ]
    values = f"L {facts.smoothness:.3g}, sigma² {facts.noise:.3g}, zeta² {facts.zeta(0):.3g}, F₀ − F* {facts.gap:.3g}"
    notes = [*planned.notes, f"Constants ({planned.constants.origin}): {values}."]
    accuracy = all(np.isfinite(trial.accuracies).all() for trial in trials)
    score = "Accuracy" if accuracy else "Minus the loss"
    dots = [_tried(planned, trial, chosen) for trial in trials] or _met(planned, chosen)
    return PlanPageData(
        scenario.name,
        pairs,
        notes,
        _bound_map(planned),
        dots,
        score,
        _table(planned, trials),
        _terms(planned),
    )


def label(plan: Plan) -> str:
    """A plan in a few words."""
    levels = f", s = ({', '.join(map(str, plan.levels))})" if plan.levels is not None else ""
    return f"tau = ({', '.join(map(str, plan.tau))}){levels}"


def _tried(planned: Planned, trial: Trial, chosen: Plan) -> Dot:
    """A trial; the predicted time is that of as many rounds as were simulated, with the scenario's own seed."""
    plan = trial.plan
    kind: Kind = "random" if trial.random else "plan" if plan == chosen else "candidate"
    if not trial.random and plan == planned.plans[0] and plan != chosen:
        kind = "bound"
    point = planned.point(plan)[:, None]
    tau, choice, share = planned.task.split(point)
    amounts = planned.task.costs.rounds(tau, choice, np.asarray(planned.task.shares)[share])
    predicted = (
        float(amounts.first[0, 0] + (trial.rounds[0] - 1) * amounts.later[0, 0]) if trial.rounds[0] else 0.0
    )
    spent, bits = float(np.mean(trial.energies_j)), float(np.mean(trial.bits))
    energy = spent if np.isfinite(spent) else None
    trials_by_tau = (trial.seconds[0], trial.score, trial.error, trial.share)
    return Dot(label(plan), kind, plan.predicted_bound, predicted, bits, energy, *trials_by_tau)


def _met(planned: Planned, chosen: Plan) -> list[Dot]:
    """Points that the search met, thinned, with the plans among them."""
    ranked = planned.outcome.ranked
    kept = (
        [ranked[k] for k in sorted({int(x) for x in np.linspace(0, len(ranked) - 1, MOST)})] if ranked else []
    )
    dots = [_point(planned, found) for found in kept]
    for plan in planned.plans:
        kind: Kind = "plan" if plan == chosen else "candidate"
        bound = plan.value if plan.predicted_bound is None else plan.predicted_bound
        dots.append(
            Dot(label(plan), kind, bound, plan.predicted_time_s, plan.predicted_bits, plan.predicted_energy_j)
        )
    return dots


def _point(planned: Planned, found: Candidate) -> Dot:
    tau, choice, share = planned.task.split(np.array([*found.tau, *found.choice, found.share])[:, None])
    amounts = planned.task.costs.rounds(tau, choice, np.asarray(planned.task.shares)[share])
    spent = amounts.first[:, 0] + (found.rounds - 1) * amounts.later[:, 0]
    names = list(planned.cost_model.names)
    energy = float(spent[names.index("energy")]) if "energy" in names else None
    return Dot(
        f"tau = {found.tau}",
        "met",
        found.value,
        float(spent[0]),
        bits_of(planned, found, found.rounds),
        energy,
    )


def _bound_map(planned: Planned) -> BoundMap | None:
    if planned.setting.depth < 2 or planned.task.goal.target is not None:
        return None
    across, up, values = scan(planned, 0, 1)
    best = planned.plans[0].tau
    return BoundMap(("tau₁", "tau₂"), across, up, values, (best[0], best[1]))


def _table(planned: Planned, trials: Sequence[Trial]) -> Table:
    trials_by_tau = {trial.plan.tau: trial for trial in trials if not trial.random}
    heads = ["Plan", "Learning rate", "Rounds", "Predicted time", "Payload", "Bound", "Gap", "Simulated"]
    rows = []
    plans = [trial.plan for trial in trials_by_tau.values()]
    for plan in [*plans, *(p for p in planned.plans if p not in plans)]:
        trial = trials_by_tau.get(plan.tau)
        rows.append(
            [
                label(plan),
                f"{plan.learning_rate:.4g}",
                formatting.count(plan.rounds),
                formatting.seconds(plan.predicted_time_s),
                formatting.bits(plan.predicted_bits),
                "-" if plan.predicted_bound is None else f"{plan.predicted_bound:.4g}",
                "-" if plan.gap is None else formatting.percent(plan.gap),
                "-" if trial is None else trial.description,
            ]
        )
    return Table("Best first", heads, rows)


def _terms(planned: Planned) -> Table:
    best = planned.plans[0]
    rows = [[row.name, f"{row.value:.4g}", row.formula] for row in explain(planned, best)]
    return Table(f"The bound at {label(best)}, term by term", ["Term", "Value", "Formula"], rows)
