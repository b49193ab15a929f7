"""Sizes and durations given as options."""

from __future__ import annotations

from netsim.cli.error_handling import InputError
from netsim.units import parse


def bytes_of(text: str) -> int:
    """Bytes of a size such as `64 MB`; InputError where it is none."""
    try:
        return int(parse(text, "size") // 8)
    except ValueError as error:
        raise InputError(f"--memory: {error} (or 64 MB)") from None


def seconds_of(text: str, option: str) -> float:
    """Seconds of a duration such as `30 s` or `7 d`; InputError, naming the option, where it is none."""
    try:
        return parse(text, "time")
    except ValueError as error:
        raise InputError(f"{option}: {error}") from None
