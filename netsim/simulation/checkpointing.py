"""Schedule of checkpoints, from which a later run can continue."""

from __future__ import annotations

import time

from learning.engine import Engine, LazyVector
from learning.store.ledger import Ledger

CHECKPOINT_S = 30.0
"""Host seconds between two checkpoints; more if writing would take more than a twentieth of the time."""


class CheckpointSchedule:
    """Writes a checkpoint every `every_s` host seconds and after the last round."""

    def __init__(self, ledger: Ledger, every_s: float) -> None:
        self._ledger, self._every_s = ledger, every_s
        self._due_s = time.monotonic() + every_s

    def after_round(self, engine: Engine, model: LazyVector, number: int, *, last: bool) -> None:
        """Write a checkpoint if one is due; a resumed run writes none before it passes its own checkpoint."""
        began_s = time.monotonic()
        if engine.replaying or (began_s < self._due_s and not last):
            return
        self._ledger.put_checkpoint(engine.checkpoint(model, number))
        now_s = time.monotonic()
        self._due_s = now_s + (max(self._every_s, 20 * (now_s - began_s)) if self._every_s else 0.0)
