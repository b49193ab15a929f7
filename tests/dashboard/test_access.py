"""Who the dashboard answers: itself on this machine, holders of the token elsewhere, no page of another site."""

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
def client(desk: DashboardState) -> Any:
    return make_app(desk, Address()).server.test_client()


@pytest.fixture
def locked(desk: DashboardState) -> Any:
    return make_app(desk, Address("0.0.0.0", token=SECRET)).server.test_client()


def test_this_machine_is_answered(client: Any) -> None:
    assert client.get("/").status_code == 200
    assert client.post("/_dash-update-component", json=CALLBACK).status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/netsim/page.js", "/_dash-layout", "/report/quickstart/0123456789abcdef"]
)
def test_a_foreign_name_for_this_machine_is_refused(client: Any, path: str) -> None:
    assert client.get(path, headers={"Host": "evil.example:8050"}).status_code == 403


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:9999", "https://127.0.0.1"]
)
def test_callbacks_asked_for_by_another_site_are_refused(client: Any, origin: str) -> None:
    answer = client.post("/_dash-update-component", json=CALLBACK, headers={"Origin": origin})
    assert answer.status_code == 403


def test_callbacks_of_its_own_pages_are_answered(client: Any) -> None:
    headers = {"Host": "127.0.0.1:8050", "Origin": "http://127.0.0.1:8050"}
    assert client.post("/_dash-update-component", json=CALLBACK, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/", "/_dash-layout", "/_dash-dependencies", "/assets/stage.js", "/netsim/page.css", "/?token=wrong"],
)
def test_without_the_token_nothing_is_told(locked: Any, path: str) -> None:
    assert locked.get(path).status_code == 401


def test_without_the_token_no_callback_runs(locked: Any) -> None:
    assert locked.post("/_dash-update-component", json=CALLBACK).status_code == 401
    bearer = {"Authorization": f"Bearer {SECRET}"}
    assert locked.post("/_dash-update-component", json=CALLBACK, headers=bearer).status_code == 200


def test_the_token_moves_from_the_address_into_a_cookie_that_no_other_site_sends(locked: Any) -> None:
    answer = locked.get(f"/?token={SECRET}")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}={SECRET};")
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert locked.get("/").status_code == 200


@pytest.mark.parametrize(
    ("host", "own"),
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
def test_names_of_this_server(host: str, own: bool) -> None:
    assert is_own_host(host, Address("lab.example")) is own


@pytest.mark.parametrize(
    ("host", "only"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False)]
)
def test_what_this_machine_alone_can_reach(host: str, only: bool) -> None:
    assert is_loopback(host) is only


def test_pages_may_load_nothing_from_elsewhere_and_stand_in_no_frame(client: Any) -> None:
    headers = client.get("/").headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    assert "script-src 'self' 'sha256-" in policy
    assert (headers["X-Frame-Options"], headers["X-Content-Type-Options"]) == ("DENY", "nosniff")


def test_tokens_are_long_and_new() -> None:
    assert len({new_token() for _ in range(100)}) == 100
    assert len(new_token()) >= 32
