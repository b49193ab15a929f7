"""The server process of the dashboard; it interrupts the runs that it started when it ends."""

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


class QuietRequestHandler(WSGIRequestHandler):
    """A request handler without a log of requests."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing."""


def serve(folder: Path, address: Address, ready: Callable[[str], None], ended: Callable[[int], None]) -> None:
    """Serve until interrupted or terminated.

    `ready` is called with the address to open, `ended` with the number of runs that were interrupted. Raises
    DashboardError if the address is not available.
    """
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    jobs = Jobs(folder)
    app = make_app(DashboardState(folder, jobs), address)
    try:
        server = make_server(
            address.host, address.port, app.server, threaded=True, request_handler=QuietRequestHandler
        )
    except (OSError, SystemExit) as error:
        raise DashboardError(
            f"{address.host}:{address.port} is not available ({error}); choose another --port (0: any free one)"
        ) from None
    _install_signal_handlers()
    ready(address_url(address, server.port))
    try:
        server.serve_forever()  # returns on an interruption
    finally:
        server.server_close()
        ended(jobs.stop())


def address_url(address: Address, port: int) -> str:
    """The URL to open, with the token if there is one."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(address.host, address.host)
    if ":" in host and not host.startswith("["):
        host = f"[{host}]"
    query = "" if address.token is None else f"?token={address.token}"
    return f"http://{host}:{port}/{query}"


def _install_signal_handlers() -> None:
    """Let SIGINT and SIGTERM end the server; child processes inherit handlers that can be interrupted."""
    signal.signal(signal.SIGINT, _raise_interrupt)
    signal.signal(signal.SIGTERM, _raise_interrupt)


def _raise_interrupt(_number: int, _stack: FrameType | None) -> None:
    raise KeyboardInterrupt
