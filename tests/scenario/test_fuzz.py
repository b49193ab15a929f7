"""Whatever text comes, the answer is a Scenario or a ScenarioError."""

from __future__ import annotations

import io
import random

from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from netsim.scenario import ScenarioError, digest, load_text, resolved
from netsim.scenario.yaml_document import parse
from tests.scenario.scenes import SCENE

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


def answers(text: str, overrides: tuple[str, ...] = ()) -> bool:
    """Whether the text is a scenario; anything but ScenarioError escapes."""
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
def test_random_text(text: str) -> None:
    answers(text)


@settings(deadline=None, max_examples=100)
@given(st.text(alphabet="{}[]:,-&*!|>'\"#%@` \n\tab1<.~?", max_size=60))
def test_text_of_yaml_signs(text: str) -> None:
    answers(text)


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 2**32), st.data())
def test_a_valid_scenario_with_one_node_replaced(seed: int, data: st.DataObject) -> None:
    tree = parse(SCENE).data
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
    answers(stream.getvalue())


@settings(deadline=None, max_examples=100)
@given(st.integers(0, len(SCENE) - 1), st.integers(0, 12), st.text(max_size=6))
def test_a_valid_scenario_with_some_letters_replaced(at: int, length: int, new: str) -> None:
    answers(SCENE[:at] + new + SCENE[at + length :])


@settings(deadline=None, max_examples=100)
@given(st.text(max_size=12), st.text(max_size=12))
def test_random_overrides(path: str, value: str) -> None:
    answers(SCENE, (f"{path}={value}",))
    answers(SCENE, (f"stop.{path}={value}",))
