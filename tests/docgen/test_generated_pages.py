"""docs/yaml.md and docs/cli.md are up to date and complete."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from netsim.docgen import PAGES
from netsim.scenario import PARTS, Scenario
from netsim.scenario.dataclass_schema import arguments_of
from tests.conftest import REPOSITORY

YAML = (REPOSITORY / "docs" / "yaml.md").read_text()


def section(heading: str) -> str:
    """The text below a heading of yaml.md."""
    return YAML.partition(f"{heading}\n")[2].partition("\n#")[0]


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_up_to_date(name: str) -> None:
    text = (REPOSITORY / "docs" / name).read_text()
    assert text == PAGES[name](), f"docs/{name} is out of date: run `make docs`"


def test_make_docs_writes_both_pages(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "netsim.docgen", str(tmp_path)], check=True, capture_output=True)
    assert {path.name for path in tmp_path.iterdir()} == {"cli.md", "yaml.md"}


def test_every_key_of_every_section_has_a_row() -> None:
    assert set(Scenario.model_fields) == {
        row.split("`")[1] for row in section("## Top-level keys").splitlines() if row.startswith("| `")
    }
    assert "| `deadline` | [time](#units) or `null` | `null` | > 0 |" in section("## `stop`")


@pytest.mark.parametrize("kind", PARTS)
def test_every_part_has_a_heading_and_a_row_for_each_argument(kind: str) -> None:
    for name, cls in PARTS[kind].registry.items():
        text = section(f"### {kind} `{name}`")
        rows = [row.split("`")[1] for row in text.splitlines() if row.startswith("| `")]
        assert rows == [field.name for field in arguments_of(cls)]


def test_rules_are_those_that_the_program_enforces() -> None:
    """The expected rules were taken by hand from the errors for invalid values."""
    assert "| `alpha` | number | *required* | a finite number > 0 |" in section("### partition `dirichlet`")
    assert "| `levels` | whole number | *required* | 1 to 65535 |" in section("### compressor `qsgd`")
    assert "| `efficiency` | number | `0.2` | in (0, 1] |" in section("### compute `flops`")
    assert "| `rate` | [rate](#units) | `1 Gbit/s` | > 0 |" in section("### network `wired`")
    assert "`tau` | list of whole number | *required* | >= 1; at most 1,000,000,000 |" in section(
        "### recipe `hier_favg`"
    )


def test_every_command_and_option_is_on_the_page() -> None:
    page = (REPOSITORY / "docs" / "cli.md").read_text()
    for command in (
        "run",
        "sweep",
        "optimize",
        "ledger",
        "check",
        "list",
        "cite",
        "init",
        "report",
        "export",
    ):
        assert f"## `netsim {command}`" in page
        assert f"(#netsim-{command})" in page
    assert "* `--deadline <str>`: Simulated time, e.g. 10min" in page
    assert "<name>" not in page.replace("`", ""), "a browser would interpret it as a tag"
