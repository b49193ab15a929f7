"""The table of a sweep: one row per point and round."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from netsim.results.run_folder import read_manifest, read_table
from netsim.results.time_to_accuracy import common_target, time_to
from netsim.sweep.points import Outcome

if TYPE_CHECKING:
    from pandas import DataFrame


def points_table(outcomes: Sequence[Outcome], paths: Sequence[str], target: float | None) -> DataFrame:
    """Rows of all finished points, points in order, rounds in order.

    Columns: `point`, the sweep's `paths` (nothing where a point leaves one as the scenario has it), `seed`,
    `round`, `sim_time_s`, `accuracy`, `loss`, `local_steps`, `bits` (payload so far, all layers, both ways),
    `bits_up_1` ..., `energy_j` ... where it was counted, `recipe` (the algorithm's name),
    `target_accuracy`, and `time_to_accuracy_s`, which repeats for every row of a point when that was first
    reached (NaN: never). `target`: that accuracy; None for `common_target`'s.
    """
    import pandas as pd

    finished = [outcome for outcome in outcomes if outcome.folder is not None]
    runs = [_rounds(outcome) for outcome in finished]
    aim = target if target is not None else common_target(runs)
    named = {path: _cells([o.point.settings.get(path) for o in finished]) for path in paths if path != "seed"}
    rows = [{path: cells[k] for path, cells in named.items()} for k in range(len(finished))]
    tables = [_point_table(*point, aim) for point in zip(runs, finished, rows, strict=True)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame({"point": []})


def _rounds(outcome: Outcome) -> DataFrame:
    assert outcome.folder is not None
    return read_table(outcome.folder, "rounds", str(read_manifest(outcome.folder)["digest"]))


def _recipe(outcome: Outcome) -> str | None:
    """The algorithm's name, as the run recorded it."""
    assert outcome.folder is not None
    name = (read_manifest(outcome.folder).get("algorithm") or {}).get("name")
    return None if name is None else str(name)


def _point_table(
    rounds: DataFrame, outcome: Outcome, settings: Mapping[str, Any], target: float | None
) -> DataFrame:
    import pandas as pd

    columns: dict[str, Any] = {"point": outcome.point.index, **settings}
    columns["seed"] = outcome.seed
    columns |= {name: rounds[name] for name in ("round", "sim_time_s", "accuracy", "loss", "local_steps")}
    layered = [name for name in rounds.columns if name.startswith("bits_")]
    columns["bits"] = rounds[layered].sum(axis=1)
    columns |= {name: rounds[name] for name in (*layered, *_joules(rounds))}
    columns["recipe"] = _recipe(outcome)
    columns["target_accuracy"] = math.nan if target is None else target
    columns["time_to_accuracy_s"] = time_to(rounds, target)
    return pd.DataFrame(columns, index=rounds.index)


def _joules(rounds: DataFrame) -> list[str]:
    return [name for name in rounds.columns if name.startswith("energy_")]


def _cells(values: list[Any]) -> list[Any]:
    """A column of one type, as parquet wants it: numbers as they are, else texts, lists and mappings as JSON."""
    given = [value for value in values if value is not None]
    if all(isinstance(value, bool) for value in given) and len(given) == len(values):
        return values
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in given):
        return values
    return [None if v is None else v if isinstance(v, str) else json.dumps(v) for v in values]


def write_points(table: DataFrame, folder: Path) -> Path:
    """Write points.parquet, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / ".points.parquet.partial"
    table.to_parquet(fresh, compression="zstd", index=False)
    return fresh.replace(folder / "points.parquet")
