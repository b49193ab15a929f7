"""The command line as a program: one of four exit codes, and gone."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from netsim.cli import commands_inspect, commands_run  # noqa: F401  # registers their commands
from netsim.cli.app import app
from netsim.cli.error_handling import INTERRUPTED
from netsim.cli.signals import heed, interrupted


def main() -> NoReturn:
    """Entry point: exit 0 fine, 1 your input (usage errors too), 3 our bug, 130 interrupted."""
    heed()
    if "" not in sys.path:
        sys.path.append(os.getcwd())  # so that `my_codecs:Turbo` is found where the user stands
    try:
        app()
    except SystemExit as end:
        if end.code == INTERRUPTED or (end.code and interrupted()):
            _leave_at_once(INTERRUPTED)
        sys.exit(1 if end.code == 2 else end.code)
    except KeyboardInterrupt:
        _leave_at_once(INTERRUPTED)
    sys.exit(0)


def _leave_at_once(code: int) -> NoReturn:
    """Exit with this very code: where an interruption met `exec`, CPython would die by the signal instead."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
