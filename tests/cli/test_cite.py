"""What `netsim cite` prints and `netsim list` shows: an entry for all that any part cites, and none for nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from netsim.cli.cite_command import cite_command
from netsim.network import SOURCES
from netsim.results.references import FORMAL, cited, cited_in, entries, entry_of, parts_in
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
def test_whatever_a_part_cites_has_an_entry(kind: str, name: str, part: type) -> None:
    assert [mark for mark in cited(part) if entry_of(mark) is None] == []
    if " et al" in (part.__doc__ or ""):
        assert cited(part)


def test_every_entry_is_cited_by_a_part_or_a_preset() -> None:
    used = {mark for _, _, part in EVERY for mark in cited(part)}
    used |= {mark for said in SOURCES.values() for mark in cited_in(said)}
    assert {entry.key for entry in entries()} == {entry.key for mark in used if (entry := entry_of(mark))}


def test_entries_are_bibtex_with_an_author_and_a_title_and_keys_of_their_own() -> None:
    assert len({entry.key for entry in entries()}) == len(entries()) >= 40
    for entry in entries():
        assert re.fullmatch(
            r"@(misc|article|book|inproceedings|techreport){[\w]+,\n(  \w+ = {.+},\n)+}", entry.text
        )
        assert entry.text.count("{") == entry.text.count("}")
        assert {"author", "title"} <= set(re.findall(r"^  (\w+) = ", entry.text, re.MULTILINE))
    found = len(re.findall(r"^@", (REPOSITORY / "netsim" / "results" / "references.bib").read_text(), re.MULTILINE))
    assert found == len(entries())


def test_an_arxiv_entry_says_the_number_by_which_it_is_cited() -> None:
    for entry in entries():
        numbers = [mark.removeprefix("arXiv:") for mark in entry.cited if mark.startswith("arXiv:")]
        assert [f"  eprint = {{{number}}},\n" in entry.text for number in numbers] == [True] * len(numbers)


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
    assert "cited = " not in done.stdout


def test_an_override_brings_its_references(tmp_path: Path) -> None:
    done = netsim("cite", "quickstart", "task.shifts=[{label_flip: 0.1}]", cwd=tmp_path)
    assert "% shift label_flip\n@misc{fang2019poisoning," in done.stdout


def test_a_stranger_s_reference_is_named_where_it_is_unknown(tmp_path: Path) -> None:
    doc = '@dataclass(frozen=True)\nclass Half:\n    """Halves (arXiv:2012.34567, TR 38.901)."""'
    (tmp_path / "mine.py").write_text(GOOD.replace("@dataclass(frozen=True)\nclass Half:", doc))
    told = netsim("cite", "quickstart", LADDER, cwd=tmp_path).stdout
    assert "% mine:Half: cites arXiv:2012.34567, of which netsim has no entry" in told
    assert re.search(r"^% .*mine:Half.*\n@misc{3gpp38901,", told, re.MULTILINE)


def test_parts_are_found_at_any_depth() -> None:
    chain = "{chain: {first: {top_k: 0.1}, then: {dither: 4}}}"
    layers = f"[{{tau: 1, up: {chain}, rule: median}}, {{tau: 1, up: none, rule: mean}}, {{tau: 1, up: none, rule: mean}}]"
    scene = load(
        "quickstart", [f"algorithm={{leaf: {{learning_rate: 0.2, batch_size: 8}}, layers: {layers}}}"]
    )
    names = {part.__name__ for part in parts_in(scene)}
    assert {"Chain", "TopK", "Dither", "Median", "Mean", "Lognormal", "Cell"} <= names


def test_list_shows_each_part_with_its_arguments_a_line_and_its_references(tmp_path: Path) -> None:
    told = netsim("list", cwd=tmp_path).stdout
    for kind, name, part in EVERY:
        (shown,) = re.findall(
            rf"^  {name}(?:\(.*\))?\n      .+\n(?:      see .+\n)?", shelf_of(told, kind), re.MULTILINE
        )
        assert all(mark in shown for mark in cited(part) if re.fullmatch(FORMAL, mark)), shown


def shelf_of(told: str, kind: str) -> str:
    """What is listed of one kind of part."""
    from netsim.scenario.listing import KIND_PLURALS

    return re.split(r"^\S.*:\n", told.split(f"\n{KIND_PLURALS[kind]}:\n")[1], flags=re.MULTILINE)[0]


def test_what_a_sweep_compares_is_cited_too(capsys: pytest.CaptureFixture[str]) -> None:
    cite_command("quickstart", ["sweep={wait: [[all, all, all], [{buffer: {size: 2}}, all, all]]}"])
    assert "{2106.06639}" in capsys.readouterr().out
