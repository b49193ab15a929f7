"""External parts: imported from the working folder, included in the digest, errors attributed to the part."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from netsim.scenario import load
from tests.cli.command_line import netsim
from tests.conftest import REPOSITORY

ALGORITHM = (
    "algorithm={leaf: {learning_rate: 0.2, batch_size: 8},"
    " layers: [{tau: 2, up: mine:Half, rule: mean}, {tau: 1, up: none, rule: mean}, {tau: 1, up: none, rule: mean}]}"
)
RUN = ("run", "quickstart", "stop.rounds=1", ALGORITHM, "--json")
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
ERRORS = {
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


def test_an_external_compressor_passes_check_and_run(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(GOOD)
    assert "up mine:Half" in netsim("check", "quickstart", ALGORITHM, cwd=tmp_path).stdout
    assert json.loads(netsim(*RUN, cwd=tmp_path).stdout)["bits_up"][0] == 40 * 16 * 4810


def test_changed_external_code_changes_the_digest(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(GOOD)
    first = json.loads(netsim(*RUN, cwd=tmp_path).stdout)["digest"]
    (tmp_path / "mine.py").write_text(GOOD.replace("rows.half()", "(0.5 * rows).half()"))
    assert json.loads(netsim(*RUN, cwd=tmp_path).stdout)["digest"] != first


@pytest.mark.parametrize("error", ERRORS)
def test_errors_of_an_external_part_name_the_part(error: str, tmp_path: Path) -> None:
    right, wrong, message = ERRORS[error]
    (tmp_path / "mine.py").write_text(GOOD.replace(right, wrong))
    done = netsim(*RUN, cwd=tmp_path)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_the_ledger_distinguishes_changed_external_code(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(GOOD)
    first = json.loads(netsim(*RUN, cwd=tmp_path).stdout)["loss"]
    (tmp_path / "mine.py").write_text(GOOD.replace("rows.half()", "(-rows).half()"))
    assert json.loads(netsim(*RUN, cwd=tmp_path).stdout)["loss"] != first


def test_the_documented_external_part_runs(tmp_path: Path) -> None:
    text = (REPOSITORY / "docs" / "scenarios.md").read_text()
    (source,) = re.findall(r"`my_rules.py`:\n\n```python\n(.*?)```", text, re.DOTALL)
    (command,) = re.findall(r"^netsim run quickstart 'algorithm=.*my_rules.*$", text, re.MULTILINE)
    (tmp_path / "my_rules.py").write_text(source)
    arguments = [*shlex.split(command)[1:], "stop.rounds=1", "--json"]
    done = netsim(*arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rounds"] == 1
    changed = [argument.replace("most: 0.5", "most: 1e9") for argument in arguments]
    assert json.loads(netsim(*changed, cwd=tmp_path).stdout)["loss"] != json.loads(done.stdout)["loss"]


def test_the_error_names_the_missing_method(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(GOOD.replace("    def delta(self, dim): return None\n", ""))
    done = netsim("check", "quickstart", ALGORITHM, cwd=tmp_path)
    assert (done.returncode, "Half is no compressor: it lacks delta" in done.stderr) == (1, True), done.stderr


def test_the_documented_partition_and_shifts_are_valid() -> None:
    text = (REPOSITORY / "docs" / "scenarios.md").read_text()
    (task,) = re.findall(r"^task:\n(  partition: .*?)```", text, re.MULTILINE | re.DOTALL)
    fields = YAML(typ="safe").load(task)
    overrides = [f"task.{key}={json.dumps(value)}" for key, value in fields.items()]
    assert [type(shift).__name__ for shift in load("quickstart", overrides).task.shifts or ()] == [
        "Rotation", "Brightness", "LabelFlip",
    ]  # fmt: skip
