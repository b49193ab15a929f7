"""The pages are executed: their files are written, their commands and scripts run, their outputs are the program's."""

from __future__ import annotations

import re
import runpy
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest
import typer

from tests.conftest import REPOSITORY
from tests.docs.pages import DOCS, PAGES, Block, blocks

HEAVY = ("results.md", "benchmarks.md", "mutations.md", "dashboard.md", "reliability.md", "planner.md")
"""Pages about long runs, or with a test of their own: their commands are parsed and their scenarios loaded."""
OWN_TEST = ("models.md", "scenarios.md")
"""tests/learning/models/test_torch_module.py and tests/cli/test_external_parts.py run these."""
RUN = [page for page in PAGES if DOCS in page.parents and page.name not in (*HEAVY, *OWN_TEST)]


def name(page: Path) -> str:
    return str(page.relative_to(REPOSITORY))


@pytest.mark.parametrize("page", RUN, ids=name)
def test_the_page_does_what_it_says(page: Path, tmp_path: Path) -> None:
    execute(blocks(page.read_text()), tmp_path, slow=False)


@pytest.mark.slow
@pytest.mark.parametrize("page", [p for p in RUN if "<!-- slow -->" in p.read_text()], ids=name)
def test_the_page_does_what_it_says_its_slow_parts_too(page: Path, tmp_path: Path) -> None:
    execute(blocks(page.read_text()), tmp_path, slow=True)


@pytest.mark.parametrize("page", [p for p in PAGES if "```sh" in p.read_text()], ids=name)
def test_every_command_could_be_typed(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for block in blocks(page.read_text()):
        if block.file:
            (tmp_path / block.file).write_text(block.text)
        for line in block.commands:
            check(line)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_and_options_named_in_passing_exist(page: Path) -> None:
    assert not list(unknown(page.read_text()))


def test_an_option_that_nobody_has_is_found_in_passing() -> None:
    assert list(unknown("say `netsim run FILE --fast` or `netsim fly`")) == [
        "netsim run --fast",
        "netsim fly",
    ]


def test_a_page_that_lies_is_caught(tmp_path: Path) -> None:
    page = "```sh\nnetsim check quickstart\n```\n\n```\nlayer 1 ... of gold\n```\n"
    with pytest.raises(AssertionError, match="of gold"):
        execute(blocks(page), tmp_path, slow=False)
    with pytest.raises(AssertionError, match="exit 1"):
        execute(blocks("```sh\nnetsim check quickstop\n```\n"), tmp_path, slow=False)
    with pytest.raises(Exception, match="--fastest"):
        check("netsim optimize quickstart --fastest")


def execute(steps: list[Block], folder: Path, slow: bool) -> None:
    """Go through a page as its reader would, in an empty folder."""
    told = ""
    with standing_in(folder):
        for block in steps:
            skipped = block.mark == "checked" or (block.mark == "slow" and not slow)
            if block.file:
                (folder / block.file).write_text(block.text)
            elif block.language == "sh":
                told = "" if skipped else "".join(shell(line) for line in block.commands)
            elif block.language == "python" and not skipped:
                told = ended(lambda text=block.text: exec(text, {"__name__": "__main__"}), 0, block.text)
            elif block.language == "" and told:
                compare(block.text, told)


@contextmanager
def standing_in(folder: Path) -> Iterator[None]:
    """What a shell and an interpreter started there would see; modules of the page are forgotten afterwards."""
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.syspath_prepend(str(folder))
        yield
    for name in set(sys.modules) - before:
        if str(folder) in (getattr(sys.modules[name], "__file__", None) or ""):
            del sys.modules[name]


def shell(line: str) -> str:
    """Run a line; a comment `# exit 1` says that it is refused. No page has pipes: they are typed, not run."""
    from netsim.cli import main

    expected = re.search(r"# exit (\d+)", line)
    program, *arguments = shlex.split(line, comments=True)
    if program == "python":
        return ended(lambda: runpy.run_path(*arguments, run_name="__main__"), 0, line)
    assert program == "netsim", f"nobody runs {line!r}: mark it as checked"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["netsim", *arguments])
        return ended(main, int(expected[1]) if expected else 0, line)


def ended(action: Callable[[], object], code: int, what: str) -> str:
    """What the action writes, both streams; it must exit with the code."""
    told, found = StringIO(), 0
    with redirect_stdout(told), redirect_stderr(told):
        try:
            action()
        except SystemExit as end:
            found = int(end.code or 0)
    assert found == code, f"{what}\nexit {found}\n{told.getvalue()}"
    return told.getvalue()


def compare(shown: str, told: str) -> None:
    """Every line that is shown was told; `...` stands for anything."""
    lines = [" ".join(line.split()) for line in told.splitlines()]
    for line in filter(None, (" ".join(line.split()) for line in shown.splitlines())):
        pattern = ".*".join(map(re.escape, line.split("...")))
        assert any(re.fullmatch(pattern, one) for one in lines), f"nobody told {line!r}\n{told}"


def check(line: str) -> None:
    """A command that exists, with arguments that its program takes, about a scenario that loads."""
    program, *arguments = shlex.split(re.sub(r"\s*(>|\|).*", "", line), comments=True)
    if program == "netsim":
        parse(arguments, refused="# exit" in line)
    elif program == "make":
        assert f"\n{arguments[0]}:" in (REPOSITORY / "Makefile").read_text()
    elif program == "pip":
        extra = re.search(r"\.\[(\w+)\]", line)
        assert extra is None or f"\n{extra[1]} = [" in (REPOSITORY / "pyproject.toml").read_text()
    else:
        known = ("python", "jupytext", "jupyter", "pre-commit", "source", "cd", "ls")
        assert Path(program).name in known, f"no test for {line!r}"


def unknown(text: str) -> Iterator[str]:
    """Commands, and options of commands, that a page names in a code span and the program does not have."""
    from netsim.cli import app

    commands = typer.main.get_command(app.app).commands  # type: ignore[attr-defined]
    for span in re.findall(r"`netsim ([a-z][^`|]*)`", text):
        command, *words = span.split()
        if command not in commands:
            yield f"netsim {command}"
            continue
        has = {name for option in commands[command].params for name in (*option.opts, *option.secondary_opts)}
        named = [word for word in words if word.startswith("--")]
        yield from (f"netsim {command} {word}" for word in named if word not in {*has, "--help"})


def parse(arguments: list[str], refused: bool) -> None:
    """As typer reads it, and its scenario loaded unless the page says that it is wrong or made on the way."""
    from netsim.cli import app
    from netsim.scenario import load

    group = typer.main.get_command(app.app)
    command = group.commands[arguments[0]]  # type: ignore[attr-defined]
    given = command.make_context(arguments[0], arguments[1:]).params
    scenario = given.get("scenario")
    if scenario is None or refused or (scenario.endswith(".yaml") and not Path(scenario).exists()):
        return
    load(
        REPOSITORY / scenario if scenario.startswith("scenarios/") else scenario, given.get("overrides") or []
    )
