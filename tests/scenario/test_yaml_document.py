"""YAML 1.2 is parsed to plain data with positions; other content gives a one-line error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from netsim.scenario import ScenarioError, load, load_text
from netsim.scenario.yaml_document import parse
from tests.scenario.sample_scenarios import error_lines


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1e-3", 0.001),
        ("1e3", 1000.0),
        ("-.5", -0.5),
        ("012", 12),
        ("0x1F", 31),
        ("1_000", 1000),
        ("no", "no"),
        ("on", "on"),
        ("true", True),
        ("~", None),
        ("", None),
        ("2024-01-01", "2024-01-01"),
        ("1:30", "1:30"),
        ("20 MHz", "20 MHz"),
        ("'5'", "5"),
        ("[1, [a]]", [1, ["a"]]),
    ],
)
def test_scalars_follow_yaml_1_2(written: str, value: Any) -> None:
    parsed = parse(f"key: {written}").data["key"]
    assert parsed == value
    assert type(parsed) is type(value)


def test_own_keys_precede_merged_keys() -> None:
    text = "base: &b {x: 1, y: 2}\nnext: {<<: *b, y: 3}\nlast: {<<: [{z: 0}, *b]}"
    assert parse(text).data["next"] == {"y": 3, "x": 1}
    assert parse(text).data["last"] == {"z": 0, "x": 1, "y": 2}


@pytest.mark.parametrize(
    ("loc", "of_key", "starts"),
    [
        (("b", "c"), True, "c: [10"),
        (("b", "c"), False, "[10, 20]"),
        (("b", "c", 1), False, "20]"),
        (("e", 0, "f"), False, "deep"),
        (("e", 0, "missing", "further"), False, "f: deep"),
        (("missing",), False, "a: 1"),
    ],
)
def test_positions_are_lines_and_columns_of_the_text(
    loc: tuple[str | int, ...], of_key: bool, starts: str
) -> None:
    text = "a: 1\nb: {c: [10, 20]}\ne:\n  - f: deep\n"
    line, column = parse(text).where(loc, of_key=of_key)
    assert text.splitlines()[line - 1][column - 1 :].startswith(starts)


EXPONENTIAL_ALIASES = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10)
)
ALIAS_ERROR = "bad.yaml: unfolds to over 148 levels or 50000 repeated values; do aliases run in a circle?"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", "bad.yaml: the scenario is empty; `netsim init` writes a sample"),
        ("# nothing\n", "bad.yaml: the scenario is empty; `netsim init` writes a sample"),
        ("- 1", "bad.yaml:1:1: a scenario is a mapping (key: value), got [1]"),
        ("quickstart", "bad.yaml:1:1: a scenario is a mapping (key: value), got 'quickstart'"),
        ("a: 1\nb: 2\na: 3", "bad.yaml:3:1: a: written twice; the first stands on line 1"),
        ("a:\n\tb: 1", "bad.yaml:2:1: a tab stands where YAML wants spaces; indent with spaces"),
        ("a: [1", "bad.yaml:1:6: this is not YAML: while parsing a flow sequence, expected ',' or ']', but got '<stream end>'"),
        ("a: !!python/name:os 1", "bad.yaml:1:4: a: tag 'tag:yaml.org,2002:python/name:os' is not read; write plain data"),
        ("a: {[1]: 2}", "bad.yaml:1:5: a: a key must be a word"),
        ("a: " + "9" * 5000, f"bad.yaml:1:4: a: {'9' * 37}... is not a readable int"),
        ("--- 1\n--- 2", "bad.yaml:2:1: this is not YAML: expected a single document in the stream, but found another document"),
        ("a: \x00", "bad.yaml: this is not YAML: unacceptable character #x0000: special characters are not allowed"),
        ("[" * 5000, "bad.yaml: nested deeper than 148 levels"),
        ("a: &x [*x]", ALIAS_ERROR),
        ("a: &x {<<: *x}", ALIAS_ERROR),
        (EXPONENTIAL_ALIASES, ALIAS_ERROR),
    ],
)  # fmt: skip
def test_invalid_documents_give_a_one_line_error(text: str, line: str) -> None:
    assert error_lines(text) == [line]


def test_a_binary_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "picture.yaml"
    path.write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(ScenarioError, match=r"picture.yaml: not a text in UTF-8"):
        load(path)


def test_a_too_large_text_is_refused_without_parsing() -> None:
    with pytest.raises(ScenarioError, match="at most 5000000 are read"):
        load_text("# " + "x" * 5_000_000)
