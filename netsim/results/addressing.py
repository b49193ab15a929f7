"""Whom a downlink is for, as one text: the column `dst` of the messages table."""

from __future__ import annotations

from collections.abc import Iterable

EVERYBODY = "*"
"""All children of the sender."""

_GAP, _WITHIN = " ", "\u00a0"


def addressed(names: Iterable[str]) -> str:
    """Some children by name, joined by spaces; a space within a name becomes a no-break space."""
    return _GAP.join(name.replace(_GAP, _WITHIN) for name in names)


def addressees(dst: str) -> list[str]:
    """The names in a `dst` again."""
    return [name.replace(_WITHIN, _GAP) for name in dst.split(_GAP)]
