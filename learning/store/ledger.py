"""What was computed once need not be computed again: metrics and message sizes under the digests of what they measure.

A digest names a vector by everything it depends on (operations, parts, data, seed, numerics), so an entry
can be shared by all runs that come across it: points of a sweep that differ in the network alone train once.
"""

from __future__ import annotations

import sqlite3
import struct
import time
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from learning.store.checkpoints import Checkpoint, Checkpoints

VERSION = 2
"""Raised when the meaning of an entry changes; a file of another version is left alone, never misread."""

TABLES = ("metrics", "sizes", "measures")
METRICS = ("accuracy", "loss", "rejected")
"""What is kept of a model, in this order; the last only where it was counted."""


class Counts(NamedTuple):
    """How much a ledger holds."""

    metrics: int
    sizes: int
    checkpoints: int
    bytes: int


class Ledger:
    """Entries with checksums in one SQLite file, checkpoints in files beside it; safe for several processes.

    Entries are added at `flush` (and `close`), all or none; until then this process alone sees them. An entry
    that does not fit its checksum counts as unknown and is computed again.
    Raises LedgerError, whenever, where the file cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / f"ledger-{VERSION}.sqlite"
        self._fresh: dict[str, dict[bytes, bytes]] = {table: {} for table in TABLES}
        self._checkpoints = Checkpoints(folder / "checkpoints")
        with self._blaming():
            folder.mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(self._file, timeout=60.0)
            with self._base:
                self._base.execute("PRAGMA journal_mode=WAL")
                for table in TABLES:
                    self._base.execute(
                        f"CREATE TABLE IF NOT EXISTS {table} "
                        "(digest BLOB PRIMARY KEY, entry BLOB, mark INTEGER, written_s REAL) WITHOUT ROWID"
                    )

    def metrics(self, digest: bytes) -> Mapping[str, float] | None:
        """Accuracy (nan where the task has none) and loss of a model, if it was ever evaluated.

        Also how many updates were `rejected` on the way to it, where that was counted.
        """
        entry = self._entry("metrics", digest, 16, 24)
        if entry is None:
            return None
        values = struct.unpack(f"<{len(entry) // 8}d", entry)
        return dict(zip(METRICS, values, strict=False))

    def keep_metrics(self, digest: bytes, metrics: Mapping[str, float]) -> None:
        """Remember a model's metrics."""
        values = [metrics[name] for name in METRICS if name in metrics]
        self._fresh["metrics"][digest] = struct.pack(f"<{len(values)}d", *values)

    def bits(self, name: bytes) -> int | None:
        """Payload bits of a coded message, if it was ever coded."""
        entry = self._entry("sizes", name, 8)
        return None if entry is None else int(struct.unpack("<Q", entry)[0])

    def keep_bits(self, name: bytes, bits: int) -> None:
        """Remember a coded message's size."""
        self._fresh["sizes"][name] = struct.pack("<Q", bits)

    def measures(self, name: bytes) -> tuple[float, ...] | None:
        """Numbers that were measured at a model under that name, if they ever were."""
        entry = self._entry("measures", name)
        return None if entry is None else struct.unpack(f"<{len(entry) // 8}d", entry)

    def keep_measures(self, name: bytes, values: Sequence[float]) -> None:
        """Remember measured numbers."""
        self._fresh["measures"][name] = struct.pack(f"<{len(values)}d", *values)

    def keep_cut(self, cut: Checkpoint) -> None:
        """Write a checkpoint, after all entries a replay to it asks for; it replaces this process's last one."""
        self.flush()
        with self._blaming():
            self._checkpoints.keep(cut)

    def latest_cut(self, models: Sequence[bytes]) -> Checkpoint | None:
        """The checkpoint of the last of these models that has a whole one; the next one kept replaces it."""
        with self._blaming():
            return self._checkpoints.latest(models)

    def flush(self) -> None:
        """Write what was learned since the last flush, all or nothing."""
        now_s = time.time()
        with self._blaming(), self._base:
            for table, entries in self._fresh.items():
                rows = [(digest, entry, _mark(digest, entry), now_s) for digest, entry in entries.items()]
                self._base.executemany(f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?, ?)", rows)
        for entries in self._fresh.values():
            entries.clear()

    def counts(self) -> Counts:
        """How much is on disk."""
        with self._blaming():
            models, sizes = (
                self._base.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in TABLES[:2]
            )
            number, size = self._checkpoints.counts()
            return Counts(models, sizes, number, self._file.stat().st_size + size)

    def prune(self, older_than_s: float) -> None:
        """Forget what was written more than `older_than_s` seconds ago; 0 forgets everything."""
        before_s = time.time() - older_than_s
        with self._blaming():
            with self._base:
                for table in TABLES:
                    self._base.execute(f"DELETE FROM {table} WHERE written_s <= ?", (before_s,))
            self._base.execute("VACUUM")
            self._checkpoints.prune(before_s)

    def close(self) -> None:
        """Flush and let go of the file."""
        try:
            self.flush()
        finally:
            self._base.close()

    def _entry(self, table: str, digest: bytes, *sizes: int) -> bytes | None:
        """The bytes of an entry: of one of `sizes`, or (none given) of any whole number of float64."""
        fresh = self._fresh[table].get(digest)
        if fresh is not None:
            return fresh
        with self._blaming():
            question = f"SELECT entry, mark FROM {table} WHERE digest = ?"
            row = self._base.execute(question, (digest,)).fetchone()
        if row is None or not isinstance(row[0], bytes):
            return None
        if len(row[0]) not in sizes if sizes else len(row[0]) % 8:
            return None
        return row[0] if _mark(digest, row[0]) == row[1] else None

    @contextmanager
    def _blaming(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise LedgerError(
                f"{self._file}: {error}; free space or remove it, or use another --out or --no-ledger"
            ) from None


class LedgerError(OSError):
    """The ledger cannot be used; the text says why and what to do."""


def _mark(digest: bytes, entry: bytes) -> int:
    return zlib.crc32(entry, zlib.crc32(digest))
