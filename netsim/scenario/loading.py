"""Loading of scenarios: from a file or a shipped name, with overrides and errors at their places."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from netsim.scenario import yaml_document
from netsim.scenario.attached_files import resolve_files
from netsim.scenario.consistency import ValidationContext
from netsim.scenario.errors import Loc, Problem, ScenarioError, format_path, format_value, problems_of
from netsim.scenario.overrides import BadOverrideError, parse_override, replace_at
from netsim.scenario.scenario_files import find_scenario, search_folders
from netsim.scenario.schema import Scenario
from netsim.scenario.yaml_document import MAX_TEXT_LENGTH, Document, UnreadableError


def load(path_or_name: str | Path, overrides: Sequence[str] = ()) -> Scenario:
    """Return the scenario of a file or of a shipped name (`quickstart`), after `key.path=value` overrides.

    Raises ScenarioError with all problems, one `file:line:column: path: ...` per line.
    """
    path = find_scenario(path_or_name)
    try:
        if path.stat().st_size > 4 * MAX_TEXT_LENGTH:
            raise ScenarioError([f"{path}: larger than {4 * MAX_TEXT_LENGTH} bytes; is this a scenario?"])
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ScenarioError([f"{path}: not a text in UTF-8; is this a scenario?"]) from None
    except OSError as error:
        raise ScenarioError([f"{path}: {error.strerror}"]) from None
    return load_text(text, str(path), overrides, path.parent)


def load_text(
    text: str, name: str = "<text>", overrides: Sequence[str] = (), beside: Path | None = None
) -> Scenario:
    """Return the scenario of a YAML text; errors name it `name`; the folder `beside` is searched for its files first.

    Raises ScenarioError.
    """
    source = _ScenarioSource(name)
    try:
        source.document = yaml_document.parse(text)
    except UnreadableError as error:
        raise ScenarioError([yaml_document.line_of(name, error)]) from None
    data = source.document.data
    if data is None:
        raise ScenarioError([f"{name}: the scenario is empty; `netsim init` writes a sample"])
    if not isinstance(data, dict):
        raise ScenarioError([f"{name}:1:1: a scenario is a mapping (key: value), got {format_value(data)}"])
    data = source.override(data, overrides)
    try:
        scenario = Scenario.model_validate(data, context=ValidationContext(search_folders(beside)))
    except ValidationError as error:
        raise source.to_scenario_error(problems_of(error, Scenario.model_fields)) from None
    scenario, missing = resolve_files(scenario, beside)
    if missing:
        raise source.to_scenario_error(missing)
    return scenario


@dataclass
class _ScenarioSource:
    """The origin of values: the text of the file, or the command line."""

    name: str
    document: Document = field(default_factory=Document)
    changed: list[Loc] = field(default_factory=list)

    def override(self, data: Mapping[str, Any], overrides: Sequence[str]) -> Any:
        """Return the data with all overrides applied. Raises ScenarioError for all invalid ones."""
        tree: Any = data
        lines: list[str] = []
        for change in overrides:
            try:
                loc, value = parse_override(change)
                tree, made = replace_at(tree, loc, value)
                self.changed.append(made)
            except BadOverrideError as error:
                lines.append(f"command line: {error}")
        if lines:
            raise ScenarioError(lines)
        return tree

    def to_scenario_error(self, problems: Sequence[Problem]) -> ScenarioError:
        """Return the problems as lines, in the order of the file, those of the command line last."""
        at_fault = [self._by_command_line(problem.loc) for problem in problems]
        placed = [
            (
                command_line,
                (0, 0) if command_line else self.document.where(problem.loc, of_key=problem.of_key),
                problem,
            )
            for command_line, problem in zip(at_fault, problems, strict=True)
        ]
        placed.sort(key=lambda entry: entry[:2])
        return ScenarioError([self._line(*entry) for entry in placed])

    def _by_command_line(self, loc: Loc) -> bool:
        return any(loc[: len(change)] == change for change in self.changed)

    def _line(self, command_line: bool, place: tuple[int, int], problem: Problem) -> str:
        where = "command line" if command_line else f"{self.name}:{place[0]}:{place[1]}"
        path = format_path(problem.loc)
        return f"{where}: {path + ': ' if path else ''}{problem.message}"
