"""Who may ask the dashboard: programs on its own origin, and elsewhere than on this machine those who hold the token.

The dashboard starts programs, so a page from elsewhere that a browser has open must not reach it: neither by a
name that an attacker points at 127.0.0.1 (the Host header is checked: DNS rebinding) nor by sending forms (the
Origin header is checked: cross-site requests).
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
    """The checks of every request. `policy` is the content security policy of pages without one of their own."""

    address: Address
    policy: str

    def guard(self, server: Flask) -> None:
        """Check whatever is asked of `server` from now on, assets and callbacks included."""
        server.before_request(self.check)
        server.after_request(self.seal)

    def check(self) -> AnyResponse | None:
        """None where the request may pass, a redirection where it brings the token; aborts with 403 or 401 else."""
        if not is_own_host(request.host, self.address):
            abort(403, f"this dashboard is not called {request.host}; open the address that it printed")
        if request.method not in ("GET", "HEAD") and not is_own_origin(request.headers.get("Origin")):
            abort(403, "a request from another site; open the address that the dashboard printed")
        return None if self.address.token is None else self._asked_for_token(self.address.token)

    def _asked_for_token(self, token: str) -> AnyResponse | None:
        shown = request.args.get("token")
        if shown is not None and _same(shown, token):
            return _remembered(token)
        remembered = _same(request.cookies.get(COOKIE, ""), token)
        if not remembered and not _same(request.headers.get("Authorization", ""), f"Bearer {token}"):
            abort(401, "this dashboard wants its token; open the address that it printed, with ?token=...")
        return None

    def seal(self, response: Response) -> Response:
        """Nothing may be loaded from elsewhere, and nobody may frame the dashboard."""
        headers = response.headers
        headers.setdefault("Content-Security-Policy", self.policy)
        headers["X-Content-Type-Options"] = "nosniff"
        headers["X-Frame-Options"] = "DENY"
        headers["Referrer-Policy"] = "same-origin"
        headers["Cross-Origin-Opener-Policy"] = "same-origin"
        headers["Cross-Origin-Resource-Policy"] = "same-origin"
        return response


def is_own_host(host: str, address: Address) -> bool:
    """Whether a Host header can be this server's: a number, as no foreign name resolves to it, or a name it has."""
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        if name in {"localhost", address.host.lower(), socket.gethostname().lower()}:
            return True
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_own_origin(origin: str | None) -> bool:
    """Whether the request comes from a page of this server, or from no page at all."""
    return origin is None or origin == request.host_url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether this machine alone can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def _remembered(token: str) -> AnyResponse:
    """The same page without the token in its address, which a cookie keeps from now on."""
    answer = redirect(request.path)
    answer.set_cookie(COOKIE, token, httponly=True, samesite="Strict")
    return answer


def new_token() -> str:
    """A secret that nobody guesses."""
    return secrets.token_urlsafe(24)
