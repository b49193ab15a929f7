"""Write each notebook's .ipynb from its py:percent script, without outputs: `make notebooks`.

Edit the scripts only. Cells have numbers instead of random ids, so that an edit changes no other cell.
"""

from __future__ import annotations

from pathlib import Path

import jupytext
import nbformat

SCRIPTS = sorted(Path(__file__).parent.glob("0*.py"))


def paired(script: Path) -> str:
    """The text of the .ipynb that belongs to a script."""
    notebook = jupytext.read(script)
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
    return str(nbformat.writes(notebook, version=4)) + "\n"


if __name__ == "__main__":
    for script in SCRIPTS:
        script.with_suffix(".ipynb").write_text(paired(script), encoding="utf-8")
