"""Where scenario and topology files are: beside each other, in the working folder, or shipped with netsim."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from netsim.scenario.errors import ScenarioError, nearest

SUFFIXES = (".yaml", ".yml", ".json")


def shipped_folder() -> Path:
    """The folder that holds `scenarios/` and `topologies/`: in the wheel `netsim/_data`, else the repository."""
    package = Path(str(files("netsim")))
    return package / "_data" if (package / "_data").is_dir() else package.parent


def shipped(kind: str = "scenarios") -> list[str]:
    """Names of the `scenarios` or `topologies` that come with netsim, without suffix, as `papers/deadline_mnist`."""
    return sorted(_named(kind))


def find(path_or_name: str | Path) -> Path:
    """The scenario file of a path, or of a shipped scenario's name, its folder said or not. Raises ScenarioError."""
    given = Path(path_or_name)
    if given.is_file():
        return given
    if given.is_dir():
        raise ScenarioError([f"{given}: is a folder; name a scenario file in it"])
    shelf = _named("scenarios")
    name = given.as_posix()
    if known := shelf.get(name) or next((shelf[n] for n in sorted(shelf) if n.endswith(f"/{name}")), None):
        return known
    if given.suffix in SUFFIXES or len(given.parts) > 1:
        raise ScenarioError(
            [f"{given}: no such file; `netsim init` writes a sample, shipped: {_shipped_folder()}"]
        )
    said = f"'{given}' is neither a file nor a shipped scenario{nearest(str(given), shipped())}"
    raise ScenarioError([said])


def _named(kind: str) -> dict[str, Path]:
    """Shipped files by their path below the folder of their kind, without suffix."""
    root = shipped_folder() / kind
    files = (path for path in root.rglob("*") if path.suffix in SUFFIXES)
    return {path.relative_to(root).with_suffix("").as_posix(): path for path in files}


def search_folders(beside: Path | None) -> tuple[Path, ...]:
    """Where a scenario's topology files are looked up: beside it, in the working folder, among those shipped."""
    folders = [*([beside] if beside else []), Path.cwd(), shipped_folder()]
    return tuple(dict.fromkeys(folder.resolve() for folder in folders))


def _shipped_folder() -> str:
    return ", ".join(shipped()) or "none"
