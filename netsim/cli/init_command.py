"""`netsim init` and `netsim export schema`: commands that write one file."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from netsim.cli.exit_codes import InputError


def init_command(path: Path) -> int:
    """Write the commented sample scenario; existing files are not overwritten."""
    from netsim.scenario import sample_text

    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(sample_text())
    except FileExistsError:
        raise InputError(f"{path} exists already; name another file") from None
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from None
    sys.stdout.write(f"wrote {path}; next: netsim check {path}, then netsim run {path}\n")
    return 0


def schema_command(path: Path | None) -> int:
    """Write the JSON schema of scenarios to a file or stdout."""
    from netsim.scenario import json_schema

    text = json.dumps(json_schema(), indent=2) + "\n"
    if path is None:
        sys.stdout.write(text)
        return 0
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}") from None
    sys.stdout.write(f"wrote {path}; in a scenario's first line: # yaml-language-server: $schema={path}\n")
    return 0
