"""Every link between the pages leads somewhere: to a file of the repository, and to a heading it has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import REPOSITORY
from tests.docs.pages import DOCS, PAGES, anchors, broken, links


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(REPOSITORY)))
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    assert not broken(page)


def test_a_wrong_file_and_a_wrong_anchor_are_found(tmp_path: Path) -> None:
    page = tmp_path / "a.md"
    page.write_text(
        "# One `key`: two\n[x](b.md) [y](#one-key-two) [z](#three) [w](https://example.org)\n`[v](u.md)`"
    )
    assert broken(page) == ["b.md", "#three"]


def test_anchors_are_made_as_github_makes_them() -> None:
    text = "# `netsim run`\n## Part: rate map\n## Why? Because (of it)\n## Why? Because (of it)\n```\n# no heading\n```\n"
    assert anchors(text) == {"netsim-run", "part-rate-map", "why-because-of-it", "why-because-of-it-1"}


def test_the_index_leads_to_every_page() -> None:
    index = DOCS / "README.md"
    told = {(DOCS / link.partition("#")[0]).resolve() for link in links(index.read_text())}
    assert not {page for page in PAGES if DOCS in page.parents and page != index} - told


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(REPOSITORY)))
def test_no_block_hides_from_the_tests_by_its_indentation(page: Path) -> None:
    assert "\n ```" not in re.sub(r"\n +", "\n ", page.read_text())
