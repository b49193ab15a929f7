"""The papers and standards that the parts of a run's scenario cite, by title."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netsim.reports.page_parts import KeyValues, PagePart, Paragraph
from netsim.results.bibliography import entry_of, title_of
from netsim.results.result import Result


def reference_parts(result: Result) -> list[PagePart]:
    """Each reference with its title and the parts that cite it; empty if the manifest records none."""
    references: Mapping[str, Any] = result.manifest.get("references") or {}
    pairs = [
        (f"{key}, cited by {', '.join(map(str, parts))}", _title(key)) for key, parts in references.items()
    ]
    return [Paragraph(_INTRODUCTION), KeyValues(pairs)] if pairs else []


def _title(key: str) -> str:
    entry = entry_of(key)
    return key if entry is None else title_of(entry)


_INTRODUCTION = "References of the scenario's parts. `netsim cite` prints them as BibTeX entries."
