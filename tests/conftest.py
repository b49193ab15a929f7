"""Settings and fixtures of all tests."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in every run: a failure means a change. HYPOTHESIS_PROFILE=default explores.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

os.environ.setdefault("OMP_NUM_THREADS", "1")

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session", autouse=True)
def exclude_libraries_from_collection() -> None:
    """Exclude the objects of torch, pandas and plotly from garbage collection, which would slow the tests."""
    import torch  # noqa: F401

    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(autouse=True)
def use_one_thread() -> None:
    """Use one thread: with small models on two shared cores, a second thread can be a hundred times slower."""
    import sys

    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture(autouse=True)
def verify_invariants(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Verify the invariants of every run, as `netsim run --verify` does; benchmarks are not verified."""
    from netsim.simulation import run

    if request.node.get_closest_marker("bench"):
        return

    for function in (run.prepare, run.simulate):
        monkeypatch.setitem(function.__kwdefaults__, "verify", True)


@pytest.fixture(scope="session")
def mnist_dir() -> Path:
    """The folder with real MNIST, or a skip with the reason."""
    folder = os.environ.get("NETSIM_DATA")
    if not folder or not (Path(folder) / "MNIST" / "raw").is_dir():
        pytest.skip("real MNIST is absent: set NETSIM_DATA to a folder with MNIST/raw")
    return Path(folder)
