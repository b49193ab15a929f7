"""What holds between a scenario's selections and its other sections."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from learning.aggregation.rules import Mean, Vote
from learning.aggregation.server_optimizers import FedOpt
from learning.algorithms.algorithm import Algorithm, Layer
from netsim.barriers.barriers import All, Barrier
from netsim.scenario.errors import Loc, Problem
from netsim.selection.availability import Availability
from netsim.selection.selection import Selection
from netsim.selection.selections import Everybody, PowerOfChoice
from netsim.topology import Topology


def selection_problems(
    selections: Sequence[Selection], waits: Sequence[Barrier], ladder: Algorithm, tree: Topology
) -> list[Problem]:
    """Objections to selections: one per layer, of children that are there, and such as the algorithm can bear."""
    if not selections:
        return []
    if len(selections) != tree.depth:
        layers = f"the topology has {tree.depth} layer{'s' if tree.depth > 1 else ''}"
        entries = f"{len(selections)} entr{'y' if len(selections) == 1 else 'ies'}"
        said = f"has {entries}, but {layers}; write one per layer, from the devices up (all: everybody)"
        return [Problem(("selection",), said)]
    drifting = _drifting(selections, ladder)
    found = [Problem(("selection",), drifting)] if drifting else []
    barriers = waits if len(waits) == tree.depth else [All()] * tree.depth
    for n, (selection, wait, layer) in enumerate(zip(selections, barriers, ladder.layers, strict=False)):
        at: Loc = ("selection", n)
        widest = max(len(parent.children) for parent in tree.levels[n + 1])
        objections = (*_crowded(selection, n, widest), *_weighed(selection, wait, layer))
        found += [Problem(at, objection) for objection in objections]
    return found


def availability_problems(availability: Availability | None, ladder: Algorithm) -> list[Problem]:
    """Objections to devices that come and go under an algorithm that needs all of them."""
    said = []
    if availability is not None and any(layer.drift for layer in ladder.layers):
        said.append(
            "corrections (drift) need every child in every period, so nobody can be away; use no drift"
        )
    if availability is not None and any(_tosses(layer) for layer in ladder.layers):
        said.append(
            "all voters may leave, and a vote without voters makes no step, which one bit cannot say; use the "
            "vote's ties: zero"
        )
    return [Problem(("devices", "availability"), one) for one in said]


def _tosses(layer: Layer) -> bool:
    return isinstance(layer.rule, Vote) and layer.rule.ties == "random"


def _drifting(selections: Sequence[Selection], ladder: Algorithm) -> str:
    """Corrections add up what every child learns of every model."""
    if any(layer.drift for layer in ladder.layers) and not all(isinstance(s, Everybody) for s in selections):
        return "corrections (drift) need every child in every period, so nobody can be left out; use all, or no drift"
    return ""


def _crowded(selection: Selection, n: int, widest: int) -> Iterator[str]:
    if selection.most > widest:
        noun = "child" if widest == 1 else "children"
        yield (
            f"asks {selection.most}, but no layer-{n + 1} parent has more than {widest} {noun}; lower it, or use "
            "a fraction"
        )
    if isinstance(selection, PowerOfChoice) and n:
        yield f"power_of_choice asks devices for their loss: it belongs to layer 1, not {n + 1}; use data or uniform"


def _weighed(selection: Selection, wait: Barrier, layer: Layer) -> Iterator[str]:
    if selection.unbiased and not isinstance(layer.rule, Mean | FedOpt):
        name = type(layer.rule).__name__.lower()
        yield f"unbiased weights scale updates, which the rule {name} does not add up; use renormalised"
    if selection.unbiased and not isinstance(wait, All):
        yield "unbiased weights count on all who were chosen, but the layer's wait leaves some out; use renormalised"
    if selection.empty and _tosses(layer):
        yield (
            "may choose nobody, and a vote without voters makes no step, which one bit cannot say; use law: fixed, "
            "or the vote's ties: zero"
        )
