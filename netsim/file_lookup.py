"""Where files that a scenario names are looked for, and the error that tells all places."""

from __future__ import annotations

import os
from pathlib import Path


def places(path: str, beside: Path | None = None) -> list[Path]:
    """The files that `path` may mean: as it is where absolute; else beside the scenario, here, or among the data."""
    given = Path(path).expanduser()
    if given.is_absolute():
        return [given]
    data = os.environ.get("NETSIM_DATA")
    folders = [*([beside] if beside else []), Path(), *([Path(data).expanduser()] if data else [])]
    return list(dict.fromkeys(folder / given for folder in folders))


def located(path: str, what: str, beside: Path | None = None) -> Path:
    """The first of `places` that is a file. Raises ValueError naming all of them."""
    tries = places(path, beside)
    found = next((place for place in tries if place.is_file()), None)
    if found is None:
        looked = ", ".join(str(place.absolute()) for place in tries)
        raise ValueError(f"no {what} {path!r}: looked for {looked}; give a path from one of these folders")
    return found
