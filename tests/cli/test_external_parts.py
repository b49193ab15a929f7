"""A part from a user's own file: found where the user stands, part of the digest, its faults told as its own."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from netsim.scenario import load
from tests.cli.calling import netsim
from tests.conftest import REPOSITORY

LADDER = (
    "algorithm={leaf: {learning_rate: 0.2, batch_size: 8},"
    " layers: [{tau: 2, up: mine:Half, rule: mean}, {tau: 1, up: none, rule: mean}, {tau: 1, up: none, rule: mean}]}"
)
RUN = ("run", "quickstart", "stop.rounds=1", LADDER, "--json")
GOOD = """\
from dataclasses import dataclass
from learning.compressors import Encoded

@dataclass(frozen=True)
class Half:
    lossless = False
    def bits(self, dim): return 16 * dim
    def omega(self, dim): return None
    def delta(self, dim): return None
    def encode(self, rows, rng): return Encoded(rows.half().to(rows.dtype), None)
    def pack(self, row, key): return row.half().numpy().tobytes()
    def unpack(self, data, dim): raise ValueError("not in this test")
"""
FAULTS = {
    "raises": (
        "Encoded(rows.half().to(rows.dtype), None)",
        "1 / 0",
        "mine:Half: encode() raised ZeroDivisionError",
    ),
    "returns a tensor": ("Encoded(rows.half().to(rows.dtype), None)", "rows", "must return Encoded"),
    "returns another shape": ("rows.half().to(rows.dtype)", "rows[:, 1:]", "must return values"),
    "returns another type": ("rows.half().to(rows.dtype)", "rows.double()", "must return values"),
    "has fractional bits": ("16 * dim", "16.5 * dim", "must be an int"),
    "has no sizes": ("return 16 * dim", "return None", "one size per row"),
}


def test_a_foreign_compressor_checks_and_runs(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(GOOD)
    assert "up mine:Half" in netsim("check", "quickstart", LADDER, cwd=tmp_path).stdout
    assert json.loads(netsim(*RUN, cwd=tmp_path).stdout)["bits_up"][0] == 40 * 16 * 4810


def test_another_body_behind_the_same_name_is_another_run(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(GOOD)
    first = json.loads(netsim(*RUN, cwd=tmp_path).stdout)["digest"]
    (tmp_path / "mine.py").write_text(GOOD.replace("rows.half()", "(0.5 * rows).half()"))
    assert json.loads(netsim(*RUN, cwd=tmp_path).stdout)["digest"] != first


@pytest.mark.parametrize("fault", FAULTS)
def test_a_foreign_fault_is_told_as_such(fault: str, tmp_path: Path) -> None:
    right, wrong, says = FAULTS[fault]
    (tmp_path / "mine.py").write_text(GOOD.replace(right, wrong))
    done = netsim(*RUN, cwd=tmp_path)
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_the_ledger_knows_another_body_from_the_one_it_saw(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(GOOD)
    first = json.loads(netsim(*RUN, cwd=tmp_path).stdout)["loss"]
    (tmp_path / "mine.py").write_text(GOOD.replace("rows.half()", "(-rows).half()"))
    assert json.loads(netsim(*RUN, cwd=tmp_path).stdout)["loss"] != first


def test_the_documented_part_runs_as_it_is_shown(tmp_path: Path) -> None:
    text = (REPOSITORY / "docs" / "scenarios.md").read_text()
    (source,) = re.findall(r"`my_rules.py`:\n\n```python\n(.*?)```", text, re.DOTALL)
    (command,) = re.findall(r"^netsim run quickstart 'algorithm=.*my_rules.*$", text, re.MULTILINE)
    (tmp_path / "my_rules.py").write_text(source)
    arguments = [*shlex.split(command)[1:], "stop.rounds=1", "--json"]
    done = netsim(*arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rounds"] == 1
    more = [argument.replace("most: 0.5", "most: 1e9") for argument in arguments]
    assert json.loads(netsim(*more, cwd=tmp_path).stdout)["loss"] != json.loads(done.stdout)["loss"]


def test_a_part_that_lacks_a_method_is_told_which(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(GOOD.replace("    def delta(self, dim): return None\n", ""))
    done = netsim("check", "quickstart", LADDER, cwd=tmp_path)
    assert (done.returncode, "Half is no compressor: it lacks delta" in done.stderr) == (1, True), done.stderr


def test_the_shown_partition_and_shifts_are_a_scenario_s() -> None:
    text = (REPOSITORY / "docs" / "scenarios.md").read_text()
    (task,) = re.findall(r"^task:\n(  partition: .*?)```", text, re.MULTILINE | re.DOTALL)
    shown = YAML(typ="safe").load(task)
    overrides = [f"task.{key}={json.dumps(value)}" for key, value in shown.items()]
    assert [type(shift).__name__ for shift in load("quickstart", overrides).task.shifts or ()] == [
        "Rotation", "Brightness", "LabelFlip",
    ]  # fmt: skip
