"""Executes the README: its commands, its scenario and its Python block; its outputs equal the program's."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.command_line import netsim
from tests.conftest import REPOSITORY

README = (REPOSITORY / "README.md").read_text()


def blocks(language: str) -> list[str]:
    """The README's fenced blocks of one language ("" for plain output)."""
    return [text for name, text in re.findall(r"```(\w*)\n(.*?)```", README, re.DOTALL) if name == language]


def test_every_netsim_command_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("netsim ")]
    assert len(lines) >= 7
    for line in lines:
        command = shlex.split(line, comments=True)[1:]
        done = netsim(*command, cwd=tmp_path)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
    reading = next(block for block in blocks("python") if "Result.load" in block)
    monkeypatch.chdir(tmp_path)
    exec(reading, {"__name__": "__main__"})
    assert "accuracy" in capsys.readouterr().out


def test_the_scenario_of_the_readme_is_the_quickstart() -> None:
    from netsim.scenario import digest, load, load_text

    shown = load_text(blocks("yaml")[0], "README.md")
    assert digest(shown) == digest(load("quickstart"))


def test_the_output_of_the_demo_equals_that_of_the_program(tmp_path: Path) -> None:
    done = netsim("run", "quickstart", cwd=tmp_path)
    *printed, report = done.stdout.splitlines()
    shown = next(block for block in blocks("") if block.startswith("accuracy"))
    assert shown.splitlines()[:-1] == printed
    assert report.endswith("report.html")


def test_the_error_messages_equal_those_of_the_program(tmp_path: Path) -> None:
    text = (REPOSITORY / "scenarios" / "quickstart.yaml").read_text()
    broken = text.replace("learning_rate: 0.2", "learnin_rate: 0.2").replace("100 Mbit/s", "100 Mbits/s")
    (tmp_path / "mine.yaml").write_text(broken)
    done = netsim("check", "mine.yaml", cwd=tmp_path)
    shown = next(block for block in blocks("") if block.startswith("mine.yaml"))
    for line, printed in zip(shown.splitlines(), done.stderr.splitlines(), strict=True):
        assert printed.startswith(line.partition(" (known")[0])


def test_the_table_of_recipes_is_complete() -> None:
    from learning.algorithms.recipe_registry import RECIPES

    for name in RECIPES:
        assert f"| `{name}` |" in README
