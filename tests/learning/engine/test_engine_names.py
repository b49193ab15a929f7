"""Every argument of a promise is in its name, and no two draws of an engine have one key."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from learning.aggregation.rules import Mean, Vote
from learning.algorithms.algorithm import Leaf
from learning.compressors import Qsgd
from learning.engine import Engine, IterationIndex, Payload, Ref
from learning.rng import keyed
from netsim.simulation.run import play
from tests.simulation.runs import RECIPES, recipe

LEAF, CODEC, PLACE, HERE = Leaf(0.1, 8), Qsgd(4), (1, 0), IterationIndex((0,), 0)


class Promises:
    """An engine that only names, and a few models to name others after."""

    def __init__(self, root: bytes = b"root", seed: int = 3) -> None:
        self.engine = Engine(root, seed, dim=10)
        self.start = self.engine.start()
        self.other = self.train()
        self.payloads = [Payload(self.train(device=k), 320, (0, k)) for k in range(3)]

    def train(self, **change: Any) -> Ref:
        said = {"leaf": LEAF, "device": 7, "model": self.start, "steps": 2, "iteration": HERE}
        return self.engine.train(**{**said, **change})

    def answer(self, **change: Any) -> Ref:
        said = {"codec": CODEC, "place": PLACE, "moved": self.other, "heard": self.start, "iteration": HERE}
        return self.engine.answer(**{**said, **change}).body

    def announce(self, **change: Any) -> Ref:
        said = {"codec": CODEC, "place": PLACE, "own": self.other, "copy": self.start, "iteration": HERE}
        return self.engine.announce(**{**said, **change}).body

    def combine(self, **change: Any) -> Ref:
        said = {"rule": Vote(0.1), "place": PLACE, "onto": self.start, "copy": self.start, "iteration": HERE}
        said |= {"answers": self.payloads[:2], "weights": (0.5, 0.5)}
        return self.engine.combine(**{**said, **change})


ONE = Promises()
LATER, STEPPED = IterationIndex((1,), 0), IterationIndex((0,), 5)
CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("train", {"leaf": Leaf(0.2, 8)}),
    ("train", {"leaf": Leaf(0.1, 9)}),
    ("train", {"device": 8}),
    ("train", {"model": ONE.other}),
    ("train", {"steps": 3}),
    ("train", {"iteration": STEPPED}),
    ("answer", {"codec": Qsgd(5)}),
    ("answer", {"place": (1, 1)}),
    ("answer", {"place": (2, 0)}),
    ("answer", {"moved": ONE.start}),
    ("answer", {"heard": ONE.other}),
    ("answer", {"iteration": LATER}),
    ("announce", {"codec": Qsgd(5)}),
    ("announce", {"place": (1, 1)}),
    ("announce", {"own": ONE.start}),
    ("announce", {"copy": ONE.other}),
    ("announce", {"iteration": LATER}),
    ("combine", {"rule": Vote(0.2)}),
    ("combine", {"rule": Mean()}),
    ("combine", {"place": (1, 1)}),
    ("combine", {"onto": ONE.other}),
    ("combine", {"copy": ONE.other}),
    ("combine", {"answers": ONE.payloads[1:]}),
    ("combine", {"answers": ONE.payloads[1::-1]}),
    ("combine", {"weights": (0.25, 0.75)}),
    ("combine", {"iteration": LATER}),
]


@pytest.mark.parametrize(("kind", "change"), CHANGES, ids=lambda value: str(value)[:40])
def test_every_argument_of_a_promise_changes_its_name(kind: str, change: dict[str, Any]) -> None:
    assert getattr(ONE, kind)(**change).digest != getattr(ONE, kind)().digest
    assert getattr(Promises(), kind)().digest == getattr(ONE, kind)().digest


@pytest.mark.parametrize("kind", ["train", "answer", "announce", "combine"])
def test_root_and_seed_are_in_every_name(kind: str) -> None:
    names = {getattr(one, kind)().digest for one in (ONE, Promises(root=b"tree"), Promises(seed=4))}
    assert len(names) == 3


def test_the_four_promises_of_one_place_and_visit_have_four_names() -> None:
    assert len({ONE.train().digest, ONE.answer().digest, ONE.announce().digest, ONE.combine().digest}) == 4


def recorded(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[str, tuple[int, ...]]]:
    """Every (stream, path) that engines ask a key for from now on."""
    asked: Counter[tuple[str, tuple[int, ...]]] = Counter()

    def spy(seed: int, stream: str, *path: int) -> int:
        asked[stream, path] += 1
        return keyed.row_key(seed, stream, *path)

    for module in ("engine", "minibatches"):
        monkeypatch.setattr(f"learning.engine.{module}.row_key", spy)
    return asked


def test_an_answer_a_broadcast_and_a_merge_of_one_place_and_visit_draw_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = recorded(monkeypatch)
    ONE.answer(), ONE.announce(), ONE.combine()
    assert len(asked) == 3
    assert {stream for stream, _ in asked} == {"compressor", "rule"}


@pytest.mark.parametrize("name", [name for name in RECIPES if "elias" not in name])
def test_no_two_draws_of_a_run_have_one_key(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each answer, broadcast, merge and minibatch asks once, for a key of its own."""
    asked = recorded(monkeypatch)
    play(recipe(name, rounds=2), device="cpu")
    assert {stream for stream, _ in asked} >= {"compressor", "rule", "minibatch"}
    assert asked.most_common(1)[0][1] == 1
    keys = {keyed.row_key(5, stream, *path) for stream, path in asked}
    assert len(keys) == len(asked)
