"""What every page works with: the folder that is shown, the runs that were started, and where scenarios come from."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from urllib.parse import parse_qs

from netsim.dashboard.address import NAME, RUN, DashboardError, is_inside, run_folder
from netsim.dashboard.jobs import FOLDER, Jobs
from netsim.results.run_folder import present
from netsim.scenario import sample_text, shipped
from netsim.scenario.scenario_files import find_scenario
from netsim.scenario.yaml_document import MAX_TEXT_LENGTH

DRAFTS = 32
"""Of them are kept."""
SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class Source:
    """A scenario's text, the name it has in messages, and the folder in which its files are looked up."""

    text: str
    name: str
    beside: Path | None = None


@dataclass(frozen=True)
class DashboardState:
    """The folder of results that the dashboard shows, and the runs that it has started."""

    folder: Path
    jobs: Jobs
    drafts: dict[str, str] = field(default_factory=dict)
    """Scenarios that a page has made and the editor will open, by a name of their own; the latest few."""

    def draft(self, text: str) -> str:
        """Keep a scenario for the editor; the address that opens it there."""
        key = blake2b(text.encode(), digest_size=8).hexdigest()
        self.drafts[key] = text
        for old in list(self.drafts)[:-DRAFTS]:
            self.drafts.pop(old, None)
        return f"/edit?draft={key}"

    def scenarios(self) -> list[str]:
        """What can be opened: YAML files in the folder itself, then the scenarios that ship with netsim."""
        own = [path.name for path in sorted(self.folder.glob("*")) if path.suffix in SUFFIXES]
        return [*own, *(name for name in shipped() if name not in own)]

    def source(self, key: str) -> Source:
        """The scenario of a file in the folder, of a shipped name, of a run `name/digest` or of one launched here.

        Raises DashboardError where there is none.
        """
        if RUN.fullmatch(key):
            path = present(run_folder(self.folder, key), "scenario.yaml")
            return Source(_text(path), f"{key}/scenario.yaml")
        kept = self.folder / FOLDER / f"{key}.yaml"
        if NAME.fullmatch(key) and kept.is_file():
            return Source(_text(kept), kept.name)
        if key not in self.scenarios():
            raise DashboardError(f"there is no scenario {key[:80]!r} here; choose one from the list")
        own = self.folder / key
        if not own.is_file():
            shipped_file = find_scenario(key)
            return Source(_text(shipped_file), shipped_file.name, shipped_file.parent)
        if not is_inside(self.folder, own):
            raise DashboardError(f"{key} leads out of the folder; copy the file there")
        return Source(_text(own), key, self.folder)


def empty() -> Source:
    """The commented sample that `netsim init` writes."""
    return Source(sample_text(), "scenario.yaml")


def asked(search: str | None, name: str) -> str:
    """A value of the address's query, "" where it is not there."""
    return next(iter(parse_qs((search or "").removeprefix("?")).get(name, [])), "")


def _text(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DashboardError(f"{path.name} cannot be read: {error}") from None
    if len(text) > MAX_TEXT_LENGTH:
        raise DashboardError(f"{path.name} has {len(text)} characters, at most {MAX_TEXT_LENGTH} are read")
    return text
