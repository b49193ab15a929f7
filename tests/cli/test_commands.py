"""The command line: output, exit codes and error messages."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command_line import netsim
from tests.conftest import REPOSITORY

QUICK = ("run", "quickstart", "stop.rounds=2", "task.model=logistic")


def process(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line in a new process."""
    command = [sys.executable, "-m", "netsim", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def test_json_prints_exactly_one_object(tmp_path: Path) -> None:
    done = process(*QUICK, "--json", cwd=tmp_path)
    summary = json.loads(done.stdout)
    assert done.returncode == 0
    assert list(summary) == [
        "name", "digest", "run_dir", "rounds", "sim_time_s", "accuracy", "loss", "bits_up", "bits_down", "stopped_by",
    ]  # fmt: skip
    assert (summary["rounds"], summary["stopped_by"], len(summary["bits_up"])) == (2, "rounds", 3)


def test_the_run_folder_holds_tables_manifest_scenario_and_report(tmp_path: Path) -> None:
    folder = Path(json.loads(netsim(*QUICK, "--json", cwd=tmp_path).stdout)["run_dir"])
    assert folder.parent == tmp_path / "runs" / "quickstart"
    assert sorted(p.name for p in folder.iterdir()) == [
        "manifest.json", "messages.parquet", "nodes.parquet", "report.html", "rounds.parquet", "scenario.yaml",
    ]  # fmt: skip


def test_a_second_run_writes_the_same_tables(tmp_path: Path) -> None:
    first = Path(json.loads(netsim(*QUICK, "--json", "--out", "a", cwd=tmp_path).stdout)["run_dir"])
    second = Path(
        json.loads(netsim(*QUICK, "--json", "--out", "b", "--memory", "30 kB", cwd=tmp_path).stdout)[
            "run_dir"
        ]
    )
    assert first.name == second.name
    for table in ("rounds", "messages", "nodes"):
        assert (first / f"{table}.parquet").read_bytes() == (second / f"{table}.parquet").read_bytes()


def test_a_run_ends_with_accuracy_simulated_time_and_report(tmp_path: Path) -> None:
    done = netsim(*QUICK, cwd=tmp_path)
    assert done.returncode == 0
    assert "accuracy" in done.stdout
    assert "simulated" in done.stdout
    report = Path(done.stdout.splitlines()[-1].removeprefix("report: "))
    assert report.is_file()


def test_the_resolved_scenario_runs_to_the_same_digest(tmp_path: Path) -> None:
    (tmp_path / "again.yaml").write_text(netsim("check", "quickstart", "--resolved", cwd=tmp_path).stdout)
    first = netsim("check", "quickstart", cwd=tmp_path).stdout.splitlines()[0]
    assert netsim("check", "again.yaml", cwd=tmp_path).stdout.splitlines()[0] == first


def test_check_prints_a_row_per_layer(tmp_path: Path) -> None:
    lines = netsim("check", "quickstart", cwd=tmp_path).stdout.splitlines()
    rows = [line.split() for line in lines if line[:1].isdigit() and line.split()[0] in "123"]
    assert [row[:5] for row in rows] == [
        ["1", "40", "5", "cell", "5"],
        ["2", "8", "4", "wired", "2"],
        ["3", "2", "2", "wired", "2"],
    ]


def test_check_prints_nested_parts_with_their_scenario_names(tmp_path: Path) -> None:
    output = netsim("check", "codecs", cwd=tmp_path).stdout
    assert (
        "up chain(first=top_k(fraction=0.1), then=qsgd(levels=8, code=entropy), positions=golomb)" in output
    )


def test_init_writes_a_sample_that_passes_check_and_is_never_overwritten(tmp_path: Path) -> None:
    assert netsim("init", "mine.yaml", cwd=tmp_path).returncode == 0
    assert netsim("check", "mine.yaml", cwd=tmp_path).returncode == 0
    repeated = netsim("init", "mine.yaml", cwd=tmp_path)
    assert (repeated.returncode, "exists already" in repeated.stderr) == (1, True)


def test_report_recreates_the_report_from_the_tables(tmp_path: Path) -> None:
    folder = Path(json.loads(netsim(*QUICK, "--json", cwd=tmp_path).stdout)["run_dir"])
    (folder / "report.html").unlink()
    assert netsim("report", str(folder), cwd=tmp_path).returncode == 0
    assert (folder / "report.html").stat().st_size > 100_000


WRONG = {
    "a misspelt key": ("learning_rate: 0.2", "learnin_rate: 0.2", "did you mean 'learning_rate'"),
    "a missing unit": ("rate: 100 Mbit/s", "rate: 100", "a rate needs a unit, got 100"),
    "a negative tau": ("tau: [5, 2, 2]", "tau: [-5, 2, 2]", "tau must be >= 1, got -5"),
    "a cyclic topology": ("{fanout: [2, 4, 5]}", "{file: loop.yaml}", "a -> b -> c -> a"),
}


@pytest.mark.parametrize("case", WRONG)
def test_invalid_input_gives_one_error_with_its_position(case: str, tmp_path: Path) -> None:
    right, wrong, message = WRONG[case]
    text = (REPOSITORY / "scenarios" / "quickstart.yaml").read_text()
    assert right in text
    (tmp_path / "wrong.yaml").write_text(text.replace(right, wrong))
    (tmp_path / "loop.yaml").write_text(CYCLE)
    done = netsim("run", "wrong.yaml", "--json", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr
    assert "wrong.yaml:" in done.stderr
    assert "Traceback" not in done.stderr


CYCLE = """\
nodes: [{id: cloud}, {id: a}, {id: b}, {id: c}]
edges: [{source: cloud, target: a}, {source: a, target: b}, {source: b, target: c}, {source: c, target: a}]
"""


def test_the_error_of_a_missing_dataset_names_the_variable_to_set(tmp_path: Path) -> None:
    done = netsim("run", "mnist_qmlhfl", cwd=tmp_path, NETSIM_DATA=str(tmp_path))
    assert done.returncode == 1
    assert "MNIST not found" in done.stderr
    assert "NETSIM_DATA" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("arguments", [("swep",), ("run",), ("run", "quickstart", "--engine", "magic")])
def test_usage_errors_exit_with_1(arguments: tuple[str, ...], tmp_path: Path) -> None:
    assert netsim(*arguments, cwd=tmp_path).returncode == 1


def test_cuda_is_refused_without_a_cuda_device(tmp_path: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has a CUDA device")
    done = netsim(*QUICK, "--device", "cuda", cwd=tmp_path)
    assert (done.returncode, "no CUDA device" in done.stderr) == (1, True)


def test_check_recommends_coding_that_shortens_messages(tmp_path: Path) -> None:
    one_norm = netsim("check", "quickstart", "algorithm.qmlhfl.bucket=null", cwd=tmp_path).stdout
    assert "hint: layer 1 up" in one_norm
    assert "hint" not in netsim("check", "quickstart", "algorithm.qmlhfl.code=elias", cwd=tmp_path).stdout


def test_check_prints_link_rates_and_step_times(tmp_path: Path) -> None:
    output = netsim("check", "quickstart", cwd=tmp_path).stdout
    assert "layer 2 links alone: up 100 Mbit/s; down 100 Mbit/s" in output
    assert "layer 1 links alone: up " in output
    assert "median" in output
    assert "local step: " in output


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        (
            '{seeds: 4, "network[0].cell.uplink": [1 MHz, 5 MHz]}',
            "sweep: 8 points, 4 distinct trajectories (each",
        ),
        (
            "{zip: {stop.rounds: [1, 2], devices.compute.constant: [1 ms, 2 ms]}}",
            "sweep: 2 points, 1 distinct trajectory",
        ),
    ],
)
def test_check_counts_the_points_and_trajectories_of_a_sweep(
    sweep: str, message: str, tmp_path: Path
) -> None:
    constant = "devices={compute: {constant: 10 ms}}"
    assert message in netsim("check", "quickstart", constant, f"sweep={sweep}", cwd=tmp_path).stdout


def test_run_does_not_validate_the_sweep_against_overrides(tmp_path: Path) -> None:
    wires = "network=[{wired: {}}, {wired: {}}, {wired: {}}]"
    done = netsim("run", "quickstart", "stop.rounds=1", wires, "--engine", "timing", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "`netsim sweep` runs every point" in done.stderr


def test_list_channels_prints_formulas_defaults_and_sources(tmp_path: Path) -> None:
    output = netsim("list", "channels", "--verbose", cwd=tmp_path).stdout
    for preset in (
        "urban_micro",
        "urban_macro",
        "wifi",
        "factory",
        "tran2019",
        "chen2021",
        "yang2021",
        "hier_qsgd",
    ):
        assert f"\n  {preset}\n" in output
    for word in ("38.901", "unverified", "L(d) = L0 + 10 n log10(d / d0)", "pathloss: ", "airtime"):
        assert word in output
    assert len(output) > 2 * len(netsim("list", "channels", cwd=tmp_path).stdout)
