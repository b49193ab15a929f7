"""`netsim dashboard`: serve a folder of results in a browser."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from netsim.cli.exit_codes import INTERRUPTED, InputError

MIN_TOKEN_LENGTH = 16
"""Minimum number of characters of a token."""
NEW = "new"


def dashboard_command(folder: Path, host: str, port: int, token: str | None) -> int:
    """Serve until interrupted. Raises MissingExtraError without Dash, InputError for an unsafe address."""
    from netsim.exports.missing_extra import MissingExtraError

    if find_spec("dash") is None:
        raise MissingExtraError("the dashboard", "dash", "dashboard")
    from netsim.dashboard import Address
    from netsim.dashboard.access import is_loopback, new_token
    from netsim.dashboard.server import serve

    if token is None and not is_loopback(host):
        raise InputError(
            f"--host {host}: other machines could start programs here; add --token new, which creates a secret"
        )
    if token is not None and token != NEW and len(token) < MIN_TOKEN_LENGTH:
        raise InputError(
            f"--token must have at least {MIN_TOKEN_LENGTH} characters, got {len(token)}; --token new makes one"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be used as a folder: {error.strerror}; name another") from None
    address = Address(host, port, new_token() if token == NEW else token)
    serve(folder, address, _print_address, _report_interrupted)
    return INTERRUPTED


def _print_address(url: str) -> None:
    sys.stdout.write(f"dashboard: {url}\nCtrl-C ends it\n")
    sys.stdout.flush()


def _report_interrupted(stopped: int) -> None:
    if stopped:
        runs = "1 run" if stopped == 1 else f"{stopped} runs"
        sys.stderr.write(
            f"netsim: interrupted {runs} started here; started again, they continue from what was saved\n"
        )
