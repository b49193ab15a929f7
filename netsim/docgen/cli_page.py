"""`docs/cli.md`: every command, argument and option as the program's own `--help` has them."""

from __future__ import annotations

import re

from netsim.docgen.field_types import escaped

_HEAD = """\
# Commands

<!-- Made by `make docs` from the program itself; change the help texts in netsim/cli, not this page. -->

Exit codes: 0 fine, 1 your input (usage errors too), 3 our bug, 130 interrupted. Results go to stdout, progress and
hints to stderr. What stands for a scenario is a file, or the name of one that ships. `key.path=value` after it
overrides any key ([yaml.md](yaml.md) has them all); quote it where your shell would read brackets.
"""


def commands_page() -> str:
    """The page; typer writes what it knows of each command."""
    import typer
    from typer.cli import get_docs_for_click

    from netsim.cli import app

    command = typer.main.get_command(app.app)
    text = get_docs_for_click(obj=command, ctx=typer.Context(command), name="netsim")
    lines = [escaped(line) for line in text.splitlines()]
    return _HEAD + "\n" + "\n".join(_below(lines)).strip() + "\n"


def _below(lines: list[str]) -> list[str]:
    """Without typer's own title; the index names each command whole and leads to it."""
    kept = lines[lines.index("**Commands**:") :]
    firsts = dict(_openings(kept))
    return [_entry(line, firsts) for line in kept]


def _openings(lines: list[str]) -> list[tuple[str, str]]:
    """The name of each command with the first line of its help."""
    heads = [place for place, line in enumerate(lines) if line.startswith("## `netsim ")]
    return [(lines[place].split("`")[1].removeprefix("netsim "), lines[place + 2]) for place in heads]


def _entry(line: str, firsts: dict[str, str]) -> str:
    """An entry of the index as a link with the whole first line, which typer cuts short."""
    entry = re.match(r"\* `(\w+)`: ", line)
    if entry is None or entry[1] not in firsts:
        return line
    return f"* [`netsim {entry[1]}`](#netsim-{entry[1]}): {firsts[entry[1]]}"
