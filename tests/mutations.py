"""Mutation testing: applies one mutation of the source at a time and expects a test to fail.

Usage: `python tests/mutations.py [WORD ...]`.

Works on a copy of the tracked files. Words select the mutations whose names contain one of them. Prints a markdown
table. Exits with 1 if a mutation survives; raises StaleTableError if the table does not match the sources.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.mutants.dynamics import DYNAMICS
from tests.mutants.learning import LEARNING
from tests.mutants.mutation import Mutation
from tests.mutants.network import NETWORK
from tests.mutants.planner import PLANNER
from tests.mutants.protocol import PROTOCOL
from tests.mutants.reports import REPORTS
from tests.mutants.selection import SELECTION

REPOSITORY = Path(__file__).resolve().parents[1]
OPTIONS = ("-x", "-q", "-p", "no:cacheprovider", "--timeout=100", "--hypothesis-seed=0")


class StaleTableError(ValueError):
    """A mutation does not match its file, or its tests fail without a mutation."""


def main(words: list[str]) -> int:
    """Run the mutations that `words` select (default: all). Returns the number of survivors, at most 1."""
    selected = [m for m in MUTATIONS if not words or any(word in m.name for word in words)]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        copy_tracked(copy)
        for mutation in selected:
            apply_mutation(mutation, copy)
        if failed := first_failure(copy, sorted({name for m in selected for name in m.files})):
            raise StaleTableError(f"{failed} fails without any mutation; repair it first")
        sys.stdout.write("| # | mutation | file | result | first failing test |\n|---|---|---|---|---|\n")
        survivors = 0
        for number, mutation in enumerate(selected, start=1):
            failed = find_failure(mutation, copy)
            survivors += failed is None
            result = f"killed | `{failed}`" if failed else f"**survived** | {mutation.tests}"
            sys.stdout.write(f"| {number} | {mutation.name} | `{mutation.file}` | {result} |\n")
            sys.stdout.flush()
    sys.stdout.write(f"\n{len(selected) - survivors} of {len(selected)} killed.\n")
    return min(survivors, 1)


def copy_tracked(copy: Path) -> None:
    """Copy tracked and new files with their modification times, so that compiled files remain valid."""
    listed = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = subprocess.run(listed, cwd=REPOSITORY, capture_output=True, check=True).stdout.decode()
    for name in filter(None, names.split("\0")):
        if (REPOSITORY / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, copy / name)


def apply_mutation(mutation: Mutation, copy: Path) -> str:
    """The text of the file with the mutation. Raises StaleTableError unless the old text occurs exactly once."""
    text = (copy / mutation.file).read_text()
    if (count := text.count(mutation.old)) != 1:
        raise StaleTableError(f"{mutation.name}: {mutation.file} has {mutation.old!r} {count} times")
    return text.replace(mutation.old, mutation.new)


def find_failure(mutation: Mutation, copy: Path) -> str | None:
    """The first test that fails under the mutation, or None; restores the copy."""
    path = copy / mutation.file
    text, before = path.read_text(), path.stat()
    path.write_text(apply_mutation(mutation, copy))
    try:
        return first_failure(copy, mutation.files, compiled=False)
    finally:
        path.write_text(text)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def first_failure(copy: Path, tests: list[str], *, compiled: bool = True) -> str | None:
    """The first failing test; None if all pass. Raises StaleTableError if they cannot be collected.

    `compiled`: whether Python may write bytecode.
    """
    env = os.environ | {"PYTHONPATH": str(copy)} | ({} if compiled else {"PYTHONDONTWRITEBYTECODE": "1"})
    command = [sys.executable, "-m", "pytest", *OPTIONS, *tests]
    done = subprocess.run(command, cwd=copy, env=env, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    failed = re.search(r"^(?:FAILED|ERROR) \S*/(\w+\.py::.+?)(?: - .*)?$", done.stdout, re.MULTILINE)
    if done.returncode != 1 or failed is None:
        raise StaleTableError(done.stdout[-2000:] + done.stderr)
    return failed[1]


MUTATIONS = (
    *NETWORK,
    *LEARNING,
    *PROTOCOL,
    *(Mutation(*row) for row in (*SELECTION, *DYNAMICS)),
    *PLANNER,
    *REPORTS,
)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
