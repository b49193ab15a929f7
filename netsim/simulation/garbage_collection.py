"""Python's cyclic garbage collector during a run."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Millions of small live objects make Python's cyclic collector cost as much as the run: let it look less often."""
    usual = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()
