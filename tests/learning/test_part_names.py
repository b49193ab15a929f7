"""Parts are identified in digests by their class and their fields, independently of the module that defines them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest

from learning.compressors import Qsgd, TopK
from learning.part_names import class_name, part_name
from netsim.scenario import PARTS


@dataclass(frozen=True)
class External:
    """A part defined outside the two packages."""

    value: int = 1


def test_all_registered_parts_have_distinct_names() -> None:
    classes = {cls for kind in PARTS.values() for cls in kind.registry.values()}
    assert not [name for name, count in Counter(map(class_name, classes)).items() if count > 1]
    assert len(classes) > 100


def test_the_name_of_an_own_part_does_not_contain_its_module(monkeypatch: pytest.MonkeyPatch) -> None:
    before = part_name(TopK(k=3))
    monkeypatch.setattr(TopK, "__module__", "learning.elsewhere")
    assert part_name(TopK(k=3)) == before == "learning:TopK(fraction=None, k=3)"


def test_the_name_of_an_external_part_contains_its_module_and_a_hash_of_its_source() -> None:
    assert part_name(External()).startswith(f"{__name__}:External@")
    assert part_name(External()) != part_name(External(2))


def test_fields_that_change_no_value_are_included_only_with_coding() -> None:
    fixed, coded = Qsgd(4), Qsgd(4, code="entropy")
    assert part_name(fixed) == part_name(coded)
    assert part_name(fixed, with_coding=True) != part_name(coded, with_coding=True)
    assert part_name((fixed,)) == f"[{part_name(fixed)}]"
