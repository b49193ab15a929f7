"""What holds between the sections of a scenario: one network and one rung per layer; sweeps that can be run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from learning.algorithm import Algorithm
from learning.layered import ByLayer
from learning.partitions import Partition
from netsim.scenario.errors import Loc, Problem, path_of, problems_of
from netsim.scenario.overrides import BadOverrideError, replaced, steps
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


def _entries(count: int) -> str:
    return f"{count} {'entry' if count == 1 else 'entries'}"


def sweep_problems(
    data: Mapping[str, Any],
    sweep: Mapping[str, Sequence[Any]],
    known: Sequence[str],
    check: Callable[[Any], object],
) -> list[Problem]:
    """Objections to sweep entries: a path that leads nowhere, or a value that `check`, given the tree, refuses."""
    plain = {key: value for key, value in data.items() if key != "sweep"}
    found: list[Problem] = []
    for path, values in sweep.items():
        for index, value in enumerate(values):
            try:
                found += _point(plain, path, value, known, check, ("sweep", path, index))
            except BadOverrideError as error:
                found.append(Problem(("sweep", path), str(error), of_key=True))
                break
    return found


def _point(
    plain: Mapping[str, Any],
    path: str,
    value: Any,
    known: Sequence[str],
    check: Callable[[Any], object],
    at: Loc,
) -> list[Problem]:
    loc = steps(path)
    if loc[0] in UNSWEPT:
        raise BadOverrideError(f"'{loc[0]}' cannot be swept; sweep what a run depends on")
    tree, made = replaced(dict(plain), loc, value)
    try:
        check(tree)
    except ValidationError as error:
        problems = problems_of(error, known)
        return [_moved(problem, loc, made, at) for problem in problems]
    return []


def _moved(problem: Problem, loc: Loc, made: Loc, at: Loc) -> Problem:
    """The problem at the sweep's value; at its path, if a key of the path is to blame."""
    if problem.of_key and problem.loc == loc[: len(problem.loc)]:
        return Problem(at[:-1], f"{path_of(problem.loc)}: {problem.message}", of_key=True)
    inside = f"{path_of(problem.loc)}: " if problem.loc != loc else ""
    return Problem(at, inside + problem.message)
