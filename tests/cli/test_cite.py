"""What `netsim cite` prints and `netsim list` shows: an entry for every citation key, and no unused entry."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from netsim.cli.cite_command import cite_command
from netsim.network import PRESET_CITATIONS, PRESETS
from netsim.results.bibliography import citation_keys, entries, entry_of, label_of, parts_in
from netsim.scenario import PARTS, load
from tests.cli.command_line import netsim
from tests.cli.test_external_parts import ALGORITHM, GOOD
from tests.conftest import REPOSITORY

ALL_PARTS = [
    (kind, name, part) for kind, catalogue in PARTS.items() for name, part in catalogue.registry.items()
]
all_parts = pytest.mark.parametrize(
    ("kind", "name", "part"), ALL_PARTS, ids=lambda value: value if isinstance(value, str) else ""
)
TITLES = {  # from the pages of arXiv
    "arXiv:2505.08145": ("Multi-Layer Hierarchical Federated Learning with Quantization", "Azimi-Abarghouyi"),
    "arXiv:2602.02355": ("Mitigating Heterogeneity-Induced Drift in Hierarchical Sign-Based", "Kazemi"),
    "arXiv:2103.14272": (
        "Hierarchical Federated Learning with Quantization: Convergence Analysis",
        "Letaief",
    ),
    "arXiv:2409.18448": (
        "Hierarchical Federated Learning with Multi-Timescale Gradient Correction",
        "Brinton",
    ),
}


@all_parts
def test_every_citation_key_of_a_part_has_an_entry_and_a_valid_condition(
    kind: str, name: str, part: type
) -> None:
    assert [key for key in citation_keys(part) if key not in entries()] == []
    names = {field.name for field in fields(part)}
    conditions = [text.partition("=")[0] for text in getattr(part, "citations", {}).values() if text]
    assert set(conditions) <= names


def test_every_preset_has_citations_with_entries() -> None:
    assert set(PRESET_CITATIONS) == set(PRESETS)
    assert {key for keys in PRESET_CITATIONS.values() for key in keys} <= set(entries())


def test_every_entry_is_cited_by_a_part_or_a_preset() -> None:
    used = {key for _, _, part in ALL_PARTS for key in citation_keys(part)}
    used |= {key for keys in PRESET_CITATIONS.values() for key in keys}
    assert set(entries()) == used


def test_entries_are_bibtex_with_author_title_unique_keys_and_unique_labels() -> None:
    bibliography = list(entries().values())
    assert len({entry.label for entry in bibliography}) == len(bibliography) >= 40
    for entry in bibliography:
        assert re.fullmatch(
            r"@(misc|article|book|inproceedings|techreport){[\w]+,\n(  \w+ = {.+},\n)+}", entry.text
        )
        assert entry.text.count("{") == entry.text.count("}")
        assert {"author", "title"} <= set(re.findall(r"^  (\w+) = ", entry.text, re.MULTILINE))
    bib = (REPOSITORY / "netsim" / "results" / "references.bib").read_text()
    assert len(re.findall(r"^@", bib, re.MULTILINE)) == len(bibliography)


def test_the_label_of_an_arxiv_entry_is_its_eprint_number() -> None:
    for entry in entries().values():
        if entry.label.startswith("arXiv:"):
            assert f"  eprint = {{{entry.label.removeprefix('arXiv:')}}},\n" in entry.text


@pytest.mark.parametrize("label", TITLES)
def test_titles_and_authors_are_those_of_the_papers(label: str) -> None:
    entry = entry_of(label)
    assert entry is not None
    assert all(text in entry.text for text in TITLES[label])


def test_the_algorithm_s_parts_the_data_and_the_cell_s_standards_are_cited(tmp_path: Path) -> None:
    done = netsim("cite", "quickstart", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    keys = re.findall(r"^@\w+{(\w+),", done.stdout, re.MULTILINE)
    assert {"netsim", "azimi2025multilayer", "alistarh2016qsgd", "mcmahan2016fedavg", "3gpp38901"} <= set(
        keys
    )
    assert len(keys) == len(set(keys))
    assert "fang2019poisoning" not in keys
    assert "\n% compressor qsgd\n@misc{alistarh2016qsgd,\n" in done.stdout
    assert "label = " not in done.stdout


def test_cite_works_without_docstrings(tmp_path: Path) -> None:
    command = [sys.executable, "-OO", "-m", "netsim", "cite", "quickstart"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "azimi2025multilayer" in done.stdout


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("algorithm.qmlhfl.code=entropy", "duda2013ans"),
        ("network[1].wired.window=1 MB", "mathis1997tcp"),
        ("task.shifts=[{label_flip: 0.1}]", "fang2019poisoning"),
    ],
)
def test_a_reference_of_an_option_is_cited_only_if_the_option_is_used(
    override: str, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    cite_command("quickstart", [])
    assert key not in capsys.readouterr().out
    cite_command("quickstart", [override])
    assert f"{{{key}," in capsys.readouterr().out


def test_a_key_of_an_external_part_without_an_entry_is_printed_as_it_is(tmp_path: Path) -> None:
    source = GOOD.replace(
        "class Half:", 'class Half:\n    citations = {"arXiv:2012.34567": "", "3gpp38901": ""}\n'
    )
    (tmp_path / "mine.py").write_text(source)
    output = netsim("cite", "quickstart", ALGORITHM, cwd=tmp_path).stdout
    assert "% mine:Half: cites arXiv:2012.34567, for which netsim has no entry" in output
    assert re.search(r"^% .*mine:Half.*\n@misc{3gpp38901,", output, re.MULTILINE)


def test_nested_parts_are_cited() -> None:
    chain = "{chain: {first: {top_k: 0.1}, then: {dither: 4}}}"
    layers = f"[{{tau: 1, up: {chain}, rule: median}}, {{tau: 1, up: none, rule: mean}}, {{tau: 1, up: none, rule: mean}}]"
    scene = load(
        "quickstart", [f"algorithm={{leaf: {{learning_rate: 0.2, batch_size: 8}}, layers: {layers}}}"]
    )
    names = {type(part).__name__ for part in parts_in(scene)}
    assert {"Chain", "TopK", "Dither", "Median", "Mean", "Lognormal", "Cell"} <= names


def test_list_prints_arguments_description_and_references_of_each_part(tmp_path: Path) -> None:
    output = netsim("list", cwd=tmp_path).stdout
    for kind, name, part in ALL_PARTS:
        (description,) = re.findall(
            rf"^  {name}(?:\(.*\))?\n      .+\n(?:      references: .+\n)?",
            section_of(output, kind),
            re.MULTILINE,
        )
        assert all(label_of(key) in description for key in citation_keys(part)), description


def section_of(output: str, kind: str) -> str:
    """The section of one kind of part."""
    from netsim.scenario.listing import KIND_PLURALS

    return re.split(r"^\S.*:\n", output.split(f"\n{KIND_PLURALS[kind]}:\n")[1], flags=re.MULTILINE)[0]


def test_parts_of_a_sweep_are_cited(capsys: pytest.CaptureFixture[str]) -> None:
    cite_command("quickstart", ["sweep={wait: [[all, all, all], [{buffer: {size: 2}}, all, all]]}"])
    assert "{2106.06639}" in capsys.readouterr().out
