"""Entry point of the command line; it ends with one of four exit codes."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from netsim.cli import commands_inspect, commands_run  # noqa: F401  # registers their commands
from netsim.cli.app import app
from netsim.cli.exit_codes import INTERRUPTED
from netsim.cli.signals import install_handlers, interrupted


def main() -> NoReturn:
    """Run the application; exit codes: 0 success, 1 invalid input or usage, 3 defect of netsim, 130 interrupted."""
    install_handlers()
    if "" not in sys.path:
        sys.path.append(os.getcwd())  # so that `my_codecs:Turbo` is found in the working folder
    try:
        app()
    except SystemExit as end:
        if end.code == INTERRUPTED or (end.code and interrupted()):
            _exit_immediately(INTERRUPTED)
        sys.exit(1 if end.code == 2 else end.code)
    except KeyboardInterrupt:
        _exit_immediately(INTERRUPTED)
    sys.exit(0)


def _exit_immediately(code: int) -> NoReturn:
    """Exit with this code; after an interrupt within `exec`, CPython would otherwise end by the signal."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
