"""The planner: ranked plans from a scenario and a budget."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from learning.compressors import Compressor
from netsim.barriers.barriers import All
from netsim.bounds.bound import Terms
from netsim.bounds.branch_and_bound import Candidate, PlanningTask, SearchResult, search
from netsim.bounds.costs import Amounts, Budget, bits_per_round
from netsim.bounds.from_scenario import SHARES, PlanContext, PlanError, plan_context
from netsim.bounds.heuristic_search import heuristic_search, relaxed_points
from netsim.bounds.learning_rate import BoundRule, Goal, Mode, minimise
from netsim.bounds.problem import Problem
from netsim.planner.constants import ConstantsEstimate, assumed, known
from netsim.planner.cost_model import ClockSampling, CostModel, cost_model, time_rounds
from netsim.planner.diagnostics import (
    check_one_round,
    infeasible_message,
    no_bound_message,
    vacuous_warning,
    warnings,
)
from netsim.planner.plan import Plan
from netsim.scenario import Scenario
from netsim.selection.selections import AllChildren

DISTINCT_RATIO = 1.3
"""Two plans are distinct if some tau differs by at least this factor."""


@dataclass(frozen=True)
class Limits:
    """The budget, and the bound to reach if that is the goal; None: no limit."""

    deadline_s: float | None = None
    energy_j: float | None = None
    bits: float | None = None
    target: float | None = None


@dataclass(frozen=True)
class Options:
    """Options of the planner."""

    mode: Mode = "fixed"
    levels: bool = False
    fraction: bool = False
    quick: bool = False
    """Relaxation and integer moves instead of the exact search: no certificate."""
    shown: int = 8
    tolerance: float = 1e-3
    clocking: ClockSampling = field(default_factory=ClockSampling)


@dataclass(frozen=True, eq=False)
class Planned:
    """The plans, best first, with the task and the models from which they follow."""

    plans: tuple[Plan, ...]
    constants: ConstantsEstimate
    setting: PlanContext
    task: PlanningTask
    cost_model: CostModel
    outcome: SearchResult
    uplinks: tuple[tuple[Compressor, ...], ...]
    notes: tuple[str, ...]

    @property
    def vacuous(self) -> bool:
        """Whether the best plan's bound is no smaller than the one without training."""
        bound = self.plans[0].predicted_bound
        return bound is None or bound >= self.constants.trivial_bound

    def terms(self, plan: Plan) -> Terms:
        """The bound's terms at a plan, at the constants that make it least."""
        point = self.point(plan)[:, None]
        tau, choice, share = self.task.split(point)
        up = self.task.variances(choice, share)
        done = np.array([float(plan.rounds * np.prod(plan.tau))])
        rule = (
            replace(self.task.rule, mode="fixed", rate=plan.learning_rate)
            if plan.mode != "joint-2"
            else self.task.rule
        )
        found = minimise(self.task.problem, rule, Goal(), tau, up, done)
        free_values = rule.free_values[:, [int(found.choice[0])]]
        return rule.terms(self.task.problem, np.array([plan.learning_rate]), tau, free_values, up)

    def point(self, plan: Plan) -> np.ndarray:
        """The plan's coordinates for `netsim.bounds.branch_and_bound.evaluate`."""
        choice = [0] * len(plan.tau)
        if plan.levels is not None:
            for n, (codecs, level) in enumerate(zip(self.uplinks, plan.levels, strict=True)):
                choice[n] = next((i for i, c in enumerate(codecs) if getattr(c, "levels", None) == level), 0)
        return np.array([*plan.tau, *choice, self.task.shares.index(plan.fraction)])


def make_plans(
    setting: PlanContext, limits: Limits, options: Options, constants: ConstantsEstimate | None = None
) -> Planned:
    """Return the best plans within the limits. Raises PlanError if none exists, with reason and remedy."""
    facts = constants or known(setting) or assumed(setting)
    uplinks = setting.uplinks(options.levels)
    variances, sizes = _variances(setting, uplinks, facts), setting.sizes(uplinks)
    problem = Problem(facts.facts, setting.tree, tuple(row[0] for row in variances), setting.down)
    if options.mode == "joint-2" and not problem.exact_downlinks:
        raise PlanError("mode joint-2 needs exact downlinks (Theorem 2), got quantized ones; use joint-1")
    if (
        limits.deadline_s is None
        and limits.energy_j is None
        and limits.bits is None
        and limits.target is None
    ):
        raise PlanError(
            "the plan has no limit; give --deadline (or stop.deadline), --energy, --bits or --target"
        )
    if limits.energy_j is not None and setting.scenario.energy is None:
        raise PlanError("--energy needs an `energy:` section with power models; add one")
    if options.fraction and any(not isinstance(one, AllChildren) for one in setting.scenario.selection):
        raise PlanError("--fraction chooses a selection, and the scenario has one; remove either")
    if options.fraction and any(not isinstance(wait, All) for wait in setting.scenario.wait[:1]):
        raise PlanError(
            "--fraction weights by 1/pi, which needs the answers of all selected devices: use wait: all in layer 1"
        )
    price = cost_model(
        setting, sizes, options.clocking, setting.scenario.energy is not None, limits.bits is not None
    )
    asked = {"time": limits.deadline_s, "energy": limits.energy_j, "bits": limits.bits}
    budget = Budget(np.array([np.inf if asked[name] is None else asked[name] for name in price.names]))
    rate = setting.scenario.layered_algorithm.leaf.learning_rate
    rule = BoundRule(options.mode, rate if options.mode == "fixed" else None)
    shares = SHARES if options.fraction else (1.0,)
    task = PlanningTask(problem, price, budget, rule, Goal(limits.target), variances, shares)
    check_one_round(setting, task, sizes)
    outcome, notes = _search(task, options), list(warnings(setting, facts, price))
    if outcome.best is None and options.mode == "fixed" and limits.target is None:
        notes.append(no_bound_message(task))
        task = replace(task, rule=replace(rule, ranking=True), goal=Goal())
        outcome = _search(task, options)
    if outcome.best is None:
        raise PlanError(infeasible_message(task, limits.target))
    draft = Planned((), facts, setting, task, price, outcome, uplinks, ())
    plans = sorted(_plans(draft, limits, options), key=lambda plan: plan.value)
    if not plans:
        raise PlanError(infeasible_message(task, limits.target))
    done = replace(draft, plans=tuple(plans), notes=tuple(notes))
    return replace(done, notes=(*notes, *vacuous_warning(plans[0].predicted_bound, facts.trivial_bound)))


def _variances(
    setting: PlanContext, uplinks: Sequence[Sequence[Compressor]], facts: ConstantsEstimate
) -> tuple[tuple[float, ...], ...]:
    """Return q_n of each alternative: the worst case, scaled by measured variances where available."""
    worst = setting.variances(uplinks)
    if not facts.variances:
        return worst
    own = setting.variances(setting.uplinks(choose=False))
    ratios = [m / q[0] if q[0] else 1.0 for m, q in zip(facts.variances, own, strict=True)]
    return tuple(tuple(q * share for q in row) for row, share in zip(worst, ratios, strict=True))


def _search(task: PlanningTask, options: Options) -> SearchResult:
    if options.quick:
        return heuristic_search(task)
    return search(task, relaxed_points(task), options.tolerance)


def distinct(found: Sequence[Candidate], count: int) -> list[Candidate]:
    """The best `count` points that differ from every better one by APART in some tau, or in another choice."""
    kept: list[Candidate] = []
    for one in found:
        if all(_is_distinct(one, other) for other in kept):
            kept.append(one)
        if len(kept) == count:
            break
    return kept


def _is_distinct(one: Candidate, other: Candidate) -> bool:
    if one.share != other.share:
        return True
    ratios = [max(a, b) / min(a, b) for a, b in zip(one.tau, other.tau, strict=True)]
    return max(ratios) >= DISTINCT_RATIO


def _plans(draft: Planned, limits: Limits, options: Options) -> Iterator[Plan]:
    """The best distinct points as plans, simulated again if the search uses a model of time."""
    pool = draft.outcome.ranked
    for found in distinct(pool, options.shown):
        plan = as_plan(draft, found, limits, options)
        if plan is not None:
            yield plan


def as_plan(draft: Planned, found: Candidate, limits: Limits, options: Options) -> Plan | None:
    """Return a point as a plan; None if no round fits after it is simulated again."""
    task, setting = draft.task, draft.setting
    point = np.array([*found.tau, *found.choice, found.share])[:, None]
    tau, choice, share = task.split(point)
    pi = np.asarray(task.shares)[share]
    amounts = task.costs.rounds(tau, choice, pi)
    rounds, value = found.rounds, found.value
    if not draft.cost_model.exact and found.share == len(task.shares) - 1:
        up = draft.cost_model.sizes.chosen(choice)[:, 0].tolist()
        down = draft.cost_model.sizes.down
        first, later = time_rounds(
            setting, found.tau, up, down, max(2, found.rounds), options.clocking, draft.cost_model.random
        )
        amounts.first[0], amounts.later[0] = first, later
        allowed = int(task.budget.allowed(amounts)[0])
        rounds = min(rounds, allowed) if limits.target is not None else allowed
        if rounds < 1 or (limits.target is not None and allowed < found.rounds):
            return None
    seconds = float(amounts.first[0, 0] + (rounds - 1) * amounts.later[0, 0])
    done = np.array([rounds * tau.prod()])
    again = minimise(task.problem, task.rule, Goal(), tau, task.variances(choice, share), done)
    best_rate = found.rate if limits.target is not None else float(again.rate[0])
    bound = float(again.value[0]) if limits.target is None else limits.target
    value = seconds if limits.target is not None else bound
    floor = draft.outcome.floor
    return Plan(
        found.tau,
        best_rate,
        rounds,
        _levels(draft.uplinks, found.choice) if options.levels else None,
        task.shares[found.share],
        seconds,
        bits_of(draft, found, rounds),
        _spent(task, amounts, rounds, "energy"),
        None if task.rule.ranking else bound,
        None if options.quick else max(0.0, 1.0 - floor / value),
        options.mode,
        value,
    )


def _levels(uplinks: Sequence[Sequence[Compressor]], choice: Sequence[int]) -> tuple[int | None, ...]:
    return tuple(getattr(codecs[at], "levels", None) for codecs, at in zip(uplinks, choice, strict=True))


def _spent(task: PlanningTask, amounts: Amounts, rounds: int, name: str) -> float | None:
    names = list(task.costs.names)
    if name not in names:
        return None
    row = names.index(name)
    first, later = amounts.first[row, 0], amounts.later[row, 0]
    return float(first + (rounds - 1) * later)


def bits_of(draft: Planned, found: Candidate, rounds: int) -> float:
    """Payload bits of the plan's rounds, all layers, both directions."""
    tau, sizes, price = (
        np.array(found.tau, dtype=np.float64)[:, None],
        draft.cost_model.sizes,
        draft.cost_model,
    )
    up = sizes.chosen(np.array(found.choice)[:, None])
    up[0] *= draft.task.shares[found.share]
    each = float(bits_per_round(tau, up, sizes.down, price.senders, price.speakers)[0])
    return rounds * each + sum(price.speakers) * (sizes.first - sizes.down[-1])


def plan(scenario: Scenario, limits: Limits, options: Options | None = None) -> Planned:
    """The best plans of a scenario within the limits; see `make_plans`."""
    return make_plans(plan_context(scenario), limits, options or Options())
