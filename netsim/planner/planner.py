"""From a scenario and a budget to ranked plans: read, search, time again, explain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from learning.compressors import Compressor
from netsim.barriers.barriers import All
from netsim.bounds.bound import Terms
from netsim.bounds.costs import Amounts, Budget, bits_per_round
from netsim.bounds.from_scenario import SHARES, PlanError, Setting, setting_of
from netsim.bounds.learning_rate import Goal, Mode, Rule, least
from netsim.bounds.problem import Problem
from netsim.bounds.relaxation import fast, relaxed
from netsim.bounds.search import Found, Outcome, Task, search
from netsim.planner.constants import ConstantsEstimate, assumed, known
from netsim.planner.cost_model import ClockSampling, CostModel, prices, retimed
from netsim.planner.diagnostics import check_one_round, silent, unreached, verdict, warnings
from netsim.planner.plan import Plan
from netsim.scenario import Scenario
from netsim.selection.selections import AllChildren

APART = 1.3
"""Two plans are told apart where some tau, or their product, differs by this factor."""


@dataclass(frozen=True)
class Limits:
    """What may be spent, and the bound to reach if that is the goal; None: no limit."""

    deadline_s: float | None = None
    energy_j: float | None = None
    bits: float | None = None
    target: float | None = None


@dataclass(frozen=True)
class Options:
    """How to plan."""

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
    """The plans, best first, and all they came from."""

    plans: tuple[Plan, ...]
    knowledge: ConstantsEstimate
    setting: Setting
    task: Task
    prices: CostModel
    outcome: Outcome
    uplinks: tuple[tuple[Compressor, ...], ...]
    notes: tuple[str, ...]

    @property
    def vacuous(self) -> bool:
        """Whether the best plan's bound promises no more than what holds without any training."""
        bound = self.plans[0].predicted_bound
        return bound is None or bound >= self.knowledge.trivial

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
        found = least(self.task.problem, rule, Goal(), tau, up, done)
        free = rule.free[:, [int(found.choice[0])]]
        return rule.terms(self.task.problem, np.array([plan.learning_rate]), tau, free, up)

    def point(self, plan: Plan) -> np.ndarray:
        """The plan's coordinates for `netsim.bounds.search.evaluate`."""
        choice = [0] * len(plan.tau)
        if plan.levels is not None:
            for n, (codecs, level) in enumerate(zip(self.uplinks, plan.levels, strict=True)):
                choice[n] = next((i for i, c in enumerate(codecs) if getattr(c, "levels", None) == level), 0)
        return np.array([*plan.tau, *choice, self.task.shares.index(plan.fraction)])


def make_plans(
    setting: Setting, limits: Limits, options: Options, knowledge: ConstantsEstimate | None = None
) -> Planned:
    """The best plans within the limits. Raises PlanError where none fits, saying why and what would."""
    facts = knowledge or known(setting) or assumed(setting)
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
            "nothing limits the plan; give --deadline (or stop.deadline), --energy, --bits or --target"
        )
    if limits.energy_j is not None and setting.scenario.energy is None:
        raise PlanError("--energy needs an `energy:` section that says what devices draw; add one")
    if options.fraction and any(not isinstance(one, AllChildren) for one in setting.scenario.selection):
        raise PlanError("--fraction chooses a selection, and the scenario has one; remove either")
    if options.fraction and any(not isinstance(wait, All) for wait in setting.scenario.wait[:1]):
        raise PlanError(
            "--fraction weighs by 1/pi, which counts on everybody chosen: use wait: all in layer 1"
        )
    price = prices(
        setting, sizes, options.clocking, setting.scenario.energy is not None, limits.bits is not None
    )
    asked = {"time": limits.deadline_s, "energy": limits.energy_j, "bits": limits.bits}
    budget = Budget(np.array([np.inf if asked[name] is None else asked[name] for name in price.names]))
    rate = setting.scenario.ladder.leaf.learning_rate
    rule = Rule(options.mode, rate if options.mode == "fixed" else None)
    shares = SHARES if options.fraction else (1.0,)
    task = Task(problem, price, budget, rule, Goal(limits.target), variances, shares)
    check_one_round(setting, task, sizes)
    outcome, notes = _search(task, options), list(warnings(setting, facts, price))
    if outcome.best is None and options.mode == "fixed" and limits.target is None:
        notes.append(silent(task))
        task = replace(task, rule=replace(rule, ranking=True), goal=Goal())
        outcome = _search(task, options)
    if outcome.best is None:
        raise PlanError(unreached(task, limits.target))
    draft = Planned((), facts, setting, task, price, outcome, uplinks, ())
    plans = sorted(_plans(draft, limits, options), key=lambda plan: plan.value)
    if not plans:
        raise PlanError(unreached(task, limits.target))
    done = replace(draft, plans=tuple(plans), notes=tuple(notes))
    return replace(done, notes=(*notes, *verdict(plans[0].predicted_bound, facts.trivial)))


def _variances(
    setting: Setting, uplinks: Sequence[Sequence[Compressor]], facts: ConstantsEstimate
) -> tuple[tuple[float, ...], ...]:
    """q_n of each alternative: the worst case, scaled to what was measured where something was."""
    worst = setting.variances(uplinks)
    if not facts.variances:
        return worst
    own = setting.variances(setting.uplinks(choose=False))
    seen = [m / q[0] if q[0] else 1.0 for m, q in zip(facts.variances, own, strict=True)]
    return tuple(tuple(q * share for q in row) for row, share in zip(worst, seen, strict=True))


def _search(task: Task, options: Options) -> Outcome:
    if options.quick:
        return fast(task)
    return search(task, relaxed(task), options.tolerance)


def distinct(found: Sequence[Found], count: int) -> list[Found]:
    """The best `count` points that differ from every better one by APART in some tau, or in another choice."""
    kept: list[Found] = []
    for one in found:
        if all(_apart(one, other) for other in kept):
            kept.append(one)
        if len(kept) == count:
            break
    return kept


def _apart(one: Found, other: Found) -> bool:
    if one.share != other.share:
        return True
    ratios = [max(a, b) / min(a, b) for a, b in zip(one.tau, other.tau, strict=True)]
    return max(ratios) >= APART


def _plans(draft: Planned, limits: Limits, options: Options) -> Iterator[Plan]:
    """The best distinct points as plans, timed again where the search's clock is a model."""
    pool = draft.outcome.ranked
    for found in distinct(pool, options.shown):
        plan = as_plan(draft, found, limits, options)
        if plan is not None:
            yield plan


def as_plan(draft: Planned, found: Found, limits: Limits, options: Options) -> Plan | None:
    """A point as a plan; None where, timed again, not one round fits."""
    task, setting = draft.task, draft.setting
    point = np.array([*found.tau, *found.choice, found.share])[:, None]
    tau, choice, share = task.split(point)
    pi = np.asarray(task.shares)[share]
    amounts = task.costs.rounds(tau, choice, pi)
    rounds, value = found.rounds, found.value
    if not draft.prices.exact and found.share == len(task.shares) - 1:
        up = draft.prices.sizes.chosen(choice)[:, 0].tolist()
        down = draft.prices.sizes.down
        first, later = retimed(
            setting, found.tau, up, down, max(2, found.rounds), options.clocking, draft.prices.random
        )
        amounts.first[0], amounts.later[0] = first, later
        allowed = int(task.budget.allowed(amounts)[0])
        rounds = min(rounds, allowed) if limits.target is not None else allowed
        if rounds < 1 or (limits.target is not None and allowed < found.rounds):
            return None
    seconds = float(amounts.first[0, 0] + (rounds - 1) * amounts.later[0, 0])
    done = np.array([rounds * tau.prod()])
    again = least(task.problem, task.rule, Goal(), tau, task.variances(choice, share), done)
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


def _spent(task: Task, amounts: Amounts, rounds: int, name: str) -> float | None:
    names = list(task.costs.names)
    if name not in names:
        return None
    row = names.index(name)
    first, later = amounts.first[row, 0], amounts.later[row, 0]
    return float(first + (rounds - 1) * later)


def bits_of(draft: Planned, found: Found, rounds: int) -> float:
    """Payload bits of the plan's rounds, all layers, both directions."""
    tau, sizes, price = np.array(found.tau, dtype=np.float64)[:, None], draft.prices.sizes, draft.prices
    up = sizes.chosen(np.array(found.choice)[:, None])
    up[0] *= draft.task.shares[found.share]
    each = float(bits_per_round(tau, up, sizes.down, price.senders, price.speakers)[0])
    return rounds * each + sum(price.speakers) * (sizes.first - sizes.down[-1])


def plan(scenario: Scenario, limits: Limits, options: Options | None = None) -> Planned:
    """The best plans of a scenario within the limits; see `make_plans`."""
    return make_plans(setting_of(scenario), limits, options or Options())
