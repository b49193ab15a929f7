"""Parsing of option values: sizes and durations."""

from __future__ import annotations

from netsim.cli.exit_codes import InputError
from netsim.units import parse


def parse_bytes(text: str) -> int:
    """Return the bytes of a size such as `64 MB`. Raises InputError."""
    try:
        return int(parse(text, "size") // 8)
    except ValueError as error:
        raise InputError(f"--memory: {error} (or 64 MB)") from None


def parse_seconds(text: str, option: str) -> float:
    """Return the seconds of a duration such as `30 s` or `7 d`. Raises InputError with the option."""
    try:
        return parse(text, "time")
    except ValueError as error:
        raise InputError(f"{option}: {error}") from None
