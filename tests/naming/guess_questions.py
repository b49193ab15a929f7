"""Guess test of the file tree: `python -m tests.naming.guess_questions --seed 1 [--count 40] [--answers]`.

Draws functions and classes of netsim/ and learning/ at random and prints each by its signature and the first line of
its docstring. A reader who knows nothing but the folder tree and the file names writes down the file of each one, and
a second guess. The aim is at least 80 % right at the first guess and 95 % within two. `--answers` prints the files.
"""

from __future__ import annotations

import argparse
import ast
import random
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).parents[2]


class Definition(NamedTuple):
    """A function, method or class with its file."""

    file: str
    signature: str
    summary: str


def main(words: Sequence[str] | None = None) -> int:
    """Print the tree and the questions, or the answers."""
    parser = argparse.ArgumentParser(prog="python -m tests.naming.guess_questions")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--answers", action="store_true")
    arguments = parser.parse_args(words)
    drawn = random.Random(arguments.seed).sample(sorted(definitions()), arguments.count)
    if arguments.answers:
        lines = [f"{number}. {one.file}" for number, one in enumerate(drawn, start=1)]
    else:
        lines = [*files(), ""]
        lines += [f"{number}. {one.signature}\n   {one.summary}" for number, one in enumerate(drawn, start=1)]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0


def files() -> list[str]:
    """All source files, as paths from the repository's root."""
    found = (path for package in ("netsim", "learning") for path in (REPOSITORY / package).rglob("*.py"))
    return sorted(str(path.relative_to(REPOSITORY)) for path in found if path.name != "__init__.py")


def definitions() -> Iterator[Definition]:
    """All public functions and classes with a docstring, and the public methods of classes."""
    for file in files():
        for node in ast.parse((REPOSITORY / file).read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                yield from _definition(file, node)


def _definition(file: str, node: ast.FunctionDef | ast.ClassDef) -> Iterator[Definition]:
    summary = (ast.get_docstring(node) or "").partition("\n")[0]
    if not summary:
        return
    if isinstance(node, ast.ClassDef):
        bases = ", ".join(ast.unparse(base) for base in node.bases)
        yield Definition(file, f"class {node.name}({bases})" if bases else f"class {node.name}", summary)
    else:
        returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
        yield Definition(file, f"def {node.name}({ast.unparse(node.args)}){returns}", summary)


if __name__ == "__main__":
    sys.exit(main())
