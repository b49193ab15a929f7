"""Consistency of a scenario's selections and availability with its other sections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from learning.aggregation.rules import Mean, Vote
from learning.aggregation.server_optimizers import FedOpt
from learning.algorithms.algorithm import Algorithm
from learning.algorithms.layer import Layer
from netsim.barriers.barriers import All, Barrier
from netsim.scenario.errors import Loc, Problem
from netsim.selection.availability import Availability
from netsim.selection.interfaces import Selection
from netsim.selection.selections import AllChildren, PowerOfChoice
from netsim.topology import Topology


def selection_problems(
    selections: Sequence[Selection], barriers: Sequence[Barrier], algorithm: Algorithm, tree: Topology
) -> list[Problem]:
    """Return problems of selections: their number, their counts, and conflicts with the algorithm."""
    if not selections:
        return []
    if len(selections) != tree.depth:
        layers = f"the topology has {tree.depth} layer{'s' if tree.depth > 1 else ''}"
        entries = f"{len(selections)} entr{'y' if len(selections) == 1 else 'ies'}"
        text = f"has {entries}, but {layers}; write one per layer, from the devices up (all: everybody)"
        return [Problem(("selection",), text)]
    problem = _drift_problem(selections, algorithm)
    found = [Problem(("selection",), problem)] if problem else []
    barriers = barriers if len(barriers) == tree.depth else [All()] * tree.depth
    for n, (selection, wait, layer) in enumerate(zip(selections, barriers, algorithm.layers, strict=False)):
        at: Loc = ("selection", n)
        widest = max(len(parent.children) for parent in tree.levels[n + 1])
        objections = (*_count_problems(selection, n, widest), *_weight_problems(selection, wait, layer))
        found += [Problem(at, objection) for objection in objections]
    return found


def availability_problems(availability: Availability | None, algorithm: Algorithm) -> list[Problem]:
    """Return problems of absent devices under an algorithm that needs all devices."""
    text = []
    if availability is not None and any(layer.drift for layer in algorithm.layers):
        text.append(
            "corrections (drift) need every child in every period, so no device can be absent; use no drift"
        )
    if availability is not None and any(_needs_votes(layer) for layer in algorithm.layers):
        text.append(
            "all devices may be absent, and a vote without voters makes no step, which one bit cannot encode; use the "
            "vote's ties: zero"
        )
    return [Problem(("devices", "availability"), one) for one in text]


def _needs_votes(layer: Layer) -> bool:
    return isinstance(layer.rule, Vote) and layer.rule.ties == "random"


def _drift_problem(selections: Sequence[Selection], algorithm: Algorithm) -> str:
    """Return a problem if corrections, which need every child in every period, meet a selection."""
    if any(layer.drift for layer in algorithm.layers) and not all(
        isinstance(s, AllChildren) for s in selections
    ):
        return "corrections (drift) need every child in every period, so no child can be left out; use all, or no drift"
    return ""


def _count_problems(selection: Selection, n: int, widest: int) -> Iterator[str]:
    if selection.max_children > widest:
        noun = "child" if widest == 1 else "children"
        yield (
            f"asks {selection.max_children}, but no layer-{n + 1} parent has more than {widest} {noun}; lower it, or "
            "use a fraction"
        )
    if isinstance(selection, PowerOfChoice) and n:
        yield f"power_of_choice polls devices for their loss: it belongs to layer 1, not {n + 1}; use data or uniform"


def _weight_problems(selection: Selection, wait: Barrier, layer: Layer) -> Iterator[str]:
    if selection.unbiased and not isinstance(layer.rule, Mean | FedOpt):
        name = type(layer.rule).__name__.lower()
        yield f"unbiased weights scale updates, which the rule {name} does not add up; use renormalised"
    if selection.unbiased and not isinstance(wait, All):
        yield (
            "unbiased weights need the answers of all selected children, but the layer's wait can leave some out; "
            "use renormalised"
        )
    if selection.may_be_empty and _needs_votes(layer):
        yield (
            "may select no child, and a vote without voters makes no step, which one bit cannot encode; use law: "
            "fixed, or the vote's ties: zero"
        )
