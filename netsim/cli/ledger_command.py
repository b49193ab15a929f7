"""`netsim ledger`: show or delete the values stored between runs."""

from __future__ import annotations

import sys
from pathlib import Path

from learning.store.ledger import Ledger
from netsim.cli.exit_codes import InputError
from netsim.cli.option_values import parse_seconds
from netsim.sweep import LEDGER


def ledger_command(out: Path, prune: str | None, clear: bool) -> int:
    """Print the contents of a ledger, after deleting all entries (`clear`) or those older than `prune`."""
    if not (out / LEDGER).is_dir():
        raise InputError(
            f"{out / LEDGER} does not exist; it is created by the first run, or name another --out"
        )
    ledger = Ledger(out / LEDGER)
    try:
        if clear or prune is not None:
            ledger.prune(0.0 if prune is None else parse_seconds(prune, "--prune"))
        counts = ledger.counts()
    finally:
        ledger.close()
    sys.stdout.write(
        f"{counts.metrics} models, {counts.sizes} message sizes, {counts.checkpoints} checkpoints, "
        f"{counts.bytes / 1e3:.0f} kB\n"
    )
    return 0
