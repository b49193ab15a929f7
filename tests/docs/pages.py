"""How a page is read: headings and links for one test, files, commands and outputs for the other.

A fenced block is a *file* where the paragraph above it ends in "`name.py`:" (or .yaml, .csv, .json), *commands*
where it is `sh`, a *script* where it is `python`, and what the commands or script before it *print* where it has no
language; `...` there stands for anything. A comment `<!-- slow -->` above a block keeps it out of the default suite,
`<!-- checked -->` has its commands parsed and their scenarios loaded only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.conftest import REPOSITORY

DOCS = REPOSITORY / "docs"
PAGES = sorted([*REPOSITORY.glob("*.md"), *DOCS.rglob("*.md"), *REPOSITORY.glob("notebooks/*.md")])

Mark = Literal["run", "slow", "checked"]


@dataclass(frozen=True)
class Block:
    """A fenced block: what it is for, its text, its file name if it is one, and how it is tested."""

    language: str
    text: str
    file: str | None
    mark: Mark

    @property
    def commands(self) -> list[str]:
        """The lines of a `sh` block, continued lines joined."""
        if self.language != "sh":
            return []
        return [line for line in self.text.replace("\\\n", " ").splitlines() if line.strip()]


_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_FILE = re.compile(r"`([\w./-]+\.(?:py|yaml|csv|json))`[^`]*:\s*$")
_MARK = re.compile(r"<!-- (slow|checked) -->\s*$")


def blocks(text: str) -> list[Block]:
    """The fenced blocks of a page, in order."""
    found = []
    for fence in _FENCE.finditer(text):
        above = text[: fence.start()].rstrip()
        mark = _MARK.search(above)
        above = above[: mark.start()].rstrip() if mark else above
        file = _FILE.search(above.rpartition("\n\n")[2]) if fence[1] not in ("", "sh") else None
        found.append(Block(fence[1], fence[2], file[1] if file else None, mark[1] if mark else "run"))  # type: ignore[arg-type]
    return found


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found: dict[str, int] = {}
    names = set()
    for heading in re.findall(r"^#+ (.+)$", _FENCE.sub("", text), re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        again = found.get(name, 0)
        names.add(f"{name}-{again}" if again else name)
        found[name] = again + 1
    return names


def links(text: str) -> list[str]:
    """The targets of a page's links and images that lie in this repository."""
    prose = re.sub(r"`[^`\n]*`", "", _FENCE.sub("", text))
    targets = re.findall(r"\]\(([^)\s]+)\)", prose)
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def broken(page: Path) -> list[str]:
    """The links of a page that lead to no file, or to no heading of it."""
    found = []
    for target in links(page.read_text()):
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        wrong = not path.exists() or (
            anchor and path.suffix == ".md" and anchor not in anchors(path.read_text())
        )
        found += [target] if wrong else []
    return found
