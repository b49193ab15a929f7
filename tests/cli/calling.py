"""The command line called in this process: no interpreter starts, no library is imported again."""

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
    """What `netsim ARGUMENTS` writes and its exit code, as if typed in `cwd`; nothing of it stays behind.

    The same entry point as of `python -m netsim`; a test about the process itself (signals, a limit on files,
    a killed worker) starts one.
    """
    from netsim.cli import main

    told, said, code = io.StringIO(), io.StringIO(), 0
    modules, handlers = set(sys.modules), [(kind, signal.getsignal(kind)) for kind in SIGNALS]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(cwd)
        patch.setattr(sys, "argv", ["netsim", *arguments])
        patch.setattr(sys, "path", [*sys.path])
        for name, value in environment.items():
            patch.setenv(name, value)
        importlib.invalidate_caches()
        try:
            with redirect_stdout(told), redirect_stderr(said):
                main()
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            for kind, handler in handlers:
                signal.signal(kind, handler)
            for name in set(sys.modules) - modules:
                if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(cwd)):
                    del sys.modules[name]
    return subprocess.CompletedProcess(["netsim", *arguments], code, told.getvalue(), said.getvalue())


SIGNALS = (signal.SIGINT, signal.SIGTERM)
