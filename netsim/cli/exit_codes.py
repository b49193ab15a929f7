"""Exit codes from exceptions: one message for invalid input, a traceback for defects of netsim."""

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
    """Invalid input of the user; the text states problem and remedy."""


def exit_code(command: Callable[[], int]) -> int:
    """Run a command; return its exit code, 1 for invalid input, 3 for a defect of netsim, 130 if interrupted."""
    try:
        code = command()
        sys.stdout.flush()  # so that a write error is raised here
        return code
    except KeyboardInterrupt:
        return _interrupted()
    except BrokenPipeError:
        return 0
    except Exception as error:
        if interrupted():
            return _interrupted()
        if _is_input_error(error):
            _print_error(str(error))
            return 1
        if isinstance(error, OSError) and error.errno in DISK_ERRORS:
            _print_error(
                f"cannot write: {error.strerror}{f': {error.filename}' if error.filename else ''}; free space"
            )
            _discard_output()
            return 1
        if _is_memory_error(error):
            _print_error(f"not enough memory ({_first_line(error)}); {MEMORY_REMEDY}")
            return 1
        traceback.print_exc(file=sys.stderr)
        _print_error("this is a bug in netsim, not in your scenario: please report the lines above")
        return 3


def _interrupted() -> int:
    _print_error("interrupted; run the same command again to continue from what was saved")
    return INTERRUPTED


def _is_input_error(error: Exception) -> bool:
    """Return whether the error is of a class for invalid input; a plain ValueError is a defect."""
    return any(
        cls.__name__ in USER_ERRORS and cls.__module__.split(".")[0] in {"netsim", "learning"}
        for cls in type(error).__mro__
    )


def _discard_output() -> None:
    """Discard unwritten output, which Python would try to write at its end and then change the exit code."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _is_memory_error(error: Exception) -> bool:
    """Return whether Python, numpy or torch failed to allocate memory."""
    text = str(error).lower()
    return isinstance(error, MemoryError) or (
        isinstance(error, RuntimeError) and any(words in text for words in MEMORY_MESSAGES)
    )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


MEMORY_REMEDY = "take a smaller model, batch_size or tree, or free some"
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
"""Errors of a disk that is full or read-only."""
MEMORY_MESSAGES = ("can't allocate memory", "out of memory", "not enough memory")

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


def _print_error(text: str) -> None:
    sys.stderr.write(f"netsim: {text}\n" if "\n" not in text else f"{text}\n")
