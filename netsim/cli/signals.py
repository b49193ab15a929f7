"""SIGINT and SIGTERM: both ask for the same, a clean end with exit code 130, whatever is going on at the moment."""

from __future__ import annotations

import signal
from types import FrameType

_asked = False


def heed() -> None:
    """From now on both signals raise KeyboardInterrupt in the main thread, and are remembered."""
    for kind in (signal.SIGINT, signal.SIGTERM):
        signal.signal(kind, _note)


def interrupted() -> bool:
    """Whether one of them came: libraries turn an interruption in their middle into errors of their own."""
    return _asked


def _note(number: int, frame: FrameType | None) -> None:
    global _asked
    _asked = True
    raise KeyboardInterrupt
