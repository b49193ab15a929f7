"""Any text gives a Scenario or raises ScenarioError."""

from __future__ import annotations

import io
import random

from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from netsim.scenario import ScenarioError, digest, load_text, resolved
from netsim.scenario.yaml_document import parse
from tests.scenario.sample_scenarios import SCENARIO

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(
        ["20 MHz", "5 ms", "-3 s", "1e999 s", "none", "iid", "qsgd", "a:b", "math:sin", "", "..", "0"]
    )
    | st.text(max_size=8)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


def is_scenario(text: str, overrides: tuple[str, ...] = ()) -> bool:
    """Whether the text is a valid scenario; exceptions other than ScenarioError propagate."""
    lines: tuple[str, ...] = ()
    try:
        scenario = load_text(text, "fuzz.yaml", overrides)
    except ScenarioError as error:
        lines = error.lines or ("",)
    if lines:
        assert all(line and line.isprintable() for line in lines)
        return False
    assert digest(load_text(resolved(scenario))) == digest(scenario)
    return True


@settings(deadline=None, max_examples=100)
@given(st.text())
def test_random_text_is_accepted_or_refused(text: str) -> None:
    is_scenario(text)


@settings(deadline=None, max_examples=100)
@given(st.text(alphabet="{}[]:,-&*!|>'\"#%@` \n\tab1<.~?", max_size=60))
def test_text_of_yaml_characters_is_accepted_or_refused(text: str) -> None:
    is_scenario(text)


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 2**32), st.data())
def test_a_scenario_with_one_replaced_node_is_accepted_or_refused(seed: int, data: st.DataObject) -> None:
    tree = parse(SCENARIO).data
    node = tree
    rng = random.Random(seed)
    while True:
        key = rng.choice(list(node) if isinstance(node, dict) else range(len(node)))
        if not isinstance(node[key], dict | list) or not node[key] or rng.random() < 0.3:
            break
        node = node[key]
    node[key] = data.draw(VALUES)
    stream = io.StringIO()
    YAML(typ="safe", pure=True).dump(tree, stream)
    is_scenario(stream.getvalue())


@settings(deadline=None, max_examples=100)
@given(st.integers(0, len(SCENARIO) - 1), st.integers(0, 12), st.text(max_size=6))
def test_a_scenario_with_replaced_characters_is_accepted_or_refused(at: int, length: int, new: str) -> None:
    is_scenario(SCENARIO[:at] + new + SCENARIO[at + length :])


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=12), st.text(max_size=12))
def test_random_overrides_are_accepted_or_refused(path: str, value: str) -> None:
    is_scenario(SCENARIO, (f"{path}={value}",))
    is_scenario(SCENARIO, (f"stop.{path}={value}",))
