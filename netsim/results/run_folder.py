"""The files of a run folder: parquet tables with the digest of their run, and a JSON manifest."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pandas import DataFrame

SCHEMA = 1
"""Version of the run folder; raised when a column changes its meaning."""


class ResultError(ValueError):
    """A run folder or table is missing, damaged or inconsistent; the text has the file and a remedy."""


def check_replaceable(folder: Path, digest: str) -> None:
    """Raise ResultError unless `folder` may be replaced: absent, empty, this run's own, or a damaged run."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ResultError(f"{folder} is a file, and a run needs a folder of that name; move it away")
    try:
        other = str(read_manifest(folder).get("digest"))
    except ResultError:
        if any(entry.name not in FILES for entry in folder.iterdir()):
            raise ResultError(f"{folder} has files that belong to no run; name another folder") from None
        return
    if other != digest:
        raise ResultError(f"{folder} holds run {other}, not {digest}; name another folder")


def require_file(folder: Path, name: str) -> Path:
    """Return the path of a file of the run. Raises ResultError if the folder or the file does not exist."""
    path = folder / name
    if not folder.is_dir():
        raise ResultError(f"no run folder at {folder}; `netsim run SCENARIO` writes one and prints its path")
    if not path.is_file():
        raise ResultError(f"{path} is missing, so this is no complete run; run its scenario again")
    return path


def is_complete(folder: Path, digest: str) -> bool:
    """Return whether `folder` is the complete and readable run `digest`."""
    try:
        for table in TABLES:
            require_file(folder, f"{table}.parquet")
        rounds = read_table(folder, "rounds", digest)
        return read_manifest(folder).get("digest") == digest and len(rounds) > 0
    except ResultError:
        return False


def write_manifest(manifest: Mapping[str, Any], path: Path) -> None:
    """Write a JSON object with the schema version of the folder; NaN becomes null."""
    text = json.dumps(_plain({**manifest, "schema": SCHEMA}), indent=2, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a run folder; ResultError if it is missing, no JSON object or of another schema."""
    path = require_file(folder, "manifest.json")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ResultError(f"{path} is damaged ({error}); run its scenario again") from None
    if not isinstance(manifest, dict):
        raise ResultError(f"{path} is damaged (not a JSON object); run its scenario again")
    if manifest.get("schema") != SCHEMA:
        found = manifest.get("schema", "unknown")
        raise ResultError(f"{path} has schema {found}, this netsim reads {SCHEMA}; run its scenario again")
    return manifest


def write_table(data: DataFrame, path: Path, digest: str) -> None:
    """Write Parquet (zstd) with the digest of the run in its metadata; equal tables give equal bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(data, preserve_index=False)
    # pandas stores one value as several types (object, str, category); the file must not depend on which.
    fields = [pa.field(field.name, _stored_type(field.name, field.type)) for field in table.schema]
    note = json.dumps({"digest": digest, "table": path.stem, "schema": SCHEMA})
    table = table.cast(pa.schema(fields, metadata={"netsim": note})).combine_chunks()
    pq.write_table(table, path, compression="zstd")


def read_table(folder: Path, table: str, digest: str) -> DataFrame:
    """Read a table of the run `digest`. Raises ResultError if it is missing, unreadable or of another run."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = require_file(folder, f"{table}.parquet")
    try:
        found = pq.read_table(path)
        note = json.loads((found.schema.metadata or {}).get(b"netsim", b"{}"))
        data: DataFrame = found.to_pandas()
    except (pa.ArrowException, OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        text = " ".join(str(error).split())
        raise ResultError(f"{path} is damaged ({text}); run its scenario again") from None
    if not isinstance(note, dict) or note.get("digest") != digest:
        note = note if isinstance(note, dict) else {}
        whose = note.get("digest", "without a digest")
        raise ResultError(f"{path} is of run {whose}, the manifest of {digest}; run the scenario again")
    return data


def _stored_type(name: str, found: Any) -> Any:
    import pyarrow as pa

    if name in ("direction", "src", "dst", "node", "kind", "from", "to", "reason"):
        return pa.string()
    if pa.types.is_integer(found):
        return pa.int64()
    return pa.float64() if pa.types.is_floating(found) or pa.types.is_null(found) else found


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    return None if isinstance(value, float) and not math.isfinite(value) else value


TABLES = ("rounds", "messages", "nodes")
EVENTS = "events"
"""A table that only runs with faults, mobility or other network changes have."""
FILES = (
    "scenario.yaml",
    *(f"{table}.parquet" for table in (*TABLES, EVENTS)),
    "manifest.json",
    "report.html",
)
