"""The README is executed: its commands run, its scenario loads, its outputs are the program's."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

from tests.conftest import REPOSITORY

README = (REPOSITORY / "README.md").read_text()


def blocks(language: str) -> list[str]:
    """The README's fenced blocks of one language ("" for plain output)."""
    return [text for name, text in re.findall(r"```(\w*)\n(.*?)```", README, re.DOTALL) if name == language]


def test_every_netsim_command_runs(tmp_path: Path) -> None:
    (tmp_path / "my_lab.py").write_text(next(block for block in blocks("python") if "ScaledSign" in block))
    lines = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("netsim ")]
    assert len(lines) >= 7
    for line in lines:
        command = shlex.split(line, comments=True)[1:]
        done = subprocess.run(
            [sys.executable, "-m", "netsim", *command],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stderr}"
    reading = next(block for block in blocks("python") if "Result.load" in block)
    done = subprocess.run(
        [sys.executable, "-c", reading], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "accuracy" in done.stdout


def test_the_scenario_shown_is_the_quickstart() -> None:
    from netsim.scenario import digest, load, load_text

    shown = load_text(blocks("yaml")[0], "README.md")
    assert digest(shown) == digest(load("quickstart"))


def test_the_demo_s_output_is_the_program_s(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "netsim", "run", "quickstart"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    *told, report = done.stdout.splitlines()
    shown = next(block for block in blocks("") if block.startswith("accuracy"))
    assert shown.splitlines()[:-1] == told
    assert report.endswith("report.html")


def test_the_errors_shown_are_the_program_s(tmp_path: Path) -> None:
    text = (REPOSITORY / "scenarios" / "quickstart.yaml").read_text()
    broken = text.replace("learning_rate: 0.2", "learnin_rate: 0.2").replace("100 Mbit/s", "100 Mbits/s")
    (tmp_path / "mine.yaml").write_text(broken)
    done = subprocess.run(
        [sys.executable, "-m", "netsim", "check", "mine.yaml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    shown = next(block for block in blocks("") if block.startswith("mine.yaml"))
    for line, told in zip(shown.splitlines(), done.stderr.splitlines(), strict=True):
        assert told.startswith(line.partition(" (known")[0])


def test_the_table_of_recipes_names_them_all() -> None:
    from learning.algorithms.recipes import RECIPES

    for name in RECIPES:
        assert f"| `{name}` |" in README
