"""`netsim ledger`: what is kept between runs, and how to be rid of it."""

from __future__ import annotations

import sys
from pathlib import Path

from learning.store.ledger import Ledger
from netsim.cli.error_handling import InputError
from netsim.cli.option_values import seconds_of
from netsim.sweep import LEDGER


def ledger_command(out: Path, prune: str | None, clear: bool) -> int:
    """Say what the ledger of a results folder holds; first forget all (`clear`), or what is older than `prune`."""
    if not (out / LEDGER).is_dir():
        raise InputError(
            f"{out / LEDGER} does not exist yet; it comes with the first run, or name another --out"
        )
    ledger = Ledger(out / LEDGER)
    try:
        if clear or prune is not None:
            ledger.prune(0.0 if prune is None else seconds_of(prune, "--prune"))
        counts = ledger.counts()
    finally:
        ledger.close()
    sys.stdout.write(
        f"{counts.metrics} models, {counts.sizes} message sizes, {counts.checkpoints} checkpoints, "
        f"{counts.bytes / 1e3:.0f} kB\n"
    )
    return 0
