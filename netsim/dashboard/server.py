"""The process behind the dashboard: it listens, and when it ends it stops what it has started."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from werkzeug.serving import WSGIRequestHandler, make_server

from netsim.dashboard.address import Address, DashboardError
from netsim.dashboard.app import make_app
from netsim.dashboard.jobs import Jobs
from netsim.dashboard.state import DashboardState


class Quiet(WSGIRequestHandler):
    """Tells nobody of every request."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing."""


def serve(folder: Path, address: Address, ready: Callable[[str], None], ended: Callable[[int], None]) -> None:
    """Answer until interrupted or terminated; `ready` is told the address to open, `ended` how many runs were stopped.

    Raises DashboardError where the address cannot be had.
    """
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    jobs = Jobs(folder)
    app = make_app(DashboardState(folder, jobs), address)
    try:
        server = make_server(address.host, address.port, app.server, threaded=True, request_handler=Quiet)
    except (OSError, SystemExit) as error:
        raise DashboardError(
            f"{address.host}:{address.port} cannot be listened at ({error}); name another --port (0: any free one)"
        ) from None
    _interruptible()
    ready(opened_at(address, server.port))
    try:
        server.serve_forever()  # returns once it is interrupted
    finally:
        server.server_close()
        ended(jobs.stop())


def opened_at(address: Address, port: int) -> str:
    """The address to open, with the token if there is one."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(address.host, address.host)
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    asked = "" if address.token is None else f"?token={address.token}"
    return f"http://{host}:{port}/{asked}"


def _interruptible() -> None:
    """Ctrl-C and a polite kill both end the server; programs started from here inherit that they can be interrupted."""
    signal.signal(signal.SIGINT, _interrupted)
    signal.signal(signal.SIGTERM, _interrupted)


def _interrupted(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
