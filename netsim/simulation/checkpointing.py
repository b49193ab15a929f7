"""When a run's vectors are written down, so that a later run may go on from there."""

from __future__ import annotations

import time

from learning.engine import Engine, Ref
from learning.store.ledger import Ledger

CHECKPOINT_S = 30.0
"""Host seconds between two checkpoints, unless they take long to write: then they take at most a twentieth."""


class CheckpointSchedule:
    """When the run's vectors are written down: every so many host seconds, and after its last round."""

    def __init__(self, ledger: Ledger, every_s: float) -> None:
        self._ledger, self._every_s = ledger, every_s
        self._due_s = time.monotonic() + every_s

    def after_round(self, engine: Engine, model: Ref, turn: int, *, last: bool) -> None:
        """Keep a checkpoint if one is due; on the way to the one the run goes on from, none is."""
        began_s = time.monotonic()
        if engine.replaying or (began_s < self._due_s and not last):
            return
        self._ledger.keep_cut(engine.cut(model, turn))
        now_s = time.monotonic()
        self._due_s = now_s + (max(self._every_s, 20 * (now_s - began_s)) if self._every_s else 0.0)
