"""What the parts of a run's scenario refer to: papers and standards by their titles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from netsim.reports.page_parts import Facts, Part, Words
from netsim.results.references import entry_of, title_of
from netsim.results.result import Result


def references(result: Result) -> list[Part]:
    """Each reference with its title and the parts that cite it; nothing for a run that recorded none."""
    found: Mapping[str, Any] = result.manifest.get("references") or {}
    pairs = [(f"{mark}, for {', '.join(map(str, who))}", _title(mark)) for mark, who in found.items()]
    return [Words(_SAYS), Facts(pairs)] if pairs else []


def _title(mark: str) -> str:
    entry = entry_of(mark)
    return mark if entry is None else title_of(entry)


_SAYS = "What its parts refer to; `netsim cite` prints these entries for a bibliography."
