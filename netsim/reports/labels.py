"""Labels of axes and legends: escaped for plotly, shortened, and distinct after shortening."""

from __future__ import annotations

from collections.abc import Sequence

MAX_LABEL_LENGTH = 32
"""Characters of a line beside an axis; longer lines would leave no room for the plot."""


def escape_plotly_text(text: str) -> str:
    """Escape what plotly would interpret: HTML tags, and `%{...}` in hover templates."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("%{", "% {")


def tick_labels(labels: Sequence[str]) -> list[str]:
    """Labels of one line for an axis, truncated to `MAX_LABEL_LENGTH`; equal ones get a number in brackets."""
    cut = [label if len(label) <= MAX_LABEL_LENGTH else _truncate(label) for label in labels]
    unique = [f"{text} ({k})" if cut.count(text) > 1 else text for k, text in enumerate(cut, 1)]
    return [escape_plotly_text(text) for text in unique]


def multiline_labels(labels: Sequence[str]) -> list[str]:
    """As `tick_labels`, but long labels are first broken into lines after commas."""
    broken = [_break_lines(label) for label in labels]
    return broken if len(set(broken)) == len(set(labels)) else tick_labels(labels)


def _break_lines(label: str) -> str:
    lines = [""]
    for part in label.split(", "):
        joined = f"{lines[-1]}, {part}" if lines[-1] else part
        if len(joined) <= MAX_LABEL_LENGTH or not lines[-1]:
            lines[-1] = joined
        else:
            lines[-1] += ","
            lines.append(part)
    return "<br>".join(
        escape_plotly_text(line if len(line) <= MAX_LABEL_LENGTH + 1 else _truncate(line)) for line in lines
    )


def _truncate(text: str) -> str:
    return f"{text[: MAX_LABEL_LENGTH - 1]}…"
