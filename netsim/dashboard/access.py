"""Access control of the dashboard: host name, origin and token of every request.

The dashboard starts programs, so other web sites that are open in the browser must not reach it. The Host header is
checked against DNS rebinding (a foreign name that resolves to 127.0.0.1), the Origin header against cross-site
requests. On other addresses than loopback every request needs the token.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Flask, Response, abort, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from netsim.dashboard.address import Address

COOKIE = "netsim-token"


@dataclass(frozen=True)
class AccessControl:
    """Checks of every request. `policy` is the content security policy of responses without their own."""

    address: Address
    policy: str

    def install(self, server: Flask) -> None:
        """Check every request to `server` from now on, including assets and callbacks."""
        server.before_request(self.check)
        server.after_request(self.add_security_headers)

    def check(self) -> AnyResponse | None:
        """Return None for an accepted request, a redirection if its query has the token; else abort (403, 401)."""
        if not is_own_host(request.host, self.address):
            abort(
                403,
                f"the host name {request.host} is not that of this dashboard; open the address that it printed",
            )
        if request.method not in ("GET", "HEAD") and not is_own_origin(request.headers.get("Origin")):
            abort(403, "requests from another site are rejected; open the address that the dashboard printed")
        return None if self.address.token is None else self._check_token(self.address.token)

    def _check_token(self, token: str) -> AnyResponse | None:
        in_query = request.args.get("token")
        if in_query is not None and _is_equal(in_query, token):
            return _redirect_with_cookie(token)
        has_cookie = _is_equal(request.cookies.get(COOKIE, ""), token)
        if not has_cookie and not _is_equal(request.headers.get("Authorization", ""), f"Bearer {token}"):
            abort(401, "this dashboard requires a token; open the address that it printed, with ?token=...")
        return None

    def add_security_headers(self, response: Response) -> Response:
        """Add headers that forbid external resources and framing by other sites."""
        headers = response.headers
        headers.setdefault("Content-Security-Policy", self.policy)
        headers["X-Content-Type-Options"] = "nosniff"
        headers["X-Frame-Options"] = "DENY"
        headers["Referrer-Policy"] = "same-origin"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        return response


def is_own_host(host: str, address: Address) -> bool:
    """Whether a Host header is that of this server: an IP address, or one of its names."""
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        if name in {"localhost", address.host.lower(), socket.gethostname().lower()}:
            return True
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_own_origin(origin: str | None) -> bool:
    """Whether an Origin header is that of this server, or missing (a request that no page sent)."""
    return origin is None or origin == request.host_url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether an address is reachable from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_equal(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def _redirect_with_cookie(token: str) -> AnyResponse:
    """A redirection to the same page without the token in its address; a cookie stores the token."""
    response = redirect(request.path)
    response.set_cookie(COOKIE, token, httponly=True, samesite="Strict")
    return response


def new_token() -> str:
    """A random token of 192 bits."""
    return secrets.token_urlsafe(24)
