"""Diagnostics: why no plan exists, and warnings about plans."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from netsim.barriers.barriers import All
from netsim.bounds.branch_and_bound import PlanningTask
from netsim.bounds.costs import Sizes
from netsim.bounds.from_scenario import PlanContext, PlanError
from netsim.bounds.learning_rate import largest_rate
from netsim.network.message_loss import NoLoss
from netsim.planner.constants import ConstantsEstimate
from netsim.planner.cost_model import CostModel
from netsim.planner.timed_rounds import time_scenario
from netsim.reports import formatting
from netsim.selection.association import GivenAssociation
from netsim.selection.selections import AllChildren


def check_one_round(setting: PlanContext, task: PlanningTask, sizes: Sizes) -> None:
    """Raise PlanError if a round with every tau 1 exceeds the budget, with the largest term."""
    N = setting.depth
    point = np.array([1] * N + [0] * (N + 1))[:, None]
    tau, choice, share = task.split(point)
    amounts = task.costs.rounds(tau, choice, np.asarray(task.shares)[share])
    if task.budget.allowed(amounts)[0] >= 1:
        return
    worst = int((amounts.first[:, 0] / task.budget.limits).argmax())
    name, needed = task.costs.names[worst], float(amounts.first[worst, 0])
    if name != "time":
        description = formatting.joules(needed) if name == "energy" else formatting.bits(needed)
        raise PlanError(
            f"not one global round fits: with every tau 1 it takes {description}; allow at least that (--{name})"
        )
    where, part = _longest_part(setting, sizes)
    raise PlanError(
        f"not one global round fits into {formatting.seconds(float(task.budget.limits[0]))}: with every tau 1 it takes "
        f"{formatting.seconds(needed)}, most of it {where} ({formatting.seconds(part)}); the smallest feasible "
        f"deadline is {needed!r} s"
    )


def _longest_part(setting: PlanContext, sizes: Sizes) -> tuple[str, float]:
    """The longest part of the critical path of a round of all ones."""
    shortest = [row[0] for row in sizes.up]
    scenario = setting.scenario
    path = time_scenario(scenario, (1,) * setting.depth, shortest, sizes.down, 1, scenario.seed).path
    description = {"path_compute_s": "computing"}
    for n in range(1, setting.depth + 1):
        description |= {
            f"path_up_s_{n}": f"the uplink of layer {n}",
            f"path_down_s_{n}": f"the downlink of layer {n}",
        }
    longest = max(description, key=lambda key: path[key])
    return description[longest], path[longest]


def warnings(setting: PlanContext, facts: ConstantsEstimate, price: CostModel) -> Iterator[str]:
    """Yield warnings about assumptions that differ from the scenario."""
    if facts.origin == "assumed":
        yield f"constants {facts.description}"
    losses = [getattr(getattr(part, "radio", part), "loss", None) for part in setting.scenario.network]
    if any(loss is not None and not isinstance(loss, NoLoss) for loss in losses):
        yield "messages can be lost: repetitions are included in the times, but missing uploads are not in the bound"
    if any(not isinstance(wait, All) for wait in setting.scenario.wait):
        yield "the bound assumes barriers that wait for all; times are simulated with the scenario's own (--refine)"
    if any(not isinstance(selection, AllChildren) for selection in setting.scenario.selection):
        yield "the bound does not cover the scenario's selection; times are simulated with it (except for polls)"
    if (
        setting.scenario.association != GivenAssociation()
        or setting.scenario.devices.availability is not None
    ):
        yield "the bound assumes all devices available and associated as in the topology; simulated times do not"
    if not price.exact:
        how = "random: the search uses a fitted law" if price.random else "only bounded in closed form"
        yield f"round lengths are {how}; the plans shown were simulated again"


def no_bound_message(task: PlanningTask) -> str:
    """Return the message that Theorem 1 does not hold at the scenario's learning rate for any tau."""
    ones = [1] * task.depth
    most = largest_rate(task.problem, replace(task.rule, mode="joint-1", rate=None), ones)
    return (
        f"Theorem 1 does not hold at learning rate {task.rule.rate:g} (it needs at most {most:.3g}, for every tau 1): "
        "plans are ranked by its first order, without guarantee; use --mode joint-2, a smaller rate, or --refine"
    )


def infeasible_message(task: PlanningTask, target: float | None) -> str:
    """Return the message that no point has a finite value."""
    if target is None:
        return "no plan has a finite bound within the budget; allow more time, or use --mode joint-2"
    return (
        f"no plan reaches a bound of {target:g} within the budget; allow more, or raise --target (the best "
        "bound is that of the same command without --target)"
    )


def vacuous_warning(bound: float | None, trivial_bound: float) -> Iterator[str]:
    """Yield a warning if the bound exceeds the one without training."""
    if bound is not None and bound >= trivial_bound:
        yield (
            f"the bound is vacuous: it gives a mean ||grad F||^2 of {bound:.3g}, and {trivial_bound:.3g} holds without "
            "training; use the ranking, not the number"
        )
