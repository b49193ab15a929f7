"""A mutation of the source and the tests that must detect it."""

from __future__ import annotations

from typing import NamedTuple


class Mutation(NamedTuple):
    """Replaces `old`, which occurs exactly once in `file`, by `new`; one of `tests` (below tests/) must fail."""

    name: str
    file: str
    old: str
    new: str
    tests: str

    @property
    def files(self) -> list[str]:
        """Paths of the tests from the repository's root."""
        return [f"tests/{part}.py" for part in self.tests.split()]
