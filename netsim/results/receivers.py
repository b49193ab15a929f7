"""Receivers of a downlink as text: the column `dst` of the messages table."""

from __future__ import annotations

from collections.abc import Iterable

ALL_CHILDREN = "*"
"""All children of the sender."""

_GAP, _WITHIN = " ", "\u00a0"


def format_receivers(names: Iterable[str]) -> str:
    """Return names of children joined by spaces; a space within a name becomes a no-break space."""
    return _GAP.join(name.replace(_GAP, _WITHIN) for name in names)


def parse_receivers(dst: str) -> list[str]:
    """Return the names in a `dst`."""
    return [name.replace(_WITHIN, _GAP) for name in dst.split(_GAP)]
