"""What `netsim cite` prints and `netsim list` shows: an entry for every citation key, and no entry without a user."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from netsim.cli.cite_command import cite_command
from netsim.network import PRESET_CITATIONS, PRESETS
from netsim.results.references import citation_keys, entries, entry_of, label_of, parts_in
from netsim.scenario import PARTS, load
from tests.cli.calling import netsim
from tests.cli.test_external_parts import GOOD, LADDER
from tests.conftest import REPOSITORY

EVERY = [(kind, name, part) for kind, shelf in PARTS.items() for name, part in shelf.registry.items()]
every = pytest.mark.parametrize(
    ("kind", "name", "part"), EVERY, ids=lambda value: value if isinstance(value, str) else ""
)
TRUE = {  # looked up on arXiv's own pages
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


@every
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
    used = {key for _, _, part in EVERY for key in citation_keys(part)}
    used |= {key for keys in PRESET_CITATIONS.values() for key in keys}
    assert set(entries()) == used


def test_entries_are_bibtex_with_author_title_unique_keys_and_unique_labels() -> None:
    found = list(entries().values())
    assert len({entry.label for entry in found}) == len(found) >= 40
    for entry in found:
        assert re.fullmatch(
            r"@(misc|article|book|inproceedings|techreport){[\w]+,\n(  \w+ = {.+},\n)+}", entry.text
        )
        assert entry.text.count("{") == entry.text.count("}")
        assert {"author", "title"} <= set(re.findall(r"^  (\w+) = ", entry.text, re.MULTILINE))
    bib = (REPOSITORY / "netsim" / "results" / "references.bib").read_text()
    assert len(re.findall(r"^@", bib, re.MULTILINE)) == len(found)


def test_the_label_of_an_arxiv_entry_is_its_eprint_number() -> None:
    for entry in entries().values():
        if entry.label.startswith("arXiv:"):
            assert f"  eprint = {{{entry.label.removeprefix('arXiv:')}}},\n" in entry.text


@pytest.mark.parametrize("mark", TRUE)
def test_titles_and_authors_are_those_of_the_papers(mark: str) -> None:
    entry = entry_of(mark)
    assert entry is not None
    assert all(words in entry.text for words in TRUE[mark])


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
    own = GOOD.replace(
        "class Half:", 'class Half:\n    citations = {"arXiv:2012.34567": "", "3gpp38901": ""}\n'
    )
    (tmp_path / "mine.py").write_text(own)
    output = netsim("cite", "quickstart", LADDER, cwd=tmp_path).stdout
    assert "% mine:Half: cites arXiv:2012.34567, for which netsim has no entry" in output
    assert re.search(r"^% .*mine:Half.*\n@misc{3gpp38901,", output, re.MULTILINE)


def test_parts_are_found_at_any_depth() -> None:
    chain = "{chain: {first: {top_k: 0.1}, then: {dither: 4}}}"
    layers = f"[{{tau: 1, up: {chain}, rule: median}}, {{tau: 1, up: none, rule: mean}}, {{tau: 1, up: none, rule: mean}}]"
    scene = load(
        "quickstart", [f"algorithm={{leaf: {{learning_rate: 0.2, batch_size: 8}}, layers: {layers}}}"]
    )
    names = {type(part).__name__ for part in parts_in(scene)}
    assert {"Chain", "TopK", "Dither", "Median", "Mean", "Lognormal", "Cell"} <= names


def test_list_shows_each_part_with_its_arguments_a_line_and_its_references(tmp_path: Path) -> None:
    told = netsim("list", cwd=tmp_path).stdout
    for kind, name, part in EVERY:
        (shown,) = re.findall(
            rf"^  {name}(?:\(.*\))?\n      .+\n(?:      references: .+\n)?",
            shelf_of(told, kind),
            re.MULTILINE,
        )
        assert all(label_of(key) in shown for key in citation_keys(part)), shown


def shelf_of(told: str, kind: str) -> str:
    """What is listed of one kind of part."""
    from netsim.scenario.listing import KIND_PLURALS

    return re.split(r"^\S.*:\n", told.split(f"\n{KIND_PLURALS[kind]}:\n")[1], flags=re.MULTILINE)[0]


def test_what_a_sweep_compares_is_cited_too(capsys: pytest.CaptureFixture[str]) -> None:
    cite_command("quickstart", ["sweep={wait: [[all, all, all], [{buffer: {size: 2}}, all, all]]}"])
    assert "{2106.06639}" in capsys.readouterr().out
