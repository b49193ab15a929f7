"""Loaders of external files: for each, valid files to start from, and the only error it may raise."""

from __future__ import annotations

import gzip
import io
import json
import os
import sqlite3
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from struct import pack

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from learning.datasets import DataError
from learning.datasets.idx import _read_bytes, parse_idx
from learning.datasets.images import ImageFolder, decode
from learning.datasets.npz import Npz
from learning.store.checkpoints import Checkpoint, Checkpoints, _read
from learning.store.ledger import Ledger, LedgerError
from netsim.bounds.from_scenario import PlanError
from netsim.devices.speed_traces import read_speeds
from netsim.network.traces.file_formats import read_csv, read_ghent_4g, read_irish_5g, read_mahimahi
from netsim.planner.constants import load_constants
from netsim.results.live_feed import read_live
from netsim.results.run_folder import ResultError, read_manifest, read_table
from netsim.scenario import ScenarioError, load
from netsim.selection.availability_traces import read_presence
from netsim.topology import TopologyError
from netsim.topology.files import read_topology
from tests.conftest import REPOSITORY
from tests.scenario.sample_scenarios import SCENARIO


class IgnoredFileError(Exception):
    """The loader ignored a damaged file; raised by the tests only."""


@dataclass(frozen=True)
class Target:
    """A loader: `name` of the file it reads, its function, the error it may raise, and valid contents."""

    name: str
    load: Callable[[Path], object]
    error_type: type[Exception]
    seeds: tuple[bytes, ...]

    def __call__(self, content: bytes, folder: Path) -> bool:
        """Whether the loader accepts the content; errors other than its own, with a text, propagate."""
        path = folder / self.name
        path.write_bytes(content)
        try:
            self.load(path)
        except self.error_type as error:
            message = str(error)
            if self.name.split(".")[0] not in message or len(message) > 20_000:
                raise AssertionError(
                    f"{self.error_type.__name__} has the message {message[:200]!r}"
                ) from error
            return False
        finally:
            path.unlink(missing_ok=True)
        return True


def picture(kind: str) -> bytes:
    """A 3 x 2 image."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(np.arange(18, dtype=np.uint8).reshape(2, 3, 3)).save(stream, kind)
    return stream.getvalue()


def archive(kind: str) -> bytes:
    """A tree of four images as tar.gz, tar or zip."""
    names = [f"data/{split}/{label}/0.png" for split in ("train", "test") for label in "ab"]
    stream = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(stream, "w") as packed:
            for name in names:
                packed.writestr(name, picture("png"))
        return stream.getvalue()
    with tarfile.open(fileobj=stream, mode="w:gz" if kind == "gz" else "w") as tar:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(picture("png"))
            tar.addfile(member, io.BytesIO(picture("png")))
    return stream.getvalue()


def arrays(compressed: bool, **changed: object) -> bytes:
    """A small .npz data set."""
    x, y = np.zeros((4, 2, 2), dtype=np.uint8), np.arange(4) % 2
    stream = io.BytesIO()
    write = np.savez_compressed if compressed else np.savez
    write(stream, **{"x_train": x, "y_train": y, "x_test": x, "y_test": y, **changed})  # type: ignore[arg-type]
    return stream.getvalue()


def checkpoint_bytes() -> bytes:
    """A checkpoint with one model."""
    with tempfile.TemporaryDirectory() as folder:
        Checkpoints(Path(folder)).write(Checkpoint(MODEL, 1, {MODEL: np.zeros(3, np.float32)}, {}))
        return next(Path(folder).iterdir()).read_bytes()


def _read_checkpoint(path: Path) -> None:
    """The loader ignores damaged checkpoints; raises IgnoredFileError in this case."""
    if _read(path, MODEL, 1) is None:
        raise IgnoredFileError(path.name)


def ledger() -> bytes:
    """A ledger with an entry of each kind, as one file."""
    database = sqlite3.connect(":memory:")
    for table in ("metrics", "sizes", "measures"):
        database.execute(
            f"CREATE TABLE {table} (digest BLOB PRIMARY KEY, entry BLOB, mark INTEGER, written_s REAL) WITHOUT ROWID"
        )
        database.execute(f"INSERT INTO {table} VALUES (?, ?, 0, 0)", (MODEL, b"\0" * 16))
    database.commit()
    return database.serialize()


def _query_ledger(path: Path) -> None:
    """Move the file to a ledger folder and query all tables."""
    folder_ = path.parent / "ledger"
    folder_.mkdir(exist_ok=True)
    try:
        path.replace(folder_ / "ledger-2.sqlite")
        ledger_ = Ledger(folder_)
        try:
            for query in (ledger_.metrics, ledger_.bits, ledger_.measurements):
                query(MODEL)
            ledger_.counts()
        finally:
            ledger_.close()
    finally:
        for remaining in folder_.iterdir():
            if remaining.is_file():
                remaining.unlink()


def _read_live(path: Path) -> None:
    if read_live(path) is None:
        raise IgnoredFileError(path.name)


def _load_archive(path: Path) -> None:
    with cache(path.parent):
        ImageFolder(str(path)).load()


@contextmanager
def cache(folder: Path) -> Iterator[None]:
    """Redirect the cache of decoded images to a folder that is emptied afterwards."""
    folder_, before = folder / "cache", os.environ.get("NETSIM_CACHE")
    folder_.mkdir(exist_ok=True)
    os.environ["NETSIM_CACHE"] = str(folder_)
    try:
        yield
    finally:
        os.environ.pop("NETSIM_CACHE")
        if before is not None:
            os.environ["NETSIM_CACHE"] = before
        for remaining in folder_.rglob("*"):
            if remaining.is_file():
                remaining.unlink()


def table(note: str = '{"digest": "b", "table": "rounds", "schema": 1}') -> bytes:
    """The rounds of run b."""
    stream = io.BytesIO()
    rounds = pa.table({"round": [0, 1], "sim_time_s": [0.0, 1.5], "loss": [0.1, None]})
    pq.write_table(rounds.replace_schema_metadata({"netsim": note}), stream)
    return stream.getvalue()


MODEL = bytes(range(16))
TREE = """
name: cloud
x_m: 0
y_m: 0
children:
  - {name: a, rate: 1 Gbit/s, latency: 5 ms, devices: 2}
  - {name: b, rate_bps: 1e9, children: [{name: c, distance: 1 km}]}
"""
GRAPH = {
    "directed": True, "graph": {"root": "cloud"},
    "nodes": [{"id": "cloud"}, {"id": "a", "x_m": 1.5, "y_m": 2}, {"id": "d", "lat_deg": 3, "lon_deg": 4}],
    "edges": [{"source": "cloud", "target": "a", "rate_bps": 1e6}, {"source": "a", "target": "d", "latency_s": 0.1}],
}  # fmt: skip
GRAPHML = """<?xml version="1.0" encoding="utf-8"?><graphml xmlns="http://graphml.graphdrawing.org/xmlns">
<key id="d0" for="edge" attr.name="rate_bps" attr.type="double"/><key id="r" for="node" attr.name="root" attr.type="boolean"/>
<graph edgedefault="directed"><node id="cloud"><data key="r">true</data></node><node id="a"/><node id="d"/>
<edge source="cloud" target="a"><data key="d0">1e6</data></edge><edge source="a" target="d"/></graph></graphml>
"""
LIVE = (
    b'{"name": "a", "scenario": "b", "started": "now", "rounds": 3, "deadline_s": null}\n'
    b'{"round": 0, "loss": 2.3}\n{"ended": "done"}\n'
)
FACTS = {"facts": {"smoothness": 1.0, "noise": 2.0, "layers": [0.1, 0.2], "gap": 2.3}, "errors": {"L": 0.1}}
IRISH = "Timestamp,DL_bitrate,UL_bitrate\n2019.12.16_13.40.04,100,5\n2019.12.16_13.40.05,200,6\n"
SHIPPED = tuple(path.read_bytes() for path in sorted((REPOSITORY / "scenarios").rglob("*.yaml")))

TARGETS = {
    "scenario": Target("fuzz.yaml", load, ScenarioError, (SCENARIO.encode(), *SHIPPED)),
    "tree_yaml": Target("tree.yaml", read_topology, TopologyError, (TREE.encode(), json.dumps(GRAPH).encode())),
    "tree_json": Target("tree.json", read_topology, TopologyError, (json.dumps(GRAPH).encode(),)),
    "graphml": Target("tree.graphml", read_topology, TopologyError, (GRAPHML.encode(),)),
    "mahimahi": Target("trace", read_mahimahi, ValueError, (b"1\n2\n2\n40\n",)),
    "trace_csv": Target("trace.csv", read_csv, ValueError, (b"time_s,rate_bps\n0,1e6\n1.5,2e6\n",)),
    "irish_5g": Target("trace.csv", lambda p: read_irish_5g(p, "DL_bitrate"), ValueError, (IRISH.encode(),)),
    "ghent_4g": Target("trace.log", read_ghent_4g, ValueError, (b"1 0 51.0 3.7 1000 500\n2 500 51 3.7 99 1000\n",)),
    "availability": Target(
        "away.csv", lambda p: read_presence(str(p)), ValueError, (b"device,active_s,inactive_s\na,0,5\na,7,9.5\nb,1,2\n",)
    ),
    "live": Target("run.jsonl", _read_live, IgnoredFileError, (LIVE,)),
    "speeds": Target("speeds.csv", lambda p: read_speeds(str(p)), ValueError, (b"ms,kbit/s\n3.5,12000\n4,1\n",)),
    "idx_images": Target(
        "x", lambda p: parse_idx(p.read_bytes(), p, images=True), DataError, (pack(">4I", 2051, 2, 2, 1) + b"abcd",)
    ),
    "idx_labels": Target(
        "y", lambda p: parse_idx(p.read_bytes(), p, images=False), DataError, (pack(">2I", 2049, 3) + b"abc",)
    ),
    "gzip": Target("x.gz", _read_bytes, DataError, (gzip.compress(b"hello" * 9),)),
    "npz": Target("x.npz", lambda p: Npz(str(p)).load(), DataError, (arrays(False), arrays(True))),
    "image": Target(
        "x", lambda p: decode(p.read_bytes(), str(p), 4, False), DataError,
        tuple(picture(kind) for kind in ("png", "jpeg", "gif", "bmp", "webp", "ppm")),
    ),
    "images_zip": Target("data.zip", _load_archive, DataError, (archive("zip"),)),
    "images_tar": Target("data.tar", _load_archive, DataError, (archive("tar"), archive("gz"))),
    "checkpoint": Target("x.npz", _read_checkpoint, IgnoredFileError, (checkpoint_bytes(),)),
    "constants": Target(
        "c.json", lambda p: load_constants(p, 2), PlanError, (json.dumps(FACTS).encode(),)
    ),
    "manifest": Target(
        "manifest.json", lambda p: read_manifest(p.parent), ResultError, (b'{"digest": "b", "schema": 1}',)
    ),
    "table": Target("rounds.parquet", lambda p: read_table(p.parent, "rounds", "b"), ResultError, (table(),)),
    "ledger": Target("ledger.sqlite", _query_ledger, LedgerError, (ledger(),)),
}  # fmt: skip
