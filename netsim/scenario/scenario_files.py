"""Lookup of scenario and topology files: beside the scenario, in the working folder, shipped with netsim."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from netsim.scenario.errors import ScenarioError, suggestion

SUFFIXES = (".yaml", ".yml", ".json")


def shipped_folder() -> Path:
    """Return the folder with `scenarios/` and `topologies/`: `netsim/_data` in the wheel, else the repository."""
    package = Path(str(files("netsim")))
    return package / "_data" if (package / "_data").is_dir() else package.parent


def shipped(kind: str = "scenarios") -> list[str]:
    """Return the names of shipped `scenarios` or `topologies` without suffix, such as `papers/deadline_mnist`."""
    return sorted(_shipped_files(kind))


def find_scenario(path_or_name: str | Path) -> Path:
    """Return the file of a path or of a shipped scenario's name, with or without folder. Raises ScenarioError."""
    given = Path(path_or_name)
    if given.is_file():
        return given
    if given.is_dir():
        raise ScenarioError([f"{given}: is a folder; name a scenario file in it"])
    shipped_paths = _shipped_files("scenarios")
    name = given.as_posix()
    if known := shipped_paths.get(name) or next(
        (shipped_paths[n] for n in sorted(shipped_paths) if n.endswith(f"/{name}")), None
    ):
        return known
    if given.suffix in SUFFIXES or len(given.parts) > 1:
        raise ScenarioError(
            [f"{given}: no such file; `netsim init` writes a sample, shipped: {_shipped_names()}"]
        )
    text = f"'{given}' is neither a file nor a shipped scenario{suggestion(str(given), shipped())}"
    raise ScenarioError([text])


def _shipped_files(kind: str) -> dict[str, Path]:
    """Return shipped files by their path below the folder of their kind, without suffix."""
    root = shipped_folder() / kind
    files = (path for path in root.rglob("*") if path.suffix in SUFFIXES)
    return {path.relative_to(root).with_suffix("").as_posix(): path for path in files}


def search_folders(beside: Path | None) -> tuple[Path, ...]:
    """Return the folders in which topology files are looked up: beside the scenario, here, shipped ones."""
    folders = [*([beside] if beside else []), Path.cwd(), shipped_folder()]
    return tuple(dict.fromkeys(folder.resolve() for folder in folders))


def _shipped_names() -> str:
    return ", ".join(shipped()) or "none"
