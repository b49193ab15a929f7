"""The cost of a 20-point bandwidth sweep relative to one run: one training and twenty timelines.

Run by `make bench`; process time of one warm process with one thread, ratios within one run. The cost of a
timeline depends on its messages only: the ratio approaches 1 with more training per message.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import torch

from learning.store.ledger import Ledger
from netsim.scenario import load
from netsim.simulation.run import simulate
from netsim.sweep import Outcome, SweepFolders, points_of, run_sweep

pytestmark = pytest.mark.bench

BANDS = ", ".join(f"{k} MHz" for k in range(1, 21))
SWEEP = ("stop.deadline=null", f'sweep={{"network[0].cell.uplink": [{BANDS}]}}')
LENET = ("mnist_qmlhfl", "task.model=lenet", "stop.rounds=10")


class SilentListener:
    """A sweep listener that ignores progress."""

    def timelines_done(self, done: int, points: int) -> None:
        """Nothing."""

    def planned(self, trainings: int, points: int) -> None:
        """Nothing."""

    def ended(self, outcome: Outcome) -> None:
        """Assert success."""
        assert outcome.error is None


def seconds(name: str, overrides: tuple[str, ...], folder: Path) -> tuple[float, float]:
    """Process time of one run with a fresh ledger, saved, and of the sweep with another."""
    one = load(name, [*overrides, *SWEEP, "sweep={}"])
    start_s = time.process_time()
    ledger = Ledger(folder / "one" / "ledger")
    result = simulate(one, device="cpu", ledger=ledger)
    result.save(folder / "one" / result.digest)
    ledger.close()
    alone = time.process_time() - start_s
    points = points_of(name, [*overrides, *SWEEP], load(name, [*overrides, *SWEEP]))
    start_s = time.process_time()
    run_sweep(points, SweepFolders.at(folder / "all", name, device="cpu"), SilentListener())
    return alone, time.process_time() - start_s


@pytest.mark.parametrize(
    ("scene", "code", "most"),
    [
        (LENET, "fixed", 1.3),
        (LENET, "elias", 1.3),
        (("mnist_qmlhfl",), "fixed", None),
        (("quickstart",), "fixed", None),
        (("quickstart",), "elias", None),
    ],
    ids=lambda value: value[-1] if isinstance(value, tuple) else str(value),
)
def test_cost_of_a_sweep_of_twenty_bandwidths_relative_to_one_run(
    scene: tuple[str, ...],
    code: str,
    most: float | None,
    mnist_dir: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    torch.set_num_threads(1)
    simulate(load("quickstart", ["stop.rounds=1", "sweep={}"]), device="cpu")  # imports and compiled kernels
    alone, swept = seconds(scene[0], (*scene[1:], f"algorithm.qmlhfl.code={code}"), tmp_path)
    with capsys.disabled():
        print(
            f"\n{' '.join(scene)} {code}: run {alone:.1f} s, sweep {swept:.1f} s, ratio {swept / alone:.2f}"
        )
    assert most is None or swept <= most * alone
