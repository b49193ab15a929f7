"""A folder with two finished runs and their ledger, and a dashboard that serves it in a thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from learning.store.ledger import Ledger
from netsim.dashboard.address import Address
from netsim.dashboard.jobs import Jobs
from netsim.dashboard.state import DashboardState
from netsim.results.result import Result
from netsim.scenario import load
from netsim.simulation.run import simulate
from tests.reports.conftest import CHROMIUM, FLAGS, TIMEOUT_MS, OpenedPage

TINY = (
    "sweep={}",
    "topology.fanout=[1, 1, 2]",
    "stop={rounds: 4}",
    "task.model.mlp.hidden=[4]",
    "task.partition=iid",
)


def simulated(out: Path, *overrides: str) -> Result:
    """A tiny run of the quickstart, saved in `out` with its ledger."""
    ledger = Ledger(out / "ledger")
    result = simulate(load("quickstart", [*TINY, *overrides]), ledger=ledger)
    ledger.close()
    result.save(out / result.name / result.digest)
    return result


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A read-only folder of results with the runs of two seeds."""
    out = tmp_path_factory.mktemp("results")
    simulated(out)
    simulated(out, "seed=8")
    return out


@pytest.fixture(scope="session")
def old_run(results: Path) -> Result:
    """The first of the two runs."""
    return next(
        run for run in map(Result.load, results.glob("quickstart/*")) if "\nseed: 7" in run.scenario_text
    )


@pytest.fixture
def state(results: Path) -> DashboardState:
    return DashboardState(results, Jobs(results))


@pytest.fixture
def empty_state(tmp_path: Path) -> Iterator[DashboardState]:
    """The state of a dashboard over an empty folder; its runs are stopped at the end."""
    state = DashboardState(tmp_path, Jobs(tmp_path))
    yield state
    state.jobs.stop()


Serve = Callable[[DashboardState], str]


@pytest.fixture
def served() -> Iterator[Serve]:
    """Serve a dashboard in a thread; returns its address."""
    from werkzeug.serving import make_server

    from netsim.dashboard.app import make_app
    from netsim.dashboard.server import QuietRequestHandler

    servers = []

    def serve(state: DashboardState) -> str:
        app = make_app(state, Address())
        server = make_server("127.0.0.1", 0, app.server, threaded=True, request_handler=QuietRequestHandler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@dataclass
class DashboardBrowser:
    """A dashboard page in a browser with its console messages and the addresses that it requested."""

    page: Any
    home: str
    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        self.page.goto(self.home + path)
        self.page.wait_for_selector("main h1")

    @property
    def external_requests(self) -> list[str]:
        """Requests to other addresses than the dashboard."""
        return [url for url in self.requests if not url.startswith((self.home, "data:", "blob:"))]

    def wait_for(self, plot: str, path: str, expected: Any) -> None:
        """Wait until a path of the plot has the expected value; the plot may be redrawn meanwhile."""
        OpenedPage(self.page).wait_for(plot, path, expected)


OpenDashboard = Callable[..., DashboardBrowser]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if not CHROMIUM.exists():
        pytest.skip(f"no {CHROMIUM}; install Debian's chromium")
    sync_api = pytest.importorskip("playwright.sync_api", reason="the extra `test` installs playwright")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def open_dashboard(browser: Any, served: Serve) -> Iterator[OpenDashboard]:
    contexts = []

    def open_page(
        state: DashboardState, path: str = "/", width: int = 1280, height: int = 800, scheme: str = "light"
    ) -> DashboardBrowser:
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        context.set_default_timeout(TIMEOUT_MS)
        contexts.append(context)
        opened = DashboardBrowser(context.new_page(), served(state))
        opened.page.on("console", lambda message: opened.console.append(message.text))
        opened.page.on("pageerror", lambda error: opened.console.append(str(error)))
        opened.page.on("request", lambda request: opened.requests.append(request.url))
        opened.go(path)
        return opened

    yield open_page
    for context in contexts:
        context.close()
