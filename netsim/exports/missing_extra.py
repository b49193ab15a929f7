"""What is said when an export needs a library that an extra installs."""

from __future__ import annotations


class MissingExtraError(Exception):
    """A library is not installed; names the pip command that installs it."""

    def __init__(self, wanted: str, library: str, extra: str) -> None:
        super().__init__(
            f"{wanted} needs {library}; install it in netsim's folder with: pip install -e '.[{extra}]'"
        )
