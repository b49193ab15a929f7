"""References: citation keys that parts name, and the BibTeX entries of `references.bib`.

A part names its references in a class attribute, a mapping of citation keys to conditions:

    citations: ClassVar[Mapping[str, str]] = {"alistarh2016qsgd": "", "duda2013ans": "code=entropy"}

The condition is empty (always), `field` (cited if the field is set) or `field=value` (cited if the field has this
value). A key without an entry in `references.bib`, such as `arXiv:2012.34567` in a user's own part, is printed as it
is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel


@dataclass(frozen=True)
class BibEntry:
    """A BibTeX entry; `label` is how pages and lists show it, such as `arXiv:2505.08145` or `TR 38.901`."""

    key: str
    text: str
    label: str


@cache
def entries() -> Mapping[str, BibEntry]:
    """Return all entries of `references.bib` by key, in their order, without the field `label`."""
    content = Path(__file__).with_name("references.bib").read_text(encoding="utf-8")
    found = [_parse_entry(block) for block in re.findall(r"^@.*?^}$", content, re.MULTILINE | re.DOTALL)]
    return {entry.key: entry for entry in found}


def citation_keys(part: object) -> list[str]:
    """Return the keys that a part cites: a class with all its options, an instance with its chosen options."""
    citations: Mapping[str, str] = getattr(part, "citations", {})
    if isinstance(part, type):
        return list(citations)
    return [key for key, condition in citations.items() if _holds(part, condition)]


def label_of(key: str) -> str:
    """Return how a key is shown: the label of its entry, or the key itself without an entry."""
    entry = entries().get(key)
    return key if entry is None else entry.label


def entry_of(label: str) -> BibEntry | None:
    """Return the entry with this label or key; None if there is none."""
    known = entries()
    return known.get(label) or next((entry for entry in known.values() if entry.label == label), None)


def title_of(entry: BibEntry) -> str:
    """Return title and year of an entry, without BibTeX's braces."""
    values = dict(re.findall(r"^  (\w+) = {(.+)},$", entry.text, re.MULTILINE))
    year = f" ({values['year']})" if "year" in values else ""
    return re.sub(r"[{}\\]", "", values.get("title", "")) + year


def parts_in(value: Any) -> Iterator[Any]:
    """Yield all parts in a scenario, or below any other value, in the order in which they are written."""
    if isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from parts_in(getattr(value, name))
    elif is_dataclass(value) and not isinstance(value, type):
        yield value
        for field in fields(value):
            yield from parts_in(getattr(value, field.name))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from parts_in(item)


def _holds(part: object, condition: str) -> bool:
    if not condition:
        return True
    name, equals, wanted = condition.partition("=")
    value = getattr(part, name)
    return str(value) == wanted if equals else value not in (None, False)


def _parse_entry(block: str) -> BibEntry:
    key = re.match(r"@\w+{(.+),", block)
    label = re.search(r"^  label = {(.+)},\n", block, re.MULTILINE)
    if key is None or label is None:
        raise ValueError(f"an entry of references.bib needs a key and the field label, got {block}")
    return BibEntry(key[1], block.replace(label[0], ""), label[1])
