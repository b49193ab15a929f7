"""A folder with two finished runs and their ledger, and the dashboard over it: in a thread for browsers."""

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
from tests.reports.conftest import CHROMIUM, FLAGS, PATIENCE_MS, Opened

TINY = (
    "sweep={}",
    "topology.fanout=[1, 1, 2]",
    "stop={rounds: 4}",
    "task.model.mlp.hidden=[4]",
    "task.partition=iid",
)


def ran(out: Path, *overrides: str) -> Result:
    """A tiny run of the quickstart, saved below `out` with what it learned in the ledger there."""
    ledger = Ledger(out / "ledger")
    result = simulate(load("quickstart", [*TINY, *overrides]), ledger=ledger)
    ledger.close()
    result.save(out / result.name / result.digest)
    return result


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of results with the runs of two seeds; nobody writes there."""
    out = tmp_path_factory.mktemp("results")
    ran(out)
    ran(out, "seed=8")
    return out


@pytest.fixture(scope="session")
def old(results: Path) -> Result:
    """The first of the two runs."""
    return next(
        run for run in map(Result.load, results.glob("quickstart/*")) if "\nseed: 7" in run.scenario_text
    )


@pytest.fixture
def desk(results: Path) -> DashboardState:
    return DashboardState(results, Jobs(results))


@pytest.fixture
def own(tmp_path: Path) -> Iterator[DashboardState]:
    """A desk over an empty folder, whose runs are stopped."""
    desk = DashboardState(tmp_path, Jobs(tmp_path))
    yield desk
    desk.jobs.stop()


Serve = Callable[[DashboardState], str]


@pytest.fixture
def served() -> Iterator[Serve]:
    """Serves a desk in a thread and gives its address."""
    from werkzeug.serving import make_server

    from netsim.dashboard.app import make_app
    from netsim.dashboard.server import Quiet

    servers = []

    def serve(desk: DashboardState) -> str:
        app = make_app(desk, Address())
        server = make_server("127.0.0.1", 0, app.server, threaded=True, request_handler=Quiet)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@dataclass
class IterationIndex:
    """A page of the dashboard with what it said and what it asked for."""

    page: Any
    home: str
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def go(self, path: str) -> None:
        self.page.goto(self.home + path)
        self.page.wait_for_selector("main h1")

    @property
    def elsewhere(self) -> list[str]:
        """What was asked of anybody but the dashboard."""
        return [url for url in self.asked if not url.startswith((self.home, "data:", "blob:"))]

    def shows(self, plot: str, path: str, wanted: Any) -> None:
        """Wait until the plot's `_fullLayout...` or `data...` is as wanted; it may be redrawn meanwhile."""
        Opened(self.page).shows(plot, path, wanted)


Visiting = Callable[..., IterationIndex]


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
def iteration(browser: Any, served: Serve) -> Iterator[Visiting]:
    contexts = []

    def visiting(
        desk: DashboardState, path: str = "/", width: int = 1280, height: int = 800, scheme: str = "light"
    ) -> IterationIndex:
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        seen = IterationIndex(context.new_page(), served(desk))
        seen.page.on("console", lambda message: seen.said.append(message.text))
        seen.page.on("pageerror", lambda error: seen.said.append(str(error)))
        seen.page.on("request", lambda request: seen.asked.append(request.url))
        seen.go(path)
        return seen

    yield visiting
    for context in contexts:
        context.close()
