"""Architecture: imports, style, types, start-up without torch, shipped scenarios, mutations."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY

SOURCES = sorted(
    p for room in ("netsim", "learning", "tests", "topologies") for p in (REPOSITORY / room).rglob("*.py")
)
SCENARIOS = sorted((REPOSITORY / "scenarios").rglob("*.yaml"))
TORCH_FREE = (
    "--help",
    "check quickstart",
    "run quickstart --engine timing --json",
    "optimize quickstart --json",
    "list compressors",
    "export schema",
)


def tool(*command: str) -> str:
    """Output of a tool of this environment; fails the test if the tool does."""
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_import_contracts_hold() -> None:
    code = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_ruff_check_passes() -> None:
    tool("ruff", "check", ".")


def test_ruff_format_passes() -> None:
    tool("ruff", "format", "--check", ".")


def test_mypy_passes() -> None:
    tool("mypy")


def test_no_module_imports_in_a_circle() -> None:
    """Imports for type checking count too."""
    import grimp
    import networkx as nx

    graph = grimp.build_graph("netsim", "learning")
    edges = nx.DiGraph(
        (module, imported)
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
    )
    assert [sorted(circle) for circle in nx.strongly_connected_components(edges) if len(circle) > 1] == []


def test_no_file_has_a_vague_name() -> None:
    vague = {"utils", "util", "helpers", "common", "misc", "manager", "core", "base", "context"}
    assert not [p for p in SOURCES if p.stem in vague]


@pytest.mark.parametrize("command", TORCH_FREE)
def test_commands_that_train_nothing_do_not_import_torch(command: str, tmp_path: Path) -> None:
    code = (
        "import json, sys\nfrom netsim.cli import main\n"
        f"sys.argv = ['netsim', *{command.split()!r}]\n"
        "try:\n    main()\nexcept SystemExit as end:\n    sys.stderr.write(json.dumps([end.code, 'torch' in sys.modules]))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert json.loads(done.stderr.splitlines()[-1].rpartition("[")[1] + done.stderr.rpartition("[")[2]) == [
        0,
        False,
    ]


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda p: p.stem)
def test_every_shipped_scenario_passes_check_and_states_its_claim(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from learning.datasets.cifar10 import PICKLES
    from learning.datasets.idx import FILES
    from netsim.cli.check_command import check_command

    monkeypatch.setenv("NETSIM_DATA", str(tmp_path))
    for name in FILES:  # check looks whether files are there, not into them
        (tmp_path / name).touch()
    (tmp_path / PICKLES).mkdir()
    assert path.read_text().startswith("# Claim: ")
    assert check_command(str(path), [], show_resolved=False) == 0


def test_layer_topologies_equal_the_output_of_their_script(tmp_path: Path) -> None:
    script = tmp_path / "make_layers.py"
    script.write_text((REPOSITORY / "topologies" / "make_layers.py").read_text())
    subprocess.run([sys.executable, str(script)], check=True)
    for depth in (2, 3, 4):
        name = f"layers_{depth}.yaml"
        assert (tmp_path / name).read_text() == (REPOSITORY / "topologies" / name).read_text()


def test_layer_scenarios_share_devices_data_and_local_steps() -> None:
    from netsim.scenario import grow, load

    scenarios = [load(f"mnist_layers_{depth}") for depth in (2, 3, 4)]
    trees = [grow(scenario) for scenario in scenarios]
    positions = [[(d.name, d.x_m, d.y_m) for d in tree.levels[0]] for tree in trees]
    assert [tree.depth for tree in trees] == [2, 3, 4]
    assert positions[0] == positions[1] == positions[2]
    assert len({scenario.task for scenario in scenarios}) == 1
    assert {
        scenario.layered_algorithm.steps(tree.depth) for scenario, tree in zip(scenarios, trees, strict=True)
    } == {16}


def test_every_mutation_matches_its_file_once() -> None:
    from tests.mutations import MUTATIONS, apply_mutation

    assert len(MUTATIONS) >= 90
    for mutation in MUTATIONS:
        assert apply_mutation(mutation, REPOSITORY) != (REPOSITORY / mutation.file).read_text()
        assert all((REPOSITORY / file).is_file() for file in mutation.files)
