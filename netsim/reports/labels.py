"""Names that others chose, as plotly may draw them: to the letter, and short where they stand beside an axis."""

from __future__ import annotations

from collections.abc import Sequence

LONGEST = 32
"""Characters beside an axis; more push the plot off its own paper."""


def as_written(text: str) -> str:
    """A label as plotly shows it to the letter: it reads tags, and `%{...}` in templates."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("%{", "% {")


def ticks(labels: Sequence[str]) -> list[str]:
    """Short labels for an axis, each different from the others as the given ones are."""
    cut = [label if len(label) <= LONGEST else f"{label[: LONGEST - 1]}…" for label in labels]
    told = [f"{text} ({k})" if cut.count(text) > 1 else text for k, text in enumerate(cut, 1)]
    return [as_written(text) for text in told]


def lines(labels: Sequence[str]) -> list[str]:
    """As `ticks`, but long labels go over lines, broken after commas, before anything of them is cut."""
    told = [_broken(label) for label in labels]
    return told if len(set(told)) == len(set(labels)) else ticks(labels)


def _broken(label: str) -> str:
    found = [""]
    for part in label.split(", "):
        joined = f"{found[-1]}, {part}" if found[-1] else part
        if len(joined) <= LONGEST or not found[-1]:
            found[-1] = joined
        else:
            found[-1] += ","
            found.append(part)
    return "<br>".join(
        as_written(text if len(text) <= LONGEST + 1 else f"{text[: LONGEST - 1]}…") for text in found
    )
