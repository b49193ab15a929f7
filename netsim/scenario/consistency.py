"""What holds between the sections of a scenario: one network and one rung per layer; sweeps that can be run."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from learning.aggregation.robust import Median, TrimmedMean
from learning.aggregation.rules import Mean, Rule, Vote
from learning.algorithms.algorithm import Algorithm
from learning.partitions.by_layer import ByLayer
from learning.partitions.partitions import Partition
from netsim.barriers.barriers import All, Asynchronous, Barrier
from netsim.barriers.staleness import NoDiscount
from netsim.scenario.errors import Loc, Problem, path_of, problems_of
from netsim.scenario.overrides import BadOverrideError, replaced, steps
from netsim.scenario.sweep import Sweep
from netsim.topology import Topology, TopologyPart

UNSWEPT = ("name", "sweep")
MOST_STEPS = 2**63 - 1
"""Local steps of a device in a run."""


@dataclass
class Ground:
    """Where topology files are looked up, and the trees grown so far (a sweep would grow the same again)."""

    folders: tuple[Path, ...] = ()
    grown: list[tuple[TopologyPart, Topology]] = field(default_factory=list)

    def grow(self, part: TopologyPart) -> Topology:
        """The tree of a topology part. Raises ValueError or OSError from the part."""
        for known, tree in self.grown:
            if known == part:
                return tree
        tree = part.grow(self.folders)
        self.grown.append((part, tree))
        return tree


def depth_problems(network: Sequence[object], ladder: Algorithm, at: Loc, depth: int) -> list[Problem]:
    """Objections to a network or an algorithm (found at `at`) whose layers are not those of the tree."""
    layers = f"the topology has {depth} layer{'s' if depth > 1 else ''}"
    up = "lists run from the devices up"
    found = []
    if len(network) != depth:
        found.append(
            Problem(("network",), f"has {_entries(len(network))}, but {layers}; write one per layer, {up}")
        )
    if ladder.depth != depth:
        taus = ", ".join(str(tau) for tau in ladder.taus)
        said = f"has {_entries(ladder.depth)} (tau: [{taus}]), but {layers}; write one entry per layer, {up}"
        found.append(Problem(at, said))
    return found


def step_problems(rounds: int, ladder: Algorithm) -> list[Problem]:
    """Objections to a run whose local steps cannot be counted in 63 bits."""
    each = ladder.steps(ladder.depth)
    if rounds * each <= MOST_STEPS:
        return []
    said = f"must be at most {MOST_STEPS // each:,} with {each:,} local steps a round, got {rounds}"
    return [Problem(("stop", "rounds"), f"{said}; a deadline ends a run earlier")]


def skew_problems(partition: Partition, depth: int) -> list[Problem]:
    """Objections to a partition that has an entry per layer of another tree."""
    if not isinstance(partition, ByLayer) or len(partition.alpha) == depth:
        return []
    said = f"alpha has {_entries(len(partition.alpha))}, but the topology has {depth} layer{'s' if depth > 1 else ''}"
    return [Problem(("task", "partition"), f"{said}; write one per layer, from the devices up (null: IID)")]


def wait_problems(waits: Sequence[Barrier], ladder: Algorithm, depth: int) -> list[Problem]:
    """Objections to barriers: one per layer, and none that the algorithm cannot live with."""
    if waits and len(waits) != depth:
        layers = f"the topology has {depth} layer{'s' if depth > 1 else ''}"
        said = f"has {_entries(len(waits))}, but {layers}; write one per layer, from the devices up (all: everybody)"
        return [Problem(("wait",), said)]
    found = []
    for n, (wait, layer) in enumerate(zip(waits, ladder.layers, strict=False)):
        carries = wait.late == "carry"
        if carries and ladder.prologue is not None:
            said = "carries late answers over, but the algorithm's prologue asks everybody at once; use late: drop"
            found.append(Problem(("wait", n), said))
        if not isinstance(wait, All) and any(layer.drift for layer in ladder.layers):
            said = (
                "leaves late children out, but corrections (drift) need every child in every period; use all"
            )
            found.append(Problem(("wait", n), said))
        if wait.staleness != NoDiscount() and _counts_alike(layer.rule):
            said = f"{layer.rule} counts answers as one each, so staleness changes nothing; write indifferent"
            found.append(Problem(("wait", n), said))
        if isinstance(wait, Asynchronous) and not isinstance(layer.rule, Mean):
            said = f"asynchronous mixes models, so the rule of layer {n + 1} must be mean, got {layer.rule}; use buffer"
            found.append(Problem(("wait", n), said))
    return found


def _counts_alike(rule: Rule) -> bool:
    return isinstance(rule, Median | TrimmedMean) or (isinstance(rule, Vote) and rule.weights is None)


def _entries(count: int) -> str:
    return f"{count} {'entry' if count == 1 else 'entries'}"


def sweep_problems(
    data: Mapping[str, Any], sweep: Sweep, known: Sequence[str], check: Callable[[Any], object]
) -> list[Problem]:
    """Objections to a sweep: a path that leads nowhere, or values that `check`, given the tree, refuses.

    A grid's values are tried one by one, what a zip or an entry of a list sets together is tried together.
    """
    trial = _Trial({key: value for key, value in data.items() if key != "sweep"}, known, check)
    written = data.get("sweep")
    bare = written if isinstance(written, Mapping) else {}
    found: list[Problem] = []
    for path, values in sweep.grid.items():
        at: Loc = ("sweep", path) if path in bare else ("sweep", "grid", path)
        found += _first_of_each_path(
            trial.objections({path: (value, (*at, k))}) for k, value in enumerate(values)
        )
    rows = [dict(zip(sweep.zip, row, strict=True)) for row in zip(*sweep.zip.values(), strict=True)]
    found += _first_of_each_path(
        trial.objections({path: (value, ("sweep", "zip", path, k)) for path, value in row.items()})
        for k, row in enumerate(rows)
    )
    for k, entry in enumerate(sweep.sets):
        found += trial.objections(
            {path: (value, ("sweep", "list", k, path)) for path, value in entry.items()}
        )
    if isinstance(sweep.seeds, tuple):
        for k, seed in enumerate(sweep.seeds):
            found += trial.objections({"seed": (seed, ("sweep", "seeds", k))})
    return found


def _first_of_each_path(objections: Iterable[list[Problem]]) -> list[Problem]:
    """A path that leads nowhere is one mistake, however many values it has."""
    found: list[Problem] = []
    for problem in itertools.chain.from_iterable(objections):
        if not (problem.of_key and problem in found):
            found.append(problem)
    return found


@dataclass(frozen=True)
class _Trial:
    """Sets places of a scenario's tree and has the result checked."""

    plain: Mapping[str, Any]
    known: Sequence[str]
    check: Callable[[Any], object]

    def objections(self, chosen: Mapping[str, tuple[Any, Loc]]) -> list[Problem]:
        """What is wrong with the scenario once every path has its value; each is given with its place."""
        tree: Any = dict(self.plain)
        set_at: list[tuple[Loc, Loc, Loc]] = []
        for path, (value, at) in chosen.items():
            try:
                loc = steps(path)
                if loc[0] in UNSWEPT:
                    raise BadOverrideError(f"'{loc[0]}' cannot be swept; sweep what a run depends on")
                tree, _ = replaced(tree, loc, value)
            except BadOverrideError as error:
                return [Problem(_key_of(at), str(error), of_key=True)]
            set_at.append((loc, at, _key_of(at)))
        try:
            self.check(tree)
        except ValidationError as error:
            return [_moved(problem, set_at) for problem in problems_of(error, self.known)]
        return []


def _key_of(at: Loc) -> Loc:
    """The place of the path that a value belongs to: in a list's entry its own, else above the value's index."""
    return at if at[1] == "list" and len(at) == 4 else at[:-1]


def _moved(problem: Problem, set_at: Sequence[tuple[Loc, Loc, Loc]]) -> Problem:
    """The problem at the sweep's value that is nearest to it; at its path, if a key of the path is to blame."""
    loc, at, key = max(set_at, key=lambda entry: _shared(entry[0], problem.loc))
    if problem.of_key and problem.loc == loc[: len(problem.loc)]:
        return Problem(key, f"{path_of(problem.loc)}: {problem.message}", of_key=True)
    inside = f"{path_of(problem.loc)}: " if problem.loc != loc else ""
    return Problem(at, inside + problem.message)


def _shared(one: Loc, other: Loc) -> int:
    """Steps that two paths have in common."""
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
