"""An algorithm has one colour on every page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations

import pytest

from learning.algorithms.recipes import RECIPES
from netsim.reports.palette import ALGORITHMS, algorithm_colours
from netsim.reports.settings import group_settings
from netsim.reports.several_runs import table_of_runs
from netsim.results.result import Result

MakeResult = Callable[..., Result]


def colours(*names: str) -> dict[str, str]:
    found = algorithm_colours(names)
    assert found is not None
    return dict(zip(names, found, strict=True))


def test_an_algorithm_keeps_its_colour_whoever_stands_beside_it() -> None:
    fedavg = {colours("fedavg", other)["fedavg"] for other in ("qmlhfl", "hier_favg", "mtgc", "my_lab:Mine")}
    assert len(fedavg) == 1


def test_the_order_of_runs_changes_no_colour() -> None:
    names = ("sign_sgd", "qmlhfl", "my_lab:Mine", "hier_favg")
    assert len({tuple(sorted(colours(*order).items())) for order in permutations(names)}) == 1


@pytest.mark.parametrize(
    "names", [("qmlhfl", "scaffold", "qhetfed", "fedopt", "fedavg"), ("a", "b", "c", "d", "e")]
)
def test_colours_beside_one_another_differ(names: tuple[str, ...]) -> None:
    assert len(set(colours(*names).values())) == len(names)


@pytest.mark.parametrize("names", [(), ("fedavg",), ("fedavg", "fedavg"), tuple(ALGORITHMS)])
def test_elsewhere_the_settings_have_the_colours(names: tuple[str, ...]) -> None:
    assert algorithm_colours(names) is None


def test_only_recipes_choose() -> None:
    assert set(ALGORITHMS) <= set(RECIPES)


def test_runs_of_two_algorithms_have_their_colours_in_either_order(make_result: MakeResult) -> None:
    one = make_result()
    runs = [
        replace(
            one, manifest={**one.manifest, "digest": name[:4] * 4, "name": name, "algorithm": {"name": name}}
        )
        for name in ("hier_favg", "qmlhfl")
    ]
    for order in (runs, runs[::-1]):
        settings = group_settings(table_of_runs(order)[0], ["point"])
        assert {s.rows["recipe"].iloc[0]: s.colour for s in settings} == colours("hier_favg", "qmlhfl")
