"""From exceptions to exit codes: one clear message for wrong input, a whole traceback only for our bugs."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import traceback
from collections.abc import Callable

from netsim.cli.signals import interrupted

INTERRUPTED = 130


class InputError(Exception):
    """Something the user can put right; its text says what and how."""


def guarded(command: Callable[[], int]) -> int:
    """The command's exit code: its own, 1 for wrong input, 3 for our bug, 130 when interrupted."""
    try:
        code = command()
        sys.stdout.flush()  # what cannot be written shall be said here, not as the program is gone
        return code
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:
        return 0
    except Exception as error:
        if interrupted():
            return _interrupted()
        if _is_input(error):
            _say(str(error))
            return 1
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            _say(
                f"cannot write: {error.strerror}{f': {error.filename}' if error.filename else ''}; free space"
            )
            _drop_output()
            return 1
        if _lacks_memory(error):
            _say(f"not enough memory ({_first_line(error)}); {SMALLER}")
            return 1
        traceback.print_exc(file=sys.stderr)
        _say("this is a bug in netsim, not in your scenario: please report the lines above")
        return 3


def _interrupted() -> int:
    _say("interrupted; the same command goes on from what was kept")
    return INTERRUPTED


def _is_input(error: Exception) -> bool:
    """Only error classes made for users count; a bare ValueError is our bug."""
    return any(
        cls.__name__ in USER_ERRORS and cls.__module__.split(".")[0] in {"netsim", "learning"}
        for cls in type(error).__mro__
    )


def _drop_output() -> None:
    """What could not be written is not tried again as Python ends, which would change the exit code."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _lacks_memory(error: Exception) -> bool:
    """Whether Python, numpy or torch could not have the memory they asked for."""
    said = str(error).lower()
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(words in said for words in NO_MEMORY)
    )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


SMALLER = "take a smaller model, batch_size or tree, or free some"
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
"""Errors of a disk that is full, or that nobody may write to."""
NO_MEMORY = ("can't allocate memory", "out of memory", "not enough memory")

USER_ERRORS = {
    "ChromeError",
    "ClusterError",
    "DashboardError",
    "InputError",
    "LedgerError",
    "MissingExtraError",
    "ScenarioError",
    "TooManyBitsError",
    "TopologyError",
    "UpdateError",
    "DataError",
    "PartError",
    "PlanError",
    "ResultError",
    "ValuesNeededError",
    "BuildError",
}


def _say(text: str) -> None:
    sys.stderr.write(f"netsim: {text}\n" if "\n" not in text else f"{text}\n")
