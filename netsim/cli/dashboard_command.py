"""`netsim dashboard`: a folder of results in a browser."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

from netsim.cli.error_handling import INTERRUPTED, InputError

LEAST_SECRET = 16
"""Characters of a token."""
NEW = "new"


def dashboard_command(folder: Path, host: str, port: int, token: str | None) -> int:
    """Serve until interrupted. Raises MissingExtraError without Dash, InputError for an address that is not safe."""
    from netsim.exports.missing_extra import MissingExtraError

    if find_spec("dash") is None:
        raise MissingExtraError("the dashboard", "dash", "dashboard")
    from netsim.dashboard import Address
    from netsim.dashboard.access import is_loopback, new_token
    from netsim.dashboard.server import serve

    if token is None and not is_loopback(host):
        raise InputError(
            f"--host {host}: others could start programs here; add --token new, which makes a secret that they need"
        )
    if token is not None and token != NEW and len(token) < LEAST_SECRET:
        raise InputError(
            f"--token must have at least {LEAST_SECRET} characters, got {len(token)}; --token new makes one"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} is no folder that can be used: {error.strerror}; name another") from None
    address = Address(host, port, new_token() if token == NEW else token)
    serve(folder, address, _ready, _ended)
    return INTERRUPTED


def _ready(url: str) -> None:
    sys.stdout.write(f"dashboard: {url}\nCtrl-C ends it\n")
    sys.stdout.flush()


def _ended(stopped: int) -> None:
    if stopped:
        runs = "1 run" if stopped == 1 else f"{stopped} runs"
        sys.stderr.write(
            f"netsim: interrupted {runs} started here; launched again, they go on from what they kept\n"
        )
