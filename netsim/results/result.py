"""The result of a run: three tables, a manifest and the scenario; saved atomically, loaded with checks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from netsim.results.atomic_folder import replace_folder
from netsim.results.run_folder import (
    EVENTS,
    TABLES,
    ResultError,
    check_replaceable,
    read_manifest,
    read_table,
    require_file,
    write_manifest,
    write_table,
)

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["Direction", "Evaluation", "Metric", "Result", "ResultError"]

Direction = Literal["up", "down"]
Metric = Literal["accuracy", "loss"]


class Evaluation(NamedTuple):
    """A metric of the cloud's model where it was last evaluated: value, round and simulated instant."""

    value: float
    round: int
    sim_time_s: float


@dataclass(frozen=True, eq=False)
class Result:
    """The result of a run, sufficient to draw every figure without running again.

    `rounds` has one row per global round (row 0 is the initial model at t=0; bits are cumulative), `messages`
    one row per transfer, `nodes` one per round and node, `events` one per change of the network (None: it never
    changed, or the run is of a netsim that knew no changes). `manifest` holds what is not simulated (versions,
    device, host seconds) beside name, digest, stopped_by and totals `{"bits_up": [per layer], "bits_down":
    [...]}`, which count an unfinished last round too. Raises ResultError when a column or a key is missing.
    """

    scenario_text: str
    rounds: DataFrame
    messages: DataFrame
    nodes: DataFrame
    manifest: Mapping[str, Any]
    events: DataFrame | None = None

    def __post_init__(self) -> None:
        for table, columns in _columns(self.depth).items():
            if lacking := [name for name in columns if name not in getattr(self, table).columns]:
                raise ResultError(f"the {table} table lacks {', '.join(lacking)}; run the scenario again")
        if lacking := [key for key in ("name", "digest", "stopped_by") if key not in self.manifest]:
            raise ResultError(f"the manifest lacks {', '.join(lacking)}; run the scenario again")

    @property
    def name(self) -> str:
        """The scenario's name, as its author wrote it: escape it before showing it on a page."""
        return str(self.manifest["name"])

    @property
    def digest(self) -> str:
        """The run's identity: equal digests, equal tables."""
        return str(self.manifest["digest"])

    @property
    def recipe(self) -> str | None:
        """Its algorithm's name, `layers` where it was written out; None for runs that did not record it."""
        name = dict(self.manifest.get("algorithm") or {}).get("name")
        return None if name is None else str(name)

    @property
    def depth(self) -> int:
        """N, the number of layers; layer n joins levels n-1 and n."""
        return sum(str(name).startswith("bits_up_") for name in self.rounds.columns)

    @property
    def finished_rounds(self) -> int:
        """Completed global rounds; 0 when the run stopped within its first."""
        return int(self.rounds["round"].iloc[-1]) if len(self.rounds) else 0

    @property
    def sim_time_s(self) -> float:
        """Simulated instant at which the last completed round ended."""
        return float(self.rounds["sim_time_s"].iloc[-1]) if len(self.rounds) else 0.0

    def last(self, metric: Metric) -> Evaluation | None:
        """The metric where the model was last evaluated; None if it has no value there.

        Rounds that were not evaluated hold NaN in both metrics; a task without accuracy, or a loss that
        overflowed, holds NaN in one.
        """
        evaluated = self.rounds[self.rounds["accuracy"].notna() | self.rounds["loss"].notna()]
        if not len(evaluated) or math.isnan(value := float(evaluated[metric].iloc[-1])):
            return None
        return Evaluation(value, int(evaluated["round"].iloc[-1]), float(evaluated["sim_time_s"].iloc[-1]))

    def bits(self, direction: Direction) -> list[int]:
        """Payload bits of the whole run per layer, devices first: the manifest's totals or the last row."""
        totals = self.manifest.get("totals", {}).get(f"bits_{direction}")
        if totals is not None:
            return [int(bits) for bits in totals]
        names = [f"bits_{direction}_{layer}" for layer in range(1, self.depth + 1)]
        return [int(self.rounds[name].iloc[-1]) if len(self.rounds) else 0 for name in names]

    def summary(self, run_dir: Path | None = None) -> dict[str, Any]:
        """The object `netsim run --json` prints; accuracy and loss are the last evaluated ones, else null."""
        accuracy, loss = self.last("accuracy"), self.last("loss")
        return {
            "name": self.name,
            "digest": self.digest,
            "run_dir": None if run_dir is None else str(run_dir),
            "rounds": self.finished_rounds,
            "sim_time_s": self.sim_time_s,
            "accuracy": None if accuracy is None else _finite(accuracy.value),
            "loss": None if loss is None else _finite(loss.value),
            "bits_up": self.bits("up"),
            "bits_down": self.bits("down"),
            "stopped_by": self.manifest["stopped_by"],
        }

    def save(self, folder: Path) -> Path:
        """Write the run folder whole or not at all and return its absolute path.

        A folder of the same digest is replaced, its other files kept; equal tables give byte-equal parquet
        files. Raises ResultError if `folder` holds anything else.
        """
        check_replaceable(folder, self.digest)
        return replace_folder(folder, self.write)

    def write(self, folder: Path) -> None:
        """Write the files of a run into a folder that is there; `save` makes of that all or nothing."""
        (folder / "scenario.yaml").write_bytes(self.scenario_text.encode())
        for table in TABLES:
            write_table(getattr(self, table), folder / f"{table}.parquet", self.digest)
        if self.events is not None:
            write_table(self.events, folder / f"{EVENTS}.parquet", self.digest)
        write_manifest(self.manifest, folder / "manifest.json")

    @classmethod
    def load(cls, folder: Path) -> Result:
        """Read a run folder; ResultError names the file that is missing, damaged or of another run."""
        manifest = read_manifest(folder)
        text = require_file(folder, "scenario.yaml").read_text(encoding="utf-8")
        tables = {name: read_table(folder, name, str(manifest.get("digest"))) for name in TABLES}
        if (folder / f"{EVENTS}.parquet").exists():
            tables[EVENTS] = read_table(folder, EVENTS, str(manifest.get("digest")))
        try:
            return cls(scenario_text=text, manifest=manifest, **tables)
        except ResultError as error:
            raise ResultError(f"{folder}: {error}") from None


def _columns(depth: int) -> dict[str, list[str]]:
    layers = range(1, depth + 1)
    bits = [f"{kind}_{way}" for kind in ("bits", "wire_bits") for way in ("up", "down")]
    layered = [f"{stem}_{n}" for stem in (*bits, "path_down_s", "path_up_s") for n in layers]
    times = ("downlink_s", "compute_s", "below_s", "uplink_s", "waiting_s")
    sizes = ("payload_bits", "wire_bits", "airtime_s", "sent_s", "arrived_s")
    return {
        "rounds": ["round", "sim_time_s", "accuracy", "loss", "local_steps", "path_compute_s", *layered],
        "messages": ["round", "layer", "direction", "src", "dst", "receivers", *sizes],
        "nodes": ["round", "node", "level", *times],
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
