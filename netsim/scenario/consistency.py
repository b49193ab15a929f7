"""Consistency of a scenario's sections: one network and one algorithm layer per tree layer; valid sweeps."""

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
from netsim.scenario.errors import Loc, Problem, format_path, problems_of
from netsim.scenario.overrides import BadOverrideError, parse_path, replace_at
from netsim.scenario.sweep import Sweep
from netsim.topology import Topology, TopologyPart

NOT_SWEPT = ("name", "sweep")
MAX_STEPS = 2**63 - 1
"""Largest number of local steps of a device in a run."""


@dataclass
class ValidationContext:
    """Folders in which topology files are looked up, and the trees built so far (points of a sweep share them)."""

    folders: tuple[Path, ...] = ()
    trees: list[tuple[TopologyPart, Topology]] = field(default_factory=list)

    def grow(self, part: TopologyPart) -> Topology:
        """Return the tree of a topology part. Raises ValueError or OSError from the part."""
        for known, tree in self.trees:
            if known == part:
                return tree
        tree = part.grow(self.folders)
        self.trees.append((part, tree))
        return tree


def depth_problems(network: Sequence[object], algorithm: Algorithm, at: Loc, depth: int) -> list[Problem]:
    """Return problems of a network or an algorithm (at `at`) whose number of layers differs from the tree's."""
    layers = f"the topology has {depth} layer{'s' if depth > 1 else ''}"
    up = "lists run from the devices up"
    found = []
    if len(network) != depth:
        found.append(
            Problem(("network",), f"has {_entries(len(network))}, but {layers}; write one per layer, {up}")
        )
    if algorithm.depth != depth:
        taus = ", ".join(str(tau) for tau in algorithm.taus)
        text = (
            f"has {_entries(algorithm.depth)} (tau: [{taus}]), but {layers}; write one entry per layer, {up}"
        )
        found.append(Problem(at, text))
    return found


def step_problems(rounds: int, algorithm: Algorithm) -> list[Problem]:
    """Return problems of a run whose local steps exceed 63 bits."""
    each = algorithm.steps(algorithm.depth)
    if rounds * each <= MAX_STEPS:
        return []
    text = f"must be at most {MAX_STEPS // each:,} with {each:,} local steps a round, got {rounds}"
    return [Problem(("stop", "rounds"), f"{text}; a deadline ends a run earlier")]


def skew_problems(partition: Partition, depth: int) -> list[Problem]:
    """Return problems of a partition whose number of entries differs from the tree's layers."""
    if not isinstance(partition, ByLayer) or len(partition.alpha) == depth:
        return []
    text = f"alpha has {_entries(len(partition.alpha))}, but the topology has {depth} layer{'s' if depth > 1 else ''}"
    return [Problem(("task", "partition"), f"{text}; write one per layer, from the devices up (null: IID)")]


def wait_problems(barriers: Sequence[Barrier], algorithm: Algorithm, depth: int) -> list[Problem]:
    """Return problems of barriers: their number, and conflicts with the algorithm."""
    if barriers and len(barriers) != depth:
        layers = f"the topology has {depth} layer{'s' if depth > 1 else ''}"
        text = f"has {_entries(len(barriers))}, but {layers}; write one per layer, from the devices up (all: everybody)"
        return [Problem(("wait",), text)]
    found = []
    for n, (wait, layer) in enumerate(zip(barriers, algorithm.layers, strict=False)):
        carries = wait.late == "carry"
        if carries and algorithm.prologue is not None:
            text = "carries late answers over, but the algorithm's prologue needs all children at once; use late: drop"
            found.append(Problem(("wait", n), text))
        if not isinstance(wait, All) and any(layer.drift for layer in algorithm.layers):
            text = (
                "leaves late children out, but corrections (drift) need every child in every period; use all"
            )
            found.append(Problem(("wait", n), text))
        if wait.staleness != NoDiscount() and _counts_alike(layer.rule):
            text = f"{layer.rule} counts answers as one each, so staleness changes nothing; write indifferent"
            found.append(Problem(("wait", n), text))
        if isinstance(wait, Asynchronous) and not isinstance(layer.rule, Mean):
            text = f"asynchronous mixes models, so the rule of layer {n + 1} must be mean, got {layer.rule}; use buffer"
            found.append(Problem(("wait", n), text))
    return found


def _counts_alike(rule: Rule) -> bool:
    return isinstance(rule, Median | TrimmedMean) or (isinstance(rule, Vote) and rule.weights is None)


def _entries(count: int) -> str:
    return f"{count} {'entry' if count == 1 else 'entries'}"


def sweep_problems(
    data: Mapping[str, Any], sweep: Sweep, known: Sequence[str], check: Callable[[Any], object]
) -> list[Problem]:
    """Return problems of a sweep: unknown paths, or values that `check` rejects when they are set.

    Values of a grid are checked one by one; values that a zip or a list entry sets together are checked together.
    """
    trial = _SweepCheck({key: value for key, value in data.items() if key != "sweep"}, known, check)
    written = data.get("sweep")
    bare = written if isinstance(written, Mapping) else {}
    found: list[Problem] = []
    for path, values in sweep.grid.items():
        at: Loc = ("sweep", path) if path in bare else ("sweep", "grid", path)
        found += _first_of_each_path(
            trial.problems({path: (value, (*at, k))}) for k, value in enumerate(values)
        )
    rows = [dict(zip(sweep.zip, row, strict=True)) for row in zip(*sweep.zip.values(), strict=True)]
    found += _first_of_each_path(
        trial.problems({path: (value, ("sweep", "zip", path, k)) for path, value in row.items()})
        for k, row in enumerate(rows)
    )
    for k, entry in enumerate(sweep.sets):
        found += trial.problems({path: (value, ("sweep", "list", k, path)) for path, value in entry.items()})
    if isinstance(sweep.seeds, tuple):
        for k, seed in enumerate(sweep.seeds):
            found += trial.problems({"seed": (seed, ("sweep", "seeds", k))})
    return found


def _first_of_each_path(problems: Iterable[list[Problem]]) -> list[Problem]:
    """Report an unknown path once, however many values it has."""
    found: list[Problem] = []
    for problem in itertools.chain.from_iterable(problems):
        if not (problem.of_key and problem in found):
            found.append(problem)
    return found


@dataclass(frozen=True)
class _SweepCheck:
    """Sets values in a scenario's data and checks the result."""

    tree_data: Mapping[str, Any]
    known: Sequence[str]
    check: Callable[[Any], object]

    def problems(self, values: Mapping[str, tuple[Any, Loc]]) -> list[Problem]:
        """Return the problems of the scenario with the values (each with its location in the sweep) set."""
        tree: Any = dict(self.tree_data)
        set_at: list[tuple[Loc, Loc, Loc]] = []
        for path, (value, at) in values.items():
            try:
                loc = parse_path(path)
                if loc[0] in NOT_SWEPT:
                    raise BadOverrideError(f"'{loc[0]}' cannot be swept; sweep what a run depends on")
                tree, _ = replace_at(tree, loc, value)
            except BadOverrideError as error:
                return [Problem(_key_of(at), str(error), of_key=True)]
            set_at.append((loc, at, _key_of(at)))
        try:
            self.check(tree)
        except ValidationError as error:
            return [_at_sweep_value(problem, set_at) for problem in problems_of(error, self.known)]
        return []


def _key_of(at: Loc) -> Loc:
    """Return the location of the path of a value: its own in a list entry, else above the value's index."""
    return at if at[1] == "list" and len(at) == 4 else at[:-1]


def _at_sweep_value(problem: Problem, set_at: Sequence[tuple[Loc, Loc, Loc]]) -> Problem:
    """Move a problem to the value of the sweep that causes it; to its path if a key of the path is wrong."""
    loc, at, key = max(set_at, key=lambda entry: _common_length(entry[0], problem.loc))
    if problem.of_key and problem.loc == loc[: len(problem.loc)]:
        return Problem(key, f"{format_path(problem.loc)}: {problem.message}", of_key=True)
    inside = f"{format_path(problem.loc)}: " if problem.loc != loc else ""
    return Problem(at, inside + problem.message)


def _common_length(one: Loc, other: Loc) -> int:
    """Return the number of leading keys that two paths share."""
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
