"""What a script may import from `netsim`: pinned, lazy, and the same to the type checker as at run time."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

import netsim
from tests.conftest import REPOSITORY

PINNED = (
    "Ledger", "Limits", "Node", "Options", "Plan", "Planned", "Result", "ResultError", "Scenario", "ScenarioError",
    "Topology", "digest", "grow", "load", "load_text", "plan", "resolved", "simulate", "write_report",
    "write_several",
)  # fmt: skip


def test_the_public_names_are_these_and_no_others() -> None:
    assert sorted(netsim.__all__) == sorted(PINNED)
    assert set(PINNED) <= set(dir(netsim))


@pytest.mark.parametrize("name", PINNED)
def test_a_public_name_is_there_and_documented(name: str) -> None:
    assert getattr(netsim, name).__doc__
    assert f"`{name}" in (REPOSITORY / "docs" / "api.md").read_text()


def test_the_type_checker_sees_every_name_where_it_really_is() -> None:
    tree = ast.parse((REPOSITORY / "netsim" / "__init__.py").read_text())
    told = {
        alias.name: node.module
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If)
        for node in branch.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert told == netsim._HOMES


def test_a_name_that_is_not_public_is_refused_with_those_that_are() -> None:
    with pytest.raises(AttributeError, match="netsim has no name 'simulat'; public are .*simulate"):
        _ = netsim.simulat


def test_importing_netsim_imports_nothing_else_and_a_scenario_needs_no_torch() -> None:
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
