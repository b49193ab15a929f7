"""docs/dashboard.md: its commands run, and its numbers are those of the code."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("dash", reason="the dashboard needs the extra `dashboard`")

from netsim.cli.dashboard_command import MIN_TOKEN_LENGTH
from netsim.dashboard import jobs, retiming_page
from netsim.dashboard.results_page import MAX_COMPARED
from tests.cli.command_line import netsim
from tests.conftest import REPOSITORY

PAGE = (REPOSITORY / "docs" / "dashboard.md").read_text()


def test_every_command_of_the_page_runs(tmp_path: Path) -> None:
    lines = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
    assert len(lines) == 3
    for line in lines:
        if "dashboard" not in line:
            assert netsim(*shlex.split(line)[1:], cwd=tmp_path).returncode == 0, line
            continue
        command = [sys.executable, "-m", *shlex.split(line)]
        with subprocess.Popen(
            [*command, "--port", "0"], cwd=tmp_path, stdout=subprocess.PIPE, text=True
        ) as served:
            assert served.stdout is not None
            address = served.stdout.readline()
            served.send_signal(signal.SIGINT)
        assert address.startswith("dashboard: http://127.0.0.1:")
        assert ("?token=" in address) == ("--token" in line)
        assert served.returncode == 130


def test_the_numbers_of_the_page_are_those_of_the_code() -> None:
    assert f"Select up to {MAX_COMPARED}" in PAGE
    assert jobs.MAX_RUNNING == 4
    assert "At most four run at a time" in PAGE
    assert jobs.GRACE_S == 10
    assert "ten seconds later" in PAGE
    assert retiming_page.STEPS == 20
    assert "a hundredth to a hundred times" in PAGE
    assert f"at least {MIN_TOKEN_LENGTH} characters" in PAGE


def test_the_images_of_the_page_exist() -> None:
    for name in re.findall(r"\]\((images/[^)]+)\)", PAGE):
        assert (REPOSITORY / "docs" / name).is_file(), name
