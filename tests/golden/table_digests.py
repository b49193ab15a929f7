"""Sha256 of every table that the shipped scenarios produce: `python -m tests.golden.table_digests [--out FILE] [NAME ...]`.

A refactoring must leave all of them unchanged on one machine. Each scenario below `scenarios/` runs for a few rounds
with the batched and the timing engine, with and without verification of the invariants; of a sweep, points spread over
its settings run too (batched, verified). A run that raises an error is listed with the error instead of digests.
Digests differ between machines: processors round transcendental functions and matrix products differently.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from netsim import Result, Scenario

SCENARIOS = Path(__file__).parents[2] / "scenarios"
TABLES = ("rounds", "messages", "nodes", "events")
ROUNDS = 2
SWEEP_POINTS = 4
"""At most so many points of each sweep, evenly spaced over its settings."""


def main(words: Sequence[str] | None = None) -> int:
    """Print a line per table: the run, the table and its digest."""
    parser = argparse.ArgumentParser(prog="python -m tests.golden.table_digests", description=__doc__)
    parser.add_argument(
        "names", nargs="*", help="scenarios by name, as in quickstart or papers/floor_mnist; default: all"
    )
    parser.add_argument("--out", type=Path, help="write the lines to a file as well")
    arguments = parser.parse_args(words)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    import torch

    torch.set_num_threads(1)
    lines = []
    for name in arguments.names or scenario_names():
        for line in digest_lines(name):
            lines.append(line)
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
    sys.stdout.write(
        f"{len(lines)} tables, sha256 of all: {hashlib.sha256(chr(10).join(lines).encode()).hexdigest()}\n"
    )
    if arguments.out:
        arguments.out.write_text("\n".join(lines) + "\n")
    return 0


def scenario_names() -> list[str]:
    """All shipped scenarios, papers included, as paths below `scenarios/` without suffix."""
    return sorted(str(path.relative_to(SCENARIOS).with_suffix("")) for path in SCENARIOS.rglob("*.yaml"))


def digest_lines(name: str, rounds: int = ROUNDS) -> Iterator[str]:
    """Lines `run table sha256` of one scenario: both engines, verified or not, and points of its sweep."""
    from netsim import load
    from netsim.sweep import points_of

    file = str(SCENARIOS / f"{name}.yaml")
    scenario = load(file, [f"stop.rounds={rounds}"])
    for engine in ("batched", "timing"):
        for verify in (False, True):
            yield from _lines(f"{name} {engine}{' verified' if verify else ''}", scenario, engine, verify)
    points = points_of(file, [f"stop.rounds={rounds}"], scenario)[1:]
    for point in points[:: max(1, -(-len(points) // SWEEP_POINTS))]:
        yield from _lines(f"{name} [{point.label}] batched verified", point.load(), "batched", True)


def _lines(label: str, scenario: Scenario, engine: str, verify: bool) -> Iterator[str]:
    from netsim import simulate

    try:
        result = simulate(scenario, engine=engine, verify=verify)  # type: ignore[arg-type]
    except ValueError:
        yield f"{label} error"
        return
    for table, digest in table_digests(result).items():
        yield f"{label} {table} {digest}"


def table_digests(result: Result) -> dict[str, str]:
    """The sha256 of each table of a result; a table that the run does not have is left out."""
    tables = {name: getattr(result, name) for name in TABLES}
    return {name: frame_digest(frame) for name, frame in tables.items() if frame is not None}


def frame_digest(frame: pd.DataFrame) -> str:
    """Sha256 over names, types and values of all columns, in their order; equal exactly for equal tables."""
    digest = hashlib.sha256()
    for name in frame.columns:
        column = frame[name]
        numeric = column.dtype.kind in "biuf"
        digest.update(f"{name}:{column.dtype if numeric else 'text'}:{len(column)}\n".encode())
        values = (
            np.ascontiguousarray(column.to_numpy()).tobytes()
            if numeric
            else "\0".join(map(repr, column)).encode()
        )
        digest.update(values)
    return digest.hexdigest()


if __name__ == "__main__":
    sys.exit(main())
