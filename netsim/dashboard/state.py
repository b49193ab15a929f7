"""State shared by all pages: the folder of results, the started runs, the drafts, and the available scenarios."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from urllib.parse import parse_qs

from netsim.dashboard.address import NAME_PATTERN, RUN_KEY, DashboardError, is_inside, run_folder
from netsim.dashboard.jobs import FOLDER, Jobs
from netsim.results.run_folder import require_file
from netsim.scenario import sample_text, shipped
from netsim.scenario.scenario_files import find_scenario
from netsim.scenario.yaml_document import MAX_TEXT_LENGTH

MAX_DRAFTS = 32
"""Maximum number of stored drafts."""
SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class Source:
    """A scenario's text, its name in messages, and the folder in which its files are looked up."""

    text: str
    name: str
    folder: Path | None = None


@dataclass(frozen=True)
class DashboardState:
    """The folder of results, the runs that the dashboard started, and the drafts."""

    folder: Path
    jobs: Jobs
    drafts: dict[str, str] = field(default_factory=dict)
    """The latest scenarios that pages generated for the editor, by digest of their text."""

    def save_draft(self, text: str) -> str:
        """Store a scenario for the editor and return the address that opens it."""
        key = blake2b(text.encode(), digest_size=8).hexdigest()
        self.drafts[key] = text
        for old in list(self.drafts)[:-MAX_DRAFTS]:
            self.drafts.pop(old, None)
        return f"/edit?draft={key}"

    def scenarios(self) -> list[str]:
        """Names of the available scenarios: YAML files in the folder, then those shipped with netsim."""
        own = [path.name for path in sorted(self.folder.glob("*")) if path.suffix in SUFFIXES]
        return [*own, *(name for name in shipped() if name not in own)]

    def source(self, key: str) -> Source:
        """The scenario of a file in the folder, a shipped name, a run `name/digest`, or the key of a started run.

        Raises DashboardError if there is none.
        """
        if RUN_KEY.fullmatch(key):
            path = require_file(run_folder(self.folder, key), "scenario.yaml")
            return Source(_text(path), f"{key}/scenario.yaml")
        saved = self.folder / FOLDER / f"{key}.yaml"
        if NAME_PATTERN.fullmatch(key) and saved.is_file():
            return Source(_text(saved), saved.name)
        if key not in self.scenarios():
            raise DashboardError(f"there is no scenario {key[:80]!r}; choose one from the list")
        own = self.folder / key
        if not own.is_file():
            shipped_file = find_scenario(key)
            return Source(_text(shipped_file), shipped_file.name, shipped_file.parent)
        if not is_inside(self.folder, own):
            raise DashboardError(f"{key} is a link to a file outside the folder; copy the file into it")
        return Source(_text(own), key, self.folder)


def sample_source() -> Source:
    """The commented sample scenario of `netsim init`."""
    return Source(sample_text(), "scenario.yaml")


def query_value(search: str | None, name: str) -> str:
    """A value of a URL's query string; "" if it is missing."""
    return next(iter(parse_qs((search or "").removeprefix("?")).get(name, [])), "")


def _text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DashboardError(f"{path.name} cannot be read: {error}") from None
    if len(text) > MAX_TEXT_LENGTH:
        raise DashboardError(f"{path.name} has {len(text)} characters; the limit is {MAX_TEXT_LENGTH}")
    return text
