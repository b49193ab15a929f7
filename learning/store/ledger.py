"""The ledger: computed metrics and message sizes, stored under the digests of the vectors that they belong to.

A digest identifies a vector by everything that it depends on (operations, parts, data, seed, numerics). All runs
therefore share an entry: points of a sweep that differ only in the network train once.
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
"""Increased when the meaning of an entry changes; files of other versions are not read."""

TABLES = ("metrics", "sizes", "measures")
METRICS = ("accuracy", "loss", "rejected")
"""The metrics of a model in stored order; the last one only where it was counted."""


class Counts(NamedTuple):
    """Numbers of entries of a ledger, and its size on disk in bytes."""

    metrics: int
    sizes: int
    checkpoints: int
    bytes: int


class Ledger:
    """Entries with checksums in one SQLite file, checkpoints in files beside it; safe for several processes.

    New entries are written by `flush` (and `close`) in one transaction, and are visible to this process alone before
    that. An entry with a wrong checksum counts as missing and is computed again.
    Every method raises LedgerError where the file cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / f"ledger-{VERSION}.sqlite"
        self._pending: dict[str, dict[bytes, bytes]] = {table: {} for table in TABLES}
        self._checkpoints = Checkpoints(folder / "checkpoints")
        with self._reported_errors():
            folder.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(self._file, timeout=60.0)
            with self._database:
                self._database.execute("PRAGMA journal_mode=WAL")
                for table in TABLES:
                    self._database.execute(
                        f"CREATE TABLE IF NOT EXISTS {table} "
                        "(digest BLOB PRIMARY KEY, entry BLOB, mark INTEGER, written_s REAL) WITHOUT ROWID"
                    )

    def metrics(self, digest: bytes) -> Mapping[str, float] | None:
        """Return accuracy (nan where the task has none) and loss of a model, or None if they are not stored.

        `rejected` is the number of rejected updates up to the model, where it was counted.
        """
        entry = self._entry("metrics", digest, 16, 24)
        if entry is None:
            return None
        values = struct.unpack(f"<{len(entry) // 8}d", entry)
        return dict(zip(METRICS, values, strict=False))

    def put_metrics(self, digest: bytes, metrics: Mapping[str, float]) -> None:
        """Store a model's metrics."""
        values = [metrics[name] for name in METRICS if name in metrics]
        self._pending["metrics"][digest] = struct.pack(f"<{len(values)}d", *values)

    def bits(self, digest: bytes) -> int | None:
        """Return the payload bits of a coded message, or None if they are not stored."""
        entry = self._entry("sizes", digest, 8)
        return None if entry is None else int(struct.unpack("<Q", entry)[0])

    def put_bits(self, digest: bytes, bits: int) -> None:
        """Store a coded message's size."""
        self._pending["sizes"][digest] = struct.pack("<Q", bits)

    def measurements(self, digest: bytes) -> tuple[float, ...] | None:
        """Return numbers measured at a model, or None if they are not stored."""
        entry = self._entry("measures", digest)
        return None if entry is None else struct.unpack(f"<{len(entry) // 8}d", entry)

    def put_measurements(self, digest: bytes, values: Sequence[float]) -> None:
        """Store numbers measured at a model."""
        self._pending["measures"][digest] = struct.pack(f"<{len(values)}d", *values)

    def put_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Write all pending entries, which a replay needs, and a checkpoint, which replaces this process's last one."""
        self.flush()
        with self._reported_errors():
            self._checkpoints.write(checkpoint)

    def latest_checkpoint(self, models: Sequence[bytes]) -> Checkpoint | None:
        """Return the checkpoint of the last of these models (of rounds 1, 2, ...) that has one; see `Checkpoints`."""
        with self._reported_errors():
            return self._checkpoints.latest(models)

    def flush(self) -> None:
        """Write the entries added since the last flush, in one transaction."""
        now_s = time.time()
        with self._reported_errors(), self._database:
            for table, entries in self._pending.items():
                rows = [(digest, entry, _checksum(digest, entry), now_s) for digest, entry in entries.items()]
                self._database.executemany(f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?, ?)", rows)
        for entries in self._pending.values():
            entries.clear()

    def counts(self) -> Counts:
        """Return the numbers of entries and the size on disk."""
        with self._reported_errors():
            models, sizes = (
                self._database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in TABLES[:2]
            )
            number, size = self._checkpoints.counts()
            return Counts(models, sizes, number, self._file.stat().st_size + size)

    def prune(self, older_than_s: float) -> None:
        """Delete what was written more than `older_than_s` seconds ago; 0 deletes everything."""
        before_s = time.time() - older_than_s
        with self._reported_errors():
            with self._database:
                for table in TABLES:
                    self._database.execute(f"DELETE FROM {table} WHERE written_s <= ?", (before_s,))
            self._database.execute("VACUUM")
            self._checkpoints.prune(before_s)

    def close(self) -> None:
        """Flush, and close the file."""
        try:
            self.flush()
        finally:
            self._database.close()

    def _entry(self, table: str, digest: bytes, *sizes: int) -> bytes | None:
        """Return an entry of one of `sizes` bytes (none given: any number of float64), or None if it is missing."""
        pending = self._pending[table].get(digest)
        if pending is not None:
            return pending
        with self._reported_errors():
            query = f"SELECT entry, mark FROM {table} WHERE digest = ?"
            row = self._database.execute(query, (digest,)).fetchone()
        if row is None or not isinstance(row[0], bytes):
            return None
        if len(row[0]) not in sizes if sizes else len(row[0]) % 8:
            return None
        return row[0] if _checksum(digest, row[0]) == row[1] else None

    @contextmanager
    def _reported_errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise LedgerError(
                f"{self._file}: {error}; free space or remove it, or use another --out or --no-ledger"
            ) from None


class LedgerError(OSError):
    """The ledger cannot be used; the message states the reason and the remedy."""


def _checksum(digest: bytes, entry: bytes) -> int:
    return zlib.crc32(entry, zlib.crc32(digest))
