"""Breaks netsim on purpose, one line at a time, and demands that a test notices: `python tests/mutations.py [WORD ...]`.

Works on a copy of the tracked files. Words choose the mutations whose name holds one of them. Prints a markdown
table; exits with 1 where a mutation survives, refuses a table that no longer fits the sources.
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
from tests.mutants.dynamics import CHANGING
from tests.mutants.learning import LEARNING
from tests.mutants.mutation import Mutation
from tests.mutants.network import NETWORK
from tests.mutants.planner import PLANNING
from tests.mutants.protocol import LOOP
from tests.mutants.reports import PAGES
from tests.mutants.selection import SELECTION

REPOSITORY = Path(__file__).resolve().parents[1]
OPTIONS = ("-x", "-q", "-p", "no:cacheprovider", "--timeout=100", "--hypothesis-seed=0")


class RottenTableError(ValueError):
    """A mutation fits its file no longer, or its tests do not run as they should."""


def main(words: list[str]) -> int:
    """Run the mutations that `words` choose (none: all); the number of survivors, at most 1."""
    chosen = [m for m in MUTATIONS if not words or any(word in m.name for word in words)]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        copy_tracked(copy)
        for mutation in chosen:
            mutated(mutation, copy)
        if red := verdict(copy, sorted({name for m in chosen for name in m.files})):
            raise RottenTableError(f"{red} fails without any mutation; mend it first")
        sys.stdout.write("| # | mutation | file | fate | first failing test |\n|---|---|---|---|---|\n")
        survivors = 0
        for number, mutation in enumerate(chosen, start=1):
            killer = kill(mutation, copy)
            survivors += killer is None
            fate = f"killed | `{killer}`" if killer else f"**survived** | {mutation.tests}"
            sys.stdout.write(f"| {number} | {mutation.name} | `{mutation.file}` | {fate} |\n")
            sys.stdout.flush()
    sys.stdout.write(f"\n{len(chosen) - survivors} of {len(chosen)} killed.\n")
    return min(survivors, 1)


def copy_tracked(copy: Path) -> None:
    """Copy what git tracks, and what it would, with the times of the files: compiled ones stay valid."""
    listed = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = subprocess.run(listed, cwd=REPOSITORY, capture_output=True, check=True).stdout.decode()
    for name in filter(None, names.split("\0")):
        if (REPOSITORY / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, copy / name)


def mutated(mutation: Mutation, copy: Path) -> str:
    """The mutated text. Raises RottenTableError unless the old text is there exactly once."""
    text = (copy / mutation.file).read_text()
    if (count := text.count(mutation.old)) != 1:
        raise RottenTableError(f"{mutation.name}: {mutation.file} has {mutation.old!r} {count} times")
    return text.replace(mutation.old, mutation.new)


def kill(mutation: Mutation, copy: Path) -> str | None:
    """The first test that fails under the mutation; the copy is as before afterwards."""
    path = copy / mutation.file
    text, before = path.read_text(), path.stat()
    path.write_text(mutated(mutation, copy))
    try:
        return verdict(copy, mutation.files, compiled=False)
    finally:
        path.write_text(text)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def verdict(copy: Path, tests: list[str], *, compiled: bool = True) -> str | None:
    """The first failing test; None where all pass. Raises RottenTableError where they cannot even be collected.

    `compiled`: whether Python may leave bytecode behind.
    """
    env = os.environ | {"PYTHONPATH": str(copy)} | ({} if compiled else {"PYTHONDONTWRITEBYTECODE": "1"})
    command = [sys.executable, "-m", "pytest", *OPTIONS, *tests]
    done = subprocess.run(command, cwd=copy, env=env, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return None
    failed = re.search(r"^(?:FAILED|ERROR) \S*/(\w+\.py::.+?)(?: - .*)?$", done.stdout, re.MULTILINE)
    if done.returncode != 1 or failed is None:
        raise RottenTableError(done.stdout[-2000:] + done.stderr)
    return failed[1]


MUTATIONS = (
    *NETWORK,
    *LEARNING,
    *LOOP,
    *(Mutation(*row) for row in (*SELECTION, *CHANGING)),
    *PLANNING,
    *PAGES,
)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
