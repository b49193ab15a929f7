"""Synthetic results: small tables with known numbers; fixtures that open pages in a browser."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from netsim.results.result import Result

MakeResult = Callable[..., Result]


@pytest.fixture
def make_result() -> MakeResult:
    return synthetic


def synthetic(finished: int = 20, depth: int = 3, name: str = "quickstart", **changes: Any) -> Result:
    """`finished` equal rounds of a binary tree; the numbers of a layer are functions of its index."""
    layers = range(1, depth + 1)
    rows = [_round(number, layers) for number in range(finished + 1)]
    stopped = {"name": name, "digest": "4f2a9c01d2e3b4a5", "stopped_by": "rounds", "host_time_s": 12.5}
    tables = {
        "scenario_text": f"name: {name}\nseed: 7\n",
        "rounds": pd.DataFrame(rows),
        "messages": pd.DataFrame(
            [m for k in range(1, finished + 1) for m in _messages(k, layers)], columns=MESSAGES
        ),
        "nodes": pd.DataFrame([n for k in range(1, finished + 1) for n in _nodes(k, depth)], columns=NODES),
        "manifest": stopped | {"versions": {"torch": "2.11"}, "rounds": finished},
    }
    return Result(**{**tables, **changes})


def payload_bits(layer: int, direction: str) -> int:
    return (31_400 if direction == "up" else 250_000) * layer


def senders(layer: int, direction: str) -> int:
    """Messages of a layer per round, four times as many on each lower layer; a broadcast counts as one."""
    return int(4 ** (4 - layer)) * (2 if direction == "up" else 1)


def _round(number: int, layers: range) -> dict[str, Any]:
    row: dict[str, Any] = {
        "round": number,
        "sim_time_s": number * round_s(len(layers)),
        "local_steps": 20 * number,
    }
    row |= {"accuracy": 0.95 - 0.85 * 0.8**number, "loss": 2.3 * 0.85**number}
    for layer in layers:
        for way in ("up", "down"):
            bits = number * senders(layer, way) * payload_bits(layer, way)
            row |= {
                f"bits_{way}_{layer}": bits,
                f"wire_bits_{way}_{layer}": bits + 320 * number * senders(layer, way),
            }
        row |= {
            f"path_down_s_{layer}": bool(number) * 0.05 * layer,
            f"path_up_s_{layer}": bool(number) * 0.2 / layer,
        }
    return row | {"path_compute_s": bool(number) * 0.5}


def round_s(depth: int) -> float:
    return 0.5 + sum(0.05 * layer + 0.2 / layer for layer in range(1, depth + 1))


def _messages(number: int, layers: range) -> list[dict[str, Any]]:
    ways = [(layer, way) for layer in layers for way in ("down", "up")]
    return [
        dict(
            zip(
                MESSAGES,
                (number, layer, way, f"n{i}", "*", 2, bits, bits + 320, 0.01, 1.0, 1.01),
                strict=True,
            )
        )
        for layer, way in ways
        for i in range(senders(layer, way))
        for bits in [payload_bits(layer, way)]
    ]


def _nodes(number: int, depth: int) -> list[dict[str, Any]]:
    rows = []
    for level in range(depth):
        for index in range(2 ** (depth - level)):
            down, up, waiting = 0.05 * (level + 1), 0.2 / (level + 1), 0.02 * index
            busy = round_s(depth) - down - up - waiting
            times = (down, busy if level == 0 else 0.0, busy if level else 0.0, up, waiting)
            rows.append(dict(zip(NODES, (number, f"n{level}.{index}", level, *times), strict=True)))
    return rows


MESSAGES = (
    "round", "layer", "direction", "src", "dst", "receivers",
    "payload_bits", "wire_bits", "airtime_s", "sent_s", "arrived_s",
)  # fmt: skip
NODES = ("round", "node", "level", "downlink_s", "compute_s", "below_s", "uplink_s", "waiting_s")


MakePoints = Callable[..., pd.DataFrame]


@pytest.fixture
def make_points() -> MakePoints:
    return points


def points(
    uplinks: tuple[Any, ...] = ("1 MHz", "5 MHz"),
    taus: tuple[Any, ...] = (1, 5),
    seeds: int = 2,
    rounds: int = 10,
    **columns: Any,
) -> pd.DataFrame:
    """A points table: round k of tau t and seed s has accuracy 1 - 0.8^k - 0.01 s and ends at k t / uplink."""
    rows: list[dict[str, Any]] = []
    for uplink in uplinks:
        speed = float(str(uplink).split()[0])
        for tau in taus:
            for seed in range(seeds):
                point = len(rows) // (rounds + 1)
                for k in range(rounds + 1):
                    row = {
                        "point": point,
                        "cell.uplink": uplink,
                        "algorithm.tau": tau,
                        "seed": seed,
                        "round": k,
                    }
                    row |= {"sim_time_s": k * tau / speed, "accuracy": 1 - 0.8**k - 0.01 * seed * bool(k)}
                    row |= {"loss": 0.9**k, "local_steps": k * tau, "bits": 3000 * k, "bits_up_1": 1000 * k}
                    row |= {"bits_up_2": 500 * k, "bits_down_1": 1500 * k, "energy_j": 2.0 * k}
                    rows.append(row | {"target_accuracy": 0.5, "time_to_accuracy_s": 4 * tau / speed})
    return pd.DataFrame(rows).assign(**columns)


def star() -> Result:
    """One round of a cloud and two devices; the cloud broadcasts at 0.

    d0 receives at 1 s, computes until 3 s, queues for 0.5 s and sends with 1 s of airtime.
    d1 receives at 1 s, computes until 2 s and sends until 3 s. The round ends at 4.5 s.
    """
    messages = [
        (1, 1, "down", "cloud", "*", 2, 800, 900, 1.0, 0.0, 1.0, True),
        (1, 1, "up", "d1", "cloud", 1, 100, 120, 1.0, 2.0, 3.0, True),
        (1, 1, "up", "d0", "cloud", 1, 100, 120, 1.0, 3.0, 4.5, True),
    ]
    run = synthetic(finished=1, depth=1)
    times = {
        "d0": (1.0, 2.0, 0.0, 1.5, 0.0),
        "d1": (1.0, 1.0, 0.0, 1.0, 1.5),
        "cloud": (0.0, 0.0, 4.5, 0.0, 0.0),
    }
    return Result(
        scenario_text=run.scenario_text,
        rounds=run.rounds.assign(sim_time_s=[0.0, 4.5]),
        messages=pd.DataFrame(messages, columns=[*MESSAGES, "delivered"]),
        nodes=pd.DataFrame([(1, name, int(name == "cloud"), *t) for name, t in times.items()], columns=NODES),
        manifest=run.manifest,
    )


@pytest.fixture
def star_run() -> Result:
    return star()


CHROMIUM = Path("/usr/bin/chromium")
TIMEOUT_MS = 120_000
"""How long a browser test waits for a state; generous, since the machine may be busy."""
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@dataclass
class OpenedPage:
    """An open page with its console messages and the addresses that it requested."""

    page: Any
    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def layout(self, plot: str, path: str) -> Any:
        return self.page.evaluate(f"document.getElementById('plot-{plot}')._fullLayout.{path}")

    def data(self, plot: str, path: str) -> Any:
        return self.page.evaluate(f"document.getElementById('plot-{plot}').data{path}")

    def wait_for(self, plot: str, path: str, expected: Any) -> None:
        """Wait until a path of the plot (`_fullLayout...`, `data...`) has the expected value, numbers to six digits.

        A change is drawn asynchronously after the key press or click.
        """
        actual = f"document.getElementById('plot-{plot}').{path}"
        self.page.wait_for_function(
            f"() => {{ try {{ return ({IS_CLOSE})({actual}, {json.dumps(expected)}); }} catch {{ return false; }} }}"
        )


IS_CLOSE = """function isClose(actual, expected) {
  if (typeof expected === "number") return Math.abs(actual - expected) <= 1e-6 * Math.abs(expected);
  if (!Array.isArray(expected)) return actual === expected;
  return actual?.length === expected.length && expected.every((one, k) => isClose(actual[k], one));
}"""

OpenPage = Callable[..., OpenedPage]


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
def open_page(browser: Any) -> Iterator[OpenPage]:
    contexts = []

    def open_file(file: Path, width: int = 1280, height: int = 800, scheme: str = "light") -> OpenedPage:
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        context.set_default_timeout(TIMEOUT_MS)
        contexts.append(context)
        opened = OpenedPage(context.new_page())
        opened.page.on("console", lambda message: opened.console.append(message.text))
        opened.page.on("pageerror", lambda error: opened.console.append(str(error)))
        opened.page.on("request", lambda request: opened.requests.append(request.url))
        opened.page.goto(file.as_uri())
        opened.page.wait_for_load_state("networkidle")
        return opened

    yield open_file
    for context in contexts:
        context.close()
