"""Run folders are complete or absent, equal for equal tables, and damage gives errors with a remedy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from netsim.results import atomic_folder
from netsim.results.result import Result, ResultError

FILES = {"scenario.yaml", "rounds.parquet", "messages.parquet", "nodes.parquet", "manifest.json"}


def tiny(digest: str = "d1", **changes: object) -> Result:
    """A run with one layer and one finished round with distinct numbers."""
    layered = {f"{stem}_1": 0.0 for stem in ("path_down_s", "path_up_s")}
    bits = {
        f"{kind}_{direction}_1": [0, 70] for kind in ("bits", "wire_bits") for direction in ("up", "down")
    }
    rounds = {
        "round": [0, 1],
        "sim_time_s": [0.0, 2.5],
        "accuracy": [0.1, 0.9],
        "loss": [2.3, 0.4],
        "local_steps": [0, 5],
    }
    message = {"round": 1, "layer": 1, "direction": "up", "src": "device-0", "dst": "cloud", "receivers": 1}
    sizes = {"payload_bits": 70, "wire_bits": 390, "airtime_s": 0.1, "sent_s": 0.5, "arrived_s": 0.6}
    times = {"downlink_s": 0.5, "compute_s": 1.0, "below_s": 0.0, "uplink_s": 0.6, "waiting_s": 0.4}
    tables: dict[str, object] = {
        "scenario_text": "name: tiny\n",
        "rounds": pd.DataFrame({**rounds, **bits, "path_compute_s": 0.0, **layered}),
        "messages": pd.DataFrame([message | sizes]),
        "nodes": pd.DataFrame([{"round": 1, "node": "device-0", "level": 0, **times}]),
        "manifest": {"name": "tiny", "digest": digest, "stopped_by": "rounds"},
    }
    return Result(**(tables | changes))  # type: ignore[arg-type]


def test_a_loaded_run_equals_the_saved_run(tmp_path: Path) -> None:
    run = tiny()
    loaded = Result.load(run.save(tmp_path / "tiny" / "d1"))
    for table in ("rounds", "messages", "nodes"):
        pd.testing.assert_frame_equal(getattr(loaded, table), getattr(run, table))
    assert loaded.scenario_text == "name: tiny\n"
    assert loaded.summary() == run.summary()


def test_the_summary_has_the_keys_of_the_json_output() -> None:
    assert tiny().summary(Path("runs/tiny/d1")) == {
        "name": "tiny",
        "digest": "d1",
        "run_dir": str(Path("runs/tiny/d1")),
        "rounds": 1,
        "sim_time_s": 2.5,
        "accuracy": 0.9,
        "loss": 0.4,
        "bits_up": [70],
        "bits_down": [70],
        "stopped_by": "rounds",
    }


def test_totals_include_the_bits_of_an_unfinished_round() -> None:
    manifest = dict(tiny().manifest) | {"totals": {"bits_up": [95], "bits_down": [140]}}
    summary = tiny(manifest=manifest).summary()
    assert (summary["bits_up"], summary["bits_down"]) == ([95], [140])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_non_finite_metrics_are_null(value: float) -> None:
    rounds = tiny().rounds.assign(accuracy=value)
    text = json.dumps(tiny(rounds=rounds).summary(), allow_nan=False)
    assert json.loads(text)["accuracy"] is None


def test_last_ignores_rounds_without_evaluation() -> None:
    nan = float("nan")
    rounds = tiny().rounds.assign(accuracy=[0.3, nan], loss=[1.9, nan])
    assert tiny(rounds=rounds).last("accuracy") == (0.3, 0, 0.0)


def test_last_is_none_if_the_final_loss_is_nan() -> None:
    rounds = tiny().rounds.assign(loss=[1.9, float("nan")])
    assert tiny(rounds=rounds).last("loss") is None


def test_a_run_without_a_row_has_a_summary() -> None:
    summary = tiny(rounds=tiny().rounds.iloc[:0]).summary()
    assert (summary["rounds"], summary["sim_time_s"], summary["bits_up"]) == (0, 0.0, [0])


def as_category(run: Result) -> Result:
    return replace(run, messages=run.messages.astype({"direction": "category", "src": object}))


def as_small_integers(run: Result) -> Result:
    return replace(
        run, nodes=run.nodes.astype({"level": np.int8}), rounds=run.rounds.astype({"round": np.int32})
    )


def with_another_index(run: Result) -> Result:
    return replace(run, rounds=run.rounds.set_index(pd.Index(["a", "b"])))


@pytest.mark.parametrize("retyped", [as_category, as_small_integers, with_another_index])
def test_equal_tables_give_equal_bytes(tmp_path: Path, retyped: Callable[[Result], Result]) -> None:
    first, second = tiny().save(tmp_path / "one"), retyped(tiny()).save(tmp_path / "other")
    for table in ("rounds", "messages", "nodes"):
        assert (first / f"{table}.parquet").read_bytes() == (second / f"{table}.parquet").read_bytes()


def test_a_different_value_gives_different_bytes(tmp_path: Path) -> None:
    first = tiny().save(tmp_path / "one")
    second = tiny(rounds=tiny().rounds.assign(loss=[2.3, 0.41])).save(tmp_path / "other")
    assert (first / "rounds.parquet").read_bytes() != (second / "rounds.parquet").read_bytes()


def test_empty_tables_keep_their_columns(tmp_path: Path) -> None:
    run = tiny(messages=tiny().messages.iloc[:0], nodes=pd.DataFrame(columns=tiny().nodes.columns))
    loaded = Result.load(run.save(tmp_path / "d1"))
    assert list(loaded.nodes.columns) == list(run.nodes.columns)
    assert len(loaded.messages) == 0


def test_numpy_values_and_nan_in_the_manifest_are_converted_to_json(tmp_path: Path) -> None:
    special = {"rounds": np.int64(3), "host_time_s": float("nan"), "shape": (1, 2)}
    folder = tiny(manifest={**tiny().manifest, **special}).save(tmp_path / "d1")
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["rounds"], manifest["host_time_s"], manifest["shape"]) == (3, None, [1, 2])


def run_with_invalid_manifest() -> Result:
    """A run whose manifest cannot be written; fails after the tables have been written."""
    return tiny(manifest={**tiny().manifest, "engine": object()})


def test_a_failed_write_leaves_no_files(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="object is not JSON"):
        run_with_invalid_manifest().save(tmp_path / "d1")
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_does_not_change_the_previous_run(tmp_path: Path) -> None:
    folder = tiny().save(tmp_path / "d1")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(TypeError, match="object is not JSON"):
        run_with_invalid_manifest().save(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert set(before) == FILES


def test_a_killed_write_does_not_create_the_run_folder(tmp_path: Path) -> None:
    code = "import os, pathlib, sys; from netsim.results.atomic_folder import replace_folder\n"
    code += "replace_folder(pathlib.Path(sys.argv[1]), lambda f: ((f / 'half').write_text('x'), os._exit(9)))"
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path / "d1")], check=False)
    assert killed.returncode == 9
    assert not (tmp_path / "d1").exists()


@pytest.mark.parametrize("swappable", [True, False])
def test_saving_again_replaces_the_run_and_keeps_notes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, swappable: bool
) -> None:
    if not swappable:
        monkeypatch.setattr(atomic_folder, "_exchange", lambda first, second: False)
    folder = tiny().save(tmp_path / "d1")
    (folder / "notes.md").write_text("mine")
    tiny(scenario_text="name: tiny # again\n").save(folder)
    assert Result.load(folder).scenario_text == "name: tiny # again\n"
    assert (folder / "notes.md").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["d1"]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can swap two folders in one step")
def test_the_run_folder_exists_at_all_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tiny().save(tmp_path / "d1")
    moved: list[Path] = []
    rename = os.rename

    def record_rename(source: Path, target: Path) -> None:
        moved.append(source)
        rename(source, target)

    monkeypatch.setattr(os, "rename", record_rename)
    tiny().save(folder)
    assert moved
    assert folder not in moved


def test_another_run_is_not_overwritten(tmp_path: Path) -> None:
    folder = tiny("d1").save(tmp_path / "run")
    with pytest.raises(ResultError, match="holds run d1, not d2; name another folder"):
        tiny("d2").save(folder)
    assert Result.load(folder).digest == "d1"


def test_other_files_are_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(ResultError, match="no run; name another folder"):
        tiny().save(tmp_path)
    assert (tmp_path / "thesis.tex").exists()


def test_a_damaged_run_is_replaced(tmp_path: Path) -> None:
    folder = tiny().save(tmp_path / "d1")
    (folder / "manifest.json").write_text("{")
    assert Result.load(tiny().save(folder)).digest == "d1"


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_error_names_a_missing_file_and_the_remedy(tmp_path: Path, name: str) -> None:
    folder = tiny().save(tmp_path / "d1")
    (folder / name).unlink()
    with pytest.raises(ResultError, match=rf"{name} is missing.*run its scenario again"):
        Result.load(folder)


@pytest.mark.parametrize("name", sorted(FILES - {"scenario.yaml"}))
def test_the_error_names_a_damaged_file_and_the_remedy(tmp_path: Path, name: str) -> None:
    path = tiny().save(tmp_path / "d1") / name
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ResultError, match=rf"{name} is damaged.*run its scenario again"):
        Result.load(tmp_path / "d1")


def test_a_table_of_another_run_is_refused(tmp_path: Path) -> None:
    folder, second = tiny("d1").save(tmp_path / "d1"), tiny("d2").save(tmp_path / "d2")
    (folder / "nodes.parquet").write_bytes((second / "nodes.parquet").read_bytes())
    with pytest.raises(ResultError, match=r"nodes.parquet is of run d2, the manifest of d1"):
        Result.load(folder)


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = tiny().save(tmp_path / "d1") / "manifest.json"
    path.write_text(path.read_text().replace('"schema": 1', '"schema": 2'))
    with pytest.raises(ResultError, match="has schema 2, this netsim reads 1"):
        Result.load(path.parent)


def test_the_error_of_a_missing_folder_names_the_run_command(tmp_path: Path) -> None:
    with pytest.raises(ResultError, match=r"no run folder at .*; `netsim run SCENARIO` writes one"):
        Result.load(tmp_path / "nowhere")


def test_a_table_with_a_missing_column_is_refused() -> None:
    with pytest.raises(ResultError, match="the nodes table lacks waiting_s"):
        tiny(nodes=tiny().nodes.drop(columns="waiting_s"))


def test_importing_results_does_not_import_pandas_or_pyarrow() -> None:
    code = "import sys, netsim.results.result, netsim.reports; print({'pandas', 'pyarrow', 'plotly', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
