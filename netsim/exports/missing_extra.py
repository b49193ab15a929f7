"""The error for a missing optional library."""

from __future__ import annotations


class MissingExtraError(Exception):
    """An optional library is not installed; the message contains the pip command that installs it."""

    def __init__(self, feature: str, library: str, extra: str) -> None:
        super().__init__(
            f"{feature} requires {library}; install it in netsim's folder with: pip install -e '.[{extra}]'"
        )
