"""Notebooks: run without network, equal their scripts, contain no outputs, use public names only."""

from __future__ import annotations

import ast
import json
import re
import runpy
from pathlib import Path

import nbformat
import pytest

from tests.conftest import REPOSITORY

FOLDER = REPOSITORY / "notebooks"
SCRIPTS = sorted(FOLDER.glob("0*.py"))
API = (REPOSITORY / "docs" / "api.md").read_text()
named = pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.stem)


def test_there_are_six_notebooks_and_the_index_links_to_each() -> None:
    index = (FOLDER / "README.md").read_text()
    assert len(SCRIPTS) == 6
    assert all(f"({script.stem}.ipynb)" in index for script in SCRIPTS)


@named
def test_the_script_runs(script: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its assertions check its claims; runs without a kernel because the start of a kernel is slow."""
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(script), run_name="__main__")
    assert not list(tmp_path.iterdir()), "a notebook leaves nothing behind"


@pytest.mark.slow
@named
def test_the_notebook_runs_in_a_kernel_and_shows_figures(script: Path, tmp_path: Path) -> None:
    from nbclient import NotebookClient

    notebook = nbformat.read(script.with_suffix(".ipynb"), as_version=4)
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    figures = [output for output in outputs if "application/vnd.plotly.v1+json" in output.get("data", {})]
    assert len(figures) >= 2


@named
def test_the_notebook_equals_its_script_and_has_no_outputs(script: Path) -> None:
    paired = runpy.run_path(str(FOLDER / "pair.py"))["paired"]
    notebook = script.with_suffix(".ipynb").read_text()
    assert notebook == paired(script), f"{script.stem}.ipynb is not its script: run `make notebooks`"
    cells = json.loads(notebook)["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


@named
def test_the_notebook_starts_with_text_and_has_figures(script: Path) -> None:
    cells = nbformat.read(script.with_suffix(".ipynb"), as_version=4).cells
    texts = [cell for cell in cells if cell.cell_type == "markdown"]
    figures = [cell for cell in cells if cell.source.rstrip().endswith("\nfigure")]
    assert texts[0].source.startswith("# 0")
    assert len(texts) >= 5
    assert len(figures) >= 2


@named
def test_only_public_names_are_used(script: Path) -> None:
    tree = ast.parse(script.read_text())
    imported = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    ours = {node.module for node in imported if str(node.module).startswith(("netsim", "learning"))}
    assert not {module for module in ours if f"`{module}`" not in API}
    names = [f"{node.module}.{alias.name}" for node in imported for alias in node.names]
    used = [node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    assert not [name for name in [*names, *used] if re.search(r"(^|\.)_(?!_)", name)]
