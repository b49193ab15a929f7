"""The public names of `netsim`: fixed, imported lazily, and equal for type checkers and at run time."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

import netsim
from tests.conftest import REPOSITORY

PUBLIC_NAMES = (
    "Ledger", "Limits", "Node", "Options", "Plan", "Planned", "Result", "ResultError", "Scenario", "ScenarioError",
    "Topology", "digest", "grow", "load", "load_text", "plan", "resolved", "simulate", "write_report",
    "write_several",
)  # fmt: skip


def test_the_public_names_are_fixed() -> None:
    assert sorted(netsim.__all__) == sorted(PUBLIC_NAMES)
    assert set(PUBLIC_NAMES) <= set(dir(netsim))


@pytest.mark.parametrize("name", PUBLIC_NAMES)
def test_a_public_name_exists_and_is_documented(name: str) -> None:
    assert getattr(netsim, name).__doc__
    assert f"`{name}" in (REPOSITORY / "docs" / "api.md").read_text()


def test_type_checker_imports_equal_run_time_imports() -> None:
    tree = ast.parse((REPOSITORY / "netsim" / "__init__.py").read_text())
    imports = {
        alias.name: node.module
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If)
        for node in branch.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imports == netsim._HOMES


def test_the_error_of_an_unknown_name_lists_the_public_names() -> None:
    with pytest.raises(AttributeError, match="netsim has no name 'simulat'; public are .*simulate"):
        _ = netsim.simulat


def test_importing_netsim_is_lazy_and_timing_runs_do_not_import_torch() -> None:
    code = (
        "import sys, netsim\n"
        "heavy = {'torch', 'pandas', 'simpy', 'pydantic', 'plotly', 'scipy', 'sklearn'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "scenario = netsim.load('quickstart')\n"
        "netsim.grow(scenario), netsim.resolved(scenario), netsim.digest(scenario), netsim.simulate\n"
        "assert 'torch' not in sys.modules\n"
        "netsim.simulate(scenario, engine='timing')\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
