"""Access control: host names, origins, tokens and security headers."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("dash", reason="the dashboard needs the extra `dashboard`")

from netsim.dashboard.access import COOKIE, is_loopback, is_own_host, new_token
from netsim.dashboard.address import Address
from netsim.dashboard.app import make_app
from netsim.dashboard.state import DashboardState

SECRET = "a-secret-of-some-length"
CALLBACK = {
    "output": "nav.children",
    "outputs": {"id": "nav", "property": "children"},
    "inputs": [{"id": "url", "property": "pathname", "value": "/"}],
    "changedPropIds": ["url.pathname"],
}


@pytest.fixture
def client(state: DashboardState) -> Any:
    return make_app(state, Address()).server.test_client()


@pytest.fixture
def locked(state: DashboardState) -> Any:
    return make_app(state, Address("0.0.0.0", token=SECRET)).server.test_client()


def test_requests_from_this_machine_are_accepted(client: Any) -> None:
    assert client.get("/").status_code == 200
    assert client.post("/_dash-update-component", json=CALLBACK).status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/netsim/page.js", "/_dash-layout", "/report/quickstart/0123456789abcdef"]
)
def test_a_foreign_host_name_is_rejected(client: Any, path: str) -> None:
    assert client.get(path, headers={"Host": "evil.example:8050"}).status_code == 403


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:9999", "https://127.0.0.1"]
)
def test_callbacks_from_another_origin_are_rejected(client: Any, origin: str) -> None:
    response = client.post("/_dash-update-component", json=CALLBACK, headers={"Origin": origin})
    assert response.status_code == 403


def test_callbacks_from_the_dashboard_s_own_pages_are_accepted(client: Any) -> None:
    headers = {"Host": "127.0.0.1:8050", "Origin": "http://127.0.0.1:8050"}
    assert client.post("/_dash-update-component", json=CALLBACK, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/_dash-layout",
        "/_dash-dependencies",
        "/assets/report_view.js",
        "/netsim/page.css",
        "/?token=wrong",
    ],
)
def test_without_the_token_every_address_is_rejected(locked: Any, path: str) -> None:
    assert locked.get(path).status_code == 401


def test_without_the_token_callbacks_are_rejected(locked: Any) -> None:
    assert locked.post("/_dash-update-component", json=CALLBACK).status_code == 401
    bearer = {"Authorization": f"Bearer {SECRET}"}
    assert locked.post("/_dash-update-component", json=CALLBACK, headers=bearer).status_code == 200


def test_the_token_of_the_address_is_stored_in_a_strict_cookie(locked: Any) -> None:
    response = locked.get(f"/?token={SECRET}")
    assert (response.status_code, response.headers["Location"]) == (302, "/")
    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}={SECRET};")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert locked.get("/").status_code == 200


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1:8050", True),
        ("localhost", True),
        ("[::1]:8050", True),
        ("192.168.7.5:8050", True),
        ("lab.example", True),
        ("LAB.example.:80", True),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("", False),
        ("[", False),
        ("[::1", False),
    ],
)
def test_host_names_of_this_server(host: str, expected: bool) -> None:
    assert is_own_host(host, Address("lab.example")) is expected


@pytest.mark.parametrize(
    ("host", "expected"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False)]
)
def test_loopback_addresses(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


def test_pages_forbid_external_resources_and_framing(client: Any) -> None:
    headers = client.get("/").headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    assert "script-src 'self' 'sha256-" in policy
    assert (headers["X-Frame-Options"], headers["X-Content-Type-Options"]) == ("DENY", "nosniff")


def test_tokens_are_long_and_unique() -> None:
    assert len({new_token() for _ in range(100)}) == 100
    assert len(new_token()) >= 32
