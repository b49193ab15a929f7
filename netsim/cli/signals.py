"""SIGINT and SIGTERM: both end a command cleanly with exit code 130."""

from __future__ import annotations

import signal
from types import FrameType

_received = False


def install_handlers() -> None:
    """Make both signals raise KeyboardInterrupt in the main thread, and record them."""
    for kind in (signal.SIGINT, signal.SIGTERM):
        signal.signal(kind, _handle)


def interrupted() -> bool:
    """Return whether a signal was received; libraries may turn the interrupt into other errors."""
    return _received


def _handle(number: int, stack_frame: FrameType | None) -> None:
    global _received
    _received = True
    raise KeyboardInterrupt
