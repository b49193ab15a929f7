"""An algorithm has the same colour on every page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations

import pytest

from learning.algorithms.recipe_registry import RECIPES
from netsim.reports.palette import ALGORITHMS, algorithm_colours
from netsim.reports.settings import group_settings
from netsim.reports.several_runs import table_of_runs
from netsim.results.result import Result

MakeResult = Callable[..., Result]


def colours(*names: str) -> dict[str, str]:
    assigned = algorithm_colours(names)
    assert assigned is not None
    return dict(zip(names, assigned, strict=True))


def test_the_colour_of_an_algorithm_does_not_depend_on_the_others() -> None:
    fedavg = {colours("fedavg", other)["fedavg"] for other in ("qmlhfl", "hier_favg", "mtgc", "my_lab:Mine")}
    assert len(fedavg) == 1


def test_colours_do_not_depend_on_the_order_of_the_runs() -> None:
    names = ("sign_sgd", "qmlhfl", "my_lab:Mine", "hier_favg")
    assert len({tuple(sorted(colours(*order).items())) for order in permutations(names)}) == 1


@pytest.mark.parametrize(
    "names", [("qmlhfl", "scaffold", "qhetfed", "fedopt", "fedavg"), ("a", "b", "c", "d", "e")]
)
def test_compared_algorithms_have_different_colours(names: tuple[str, ...]) -> None:
    assert len(set(colours(*names).values())) == len(names)


@pytest.mark.parametrize("names", [(), ("fedavg",), ("fedavg", "fedavg"), tuple(ALGORITHMS)])
def test_one_or_too_many_or_equal_algorithms_have_no_colours(names: tuple[str, ...]) -> None:
    assert algorithm_colours(names) is None


def test_preferred_colours_belong_to_recipes() -> None:
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
