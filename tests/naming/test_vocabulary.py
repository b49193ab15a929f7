"""Vocabulary: no identifier, file name or heading uses the retired private words."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

RETIRED = [
    "Talk",
    "Hall",
    "Teller",
    "tell",
    "told",
    "Posts",
    "Posted",
    "speak",
    "reply",
    "Heard",
    "heard",
    "said",
    "Letter",
    "Roster",
    "below",
    "away",
    "mass",
    "Paces",
    "Copies",
    "Waiting",
    "converse",
    "put_down",
    "dismiss",
    "begun",
    "through",
    "Watchman",
    "luck",
    "coins",
    "books",
    "close_books",
    "Scene",
    "Sight",
    "seen",
    "Forming",
    "Relinking",
    "Changes",
    "disturbed",
    "disturbing",
    "strangers",
    "foreign",
    "showing",
    "laws",
    "crews",
    "Crew",
    "Alone",
    "stages",
    "doing",
    "looking",
    "frame",
    "guard",
    "desk",
    "gate",
    "befallen",
    "lives",
    "stays",
    "family",
    "human",
    "spoken",
    "naming",
    "questions",
    "fronts",
    "reaching",
    "swept",
    "knowledge",
    "reasons",
    "pricing",
    "landscape",
    "measured",
    "Workshop",
    "Ground",
    "free",
    "unhurried",
    "forgiving",
    "lenient",
    "majorant",
    "rung",
    "ladder",
    "shelf",
    "wiring",
    "driving",
    "cadence",
    "footprint",
    "collecting",
    "roster",
    "telling",
    "posts",
    "talks",
    "paces",
    "telling",
    "attendance",
]
"""Words of the former code base that no name may consist of; longer names may contain them (`local_steps_told` may not)."""


def names(path: Path) -> Iterator[str]:
    """Names of classes, functions, arguments, variables and attributes that a file defines."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr
        elif isinstance(node, ast.alias) and node.asname:
            yield node.asname


SOURCES = sorted(path for room in ("netsim", "learning") for path in (REPOSITORY / room).rglob("*.py"))


@pytest.mark.parametrize("room", ["netsim", "learning"])
def test_no_identifier_is_a_retired_word(room: str) -> None:
    retired = set(RETIRED)
    used = {
        f"{path.relative_to(REPOSITORY)}: {name}"
        for path in SOURCES
        if path.is_relative_to(REPOSITORY / room)
        for name in names(path)
        if name.lstrip("_") in retired
    }
    assert sorted(used) == []
