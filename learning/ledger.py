"""What was computed once need not be computed again: metrics and message sizes under the digests of what they measure.

A digest names a vector by everything it depends on (operations, parts, data, seed, numerics), so an entry
can be shared by all runs that come across it: points of a sweep that differ in the network alone train once.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

VERSION = 1
"""Raised when the meaning of an entry changes; a file of another version is set aside, never misread."""


class Counts(NamedTuple):
    """How much a ledger holds."""

    metrics: int
    sizes: int
    bytes: int


class Ledger:
    """Entries in one SQLite file: atomic, safe for several processes, checked against damage by SQLite itself.

    Entries are added at `flush` (and `close`), all or none; until then this process alone sees them.
    Raises LedgerError where the file cannot be opened.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / f"ledger-{VERSION}.sqlite"
        self._metrics: dict[bytes, tuple[float, float]] = {}
        self._sizes: dict[bytes, int] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(self._file, timeout=60.0)
            with self._base:
                self._base.execute("PRAGMA journal_mode=WAL")
                self._base.execute(
                    "CREATE TABLE IF NOT EXISTS metrics (digest BLOB PRIMARY KEY, accuracy REAL, loss REAL)"
                )
                self._base.execute("CREATE TABLE IF NOT EXISTS sizes (digest BLOB PRIMARY KEY, bits INTEGER)")
        except (OSError, sqlite3.Error) as error:
            raise LedgerError(f"{self._file}: {error}; remove the file, or choose another folder") from None

    def metrics(self, digest: bytes) -> Mapping[str, float] | None:
        """Accuracy (nan where the task has none) and loss of a model, if it was ever evaluated."""
        found = self._metrics.get(digest)
        if found is None:
            row = self._base.execute(
                "SELECT accuracy, loss FROM metrics WHERE digest = ?", (digest,)
            ).fetchone()
            found = None if row is None else (_number(row[0]), _number(row[1]))
        return None if found is None else {"accuracy": found[0], "loss": found[1]}

    def keep_metrics(self, digest: bytes, metrics: Mapping[str, float]) -> None:
        """Remember a model's metrics."""
        self._metrics[digest] = (metrics["accuracy"], metrics["loss"])

    def bits(self, digest: bytes) -> int | None:
        """Payload bits of a coded message, if it was ever coded."""
        if digest in self._sizes:
            return self._sizes[digest]
        row = self._base.execute("SELECT bits FROM sizes WHERE digest = ?", (digest,)).fetchone()
        return None if row is None else int(row[0])

    def keep_bits(self, digest: bytes, bits: int) -> None:
        """Remember a coded message's size."""
        self._sizes[digest] = bits

    def flush(self) -> None:
        """Write what was learned since the last flush, all or nothing."""
        metrics = [(digest, _stored(a), _stored(loss)) for digest, (a, loss) in self._metrics.items()]
        with self._base:
            self._base.executemany("INSERT OR REPLACE INTO metrics VALUES (?, ?, ?)", metrics)
            self._base.executemany("INSERT OR REPLACE INTO sizes VALUES (?, ?)", list(self._sizes.items()))
        self._metrics.clear()
        self._sizes.clear()

    def counts(self) -> Counts:
        """How much is on disk."""
        metrics, sizes = (
            self._base.execute(f"SELECT COUNT(*) FROM {t}").fetchone()[0] for t in ("metrics", "sizes")
        )
        return Counts(metrics, sizes, self._file.stat().st_size)

    def clear(self) -> None:
        """Forget everything."""
        with self._base:
            self._base.execute("DELETE FROM metrics")
            self._base.execute("DELETE FROM sizes")
        with closing(self._base.cursor()) as cursor:
            cursor.execute("VACUUM")

    def close(self) -> None:
        """Flush and let go of the file."""
        self.flush()
        self._base.close()


class LedgerError(OSError):
    """The ledger's file cannot be used; the text says why and what to do."""


def _stored(value: float) -> float | str:
    """SQLite has no nan and no infinity of its own: they travel as text."""
    return value if math.isfinite(value) else repr(value)


def _number(value: float | str) -> float:
    return float(value)
