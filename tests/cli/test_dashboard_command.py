"""`netsim dashboard` without its optional dependencies."""

from __future__ import annotations

from pathlib import Path

import pytest

from netsim.cli.dashboard_command import dashboard_command
from netsim.cli.exit_codes import exit_code


def test_without_dash_the_error_contains_the_install_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("netsim.cli.dashboard_command.find_spec", lambda name: None)
    assert exit_code(lambda: dashboard_command(tmp_path, "127.0.0.1", 0, None)) == 1
    assert "pip install -e '.[dashboard]'" in capsys.readouterr().err
