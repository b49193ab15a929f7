"""What the parts cite: their docstrings name papers and standards, `references.bib` says what those are."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

FORMAL = r"arXiv:\d{4}\.\d{4,5}|T[RS] \d\d\.\d{3}"
"""References that are recognised even where `references.bib` does not know them."""


@dataclass(frozen=True)
class Entry:
    """A BibTeX entry and the words by which docstrings cite it."""

    key: str
    text: str
    cited: tuple[str, ...]


@cache
def entries() -> tuple[Entry, ...]:
    """All entries of `references.bib`, in its order, their field `cited` taken out of the text."""
    content = Path(__file__).with_name("references.bib").read_text(encoding="utf-8")
    return tuple(_entry(block) for block in re.findall(r"^@.*?^}$", content, re.MULTILINE | re.DOTALL))


def cited(part: type) -> list[str]:
    """The references in a part's docstring and in its module's, in order, each once."""
    return cited_in(_words(part))


def cited_in(said: str) -> list[str]:
    """The references in a text, in order, each once."""
    marks = [mark for entry in entries() for mark in entry.cited if not re.fullmatch(FORMAL, mark)]
    found = {
        hit.start(): hit[0] for mark in [FORMAL, *map(re.escape, marks)] for hit in re.finditer(mark, said)
    }
    return list(dict.fromkeys(found[at] for at in sorted(found)))


def entry_of(mark: str) -> Entry | None:
    """The entry that is cited by these words; None where there is none."""
    return next((entry for entry in entries() if mark in entry.cited), None)


def title_of(entry: Entry) -> str:
    """Title and year as a reader sees them, without BibTeX's braces."""
    fields = dict(re.findall(r"^  (\w+) = {(.+)},$", entry.text, re.MULTILINE))
    year = f" ({fields['year']})" if "year" in fields else ""
    return re.sub(r"[{}\\]", "", fields.get("title", "")) + year


def parts_in(value: Any) -> Iterator[type]:
    """The classes of all parts in a scenario, or below any other value, in the order in which they are written."""
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from parts_in(getattr(value, name))
    elif is_dataclass(value) and not isinstance(value, type):
        yield type(value)
        for field in fields(value):
            yield from parts_in(getattr(value, field.name))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from parts_in(item)


def _entry(block: str) -> Entry:
    key = re.match(r"@\w+{(.+),", block)
    marks = re.search(r"^  cited = {(.+)},\n", block, re.MULTILINE)
    if key is None or marks is None:
        raise ValueError(f"an entry of references.bib needs a key and the field cited, got {block}")
    return Entry(key[1], block.replace(marks[0], ""), tuple(marks[1].split("; ")))


def _words(part: type) -> str:
    own = inspect.cleandoc(part.__doc__ or "")
    around = getattr(sys.modules.get(part.__module__), "__doc__", None) or ""
    return " ".join(f"{own}\n{around}".split())
