"""points.parquet: one row per point and round for any swept setting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from netsim.results.time_to_accuracy import common_target
from netsim.sweep import Outcome, Point
from netsim.sweep.tables import points_table, write_points
from tests.reports.conftest import synthetic

NAN = float("nan")


def outcome(index: int, folder: Path, settings: dict[str, Any], seed: int = 7, **changes: Any) -> Outcome:
    digest = f"{index:016x}"
    result = synthetic(finished=changes.pop("finished", 4), **changes)
    manifest = {**result.manifest, "digest": digest}
    with_digest = type(result)(result.scenario_text, result.rounds, result.messages, result.nodes, manifest)
    return Outcome(Point(index, "scene", (), settings), with_digest.save(folder / digest), seed=seed)


def test_a_row_per_point_and_round_with_settings_seed_bits_and_time_to_accuracy(tmp_path: Path) -> None:
    outcomes = [outcome(0, tmp_path, {"a": 1}, seed=3), outcome(1, tmp_path, {"a": 2, "seed": 4}, seed=4)]
    table = points_table(outcomes, ["a", "seed"], 0.3)
    assert list(table.columns[:7]) == ["point", "a", "seed", "round", "sim_time_s", "accuracy", "loss"]
    assert table["seed"].tolist() == [3] * 5 + [4] * 5
    last = table.iloc[-1]
    layers = [last[f"bits_{direction}_{layer}"] for direction in ("up", "down") for layer in (1, 2, 3)]
    assert last["bits"] == sum(layers) > 0
    first_reached_s = table[(table["point"] == 0) & (table["accuracy"] >= 0.3)]["sim_time_s"].iloc[0]
    assert table["time_to_accuracy_s"].tolist() == [first_reached_s] * 10


def test_the_default_target_is_the_accuracy_that_all_points_reach(tmp_path: Path) -> None:
    outcomes = [outcome(0, tmp_path, {}, finished=2), outcome(1, tmp_path, {}, finished=8)]
    table = points_table(outcomes, [], None)
    assert table["target_accuracy"].unique().tolist() == [0.40]  # 0.95 - 0.85 * 0.8**2 = 0.406


def rounds_of(*accuracy: float) -> pd.DataFrame:
    return pd.DataFrame({"round": range(len(accuracy)), "accuracy": accuracy, "sim_time_s": 0.0})


@pytest.mark.parametrize(
    ("runs", "target"),
    [
        ([(0.1, 0.5), (0.1, 0.738)], 0.5),
        ([(0.1, 0.5), (0.6,)], 0.5),  # a run without a completed round is not considered
        ([(0.1, 0.5), (0.1, 0.05)], 0.5),  # a run that does not learn
        ([(0.104, 0.108), (0.101, 0.102)], 0.108),  # initial models reach 0.10 and 0.102
        ([(0.3, 0.2), (0.25, 0.29)], None),  # 0.29 is below the initial accuracy of the other
        ([(0.5,)], None),
        ([(NAN, NAN)], None),
        ([(NAN, 0.2, NAN, 0.6)], 0.6),
        ([], None),
    ],
)
def test_the_common_target_is_not_reached_before_training(
    runs: list[tuple[float, ...]], target: float | None
) -> None:
    assert common_target([rounds_of(*run) for run in runs]) == target


@pytest.mark.parametrize(
    ("values", "cells"),
    [
        ([1, 2.5], [1, 2.5]),
        ([1, None], [1, None]),
        (["1 MHz", None], ["1 MHz", None]),
        ([4, "many"], ["4", "many"]),
        ([[5, 2], None], ["[5, 2]", None]),
        ([{"dirichlet": {"alpha": 1}}, "iid"], ['{"dirichlet": {"alpha": 1}}', "iid"]),
        ([True, False], [True, False]),
        ([True, 1], ["true", "1"]),
    ],
)
def test_settings_of_any_type_are_written_to_parquet(
    values: list[Any], cells: list[Any], tmp_path: Path
) -> None:
    outcomes = [outcome(k, tmp_path, {} if v is None else {"a": v}, finished=0) for k, v in enumerate(values)]
    path = write_points(points_table(outcomes, ["a"], None), tmp_path / "sweep")
    column = pd.read_parquet(path)["a"].tolist()
    assert [None if cell is None or cell != cell else cell for cell in column] == cells


def test_points_that_failed_have_no_rows(tmp_path: Path) -> None:
    failed = Outcome(Point(0, "scene", (), {}), error="failure")
    assert points_table([failed, outcome(1, tmp_path, {})], [], None)["point"].unique().tolist() == [1]
    assert len(points_table([failed], [], None)) == 0
