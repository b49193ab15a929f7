"""Runs the command line in this process, without the start-up time of a new interpreter."""

from __future__ import annotations

import importlib
import io
import signal
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest


def netsim(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run `netsim ARGUMENTS` in `cwd` and return its output and exit code; restores the state of this process.

    Uses the entry point of `python -m netsim`. Tests of the process itself (signals, file limits, killed workers) start
    a process instead.
    """
    from netsim.cli import main

    stdout, stderr, code = io.StringIO(), io.StringIO(), 0
    modules, handlers = set(sys.modules), [(kind, signal.getsignal(kind)) for kind in SIGNALS]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(cwd)
        patch.setattr(sys, "argv", ["netsim", *arguments])
        patch.setattr(sys, "path", [*sys.path])
        for name, value in environment.items():
            patch.setenv(name, value)
        importlib.invalidate_caches()
        try:
            with redirect_stdout(stdout), redirect_stderr(stderr):
                main()
        except SystemExit as exit_:
            code = int(exit_.code or 0)
        finally:
            for kind, handler in handlers:
                signal.signal(kind, handler)
            for name in set(sys.modules) - modules:
                if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(cwd)):
                    del sys.modules[name]
    return subprocess.CompletedProcess(["netsim", *arguments], code, stdout.getvalue(), stderr.getvalue())


SIGNALS = (signal.SIGINT, signal.SIGTERM)
