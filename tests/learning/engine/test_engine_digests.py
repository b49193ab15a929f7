"""Every argument of an operation is part of its digest, and no two draws of an engine share a key."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from learning.aggregation.rules import Mean, Vote
from learning.algorithms.layer import Leaf
from learning.compressors import Qsgd
from learning.engine import Engine, IterationIndex, LazyVector, Payload
from learning.rng import keyed
from netsim.simulation.run import execute
from tests.simulation.runs import RECIPES, recipe

LEAF, CODEC, NODE, FIRST = Leaf(0.1, 8), Qsgd(4), (1, 0), IterationIndex((0,), 0)


class Declarations:
    """An engine without a solver, a few models, and one call of each operation with default arguments."""

    def __init__(self, root: bytes = b"root", seed: int = 3) -> None:
        self.engine = Engine(root, seed, dim=10)
        self.start = self.engine.initial_model()
        self.other = self.train()
        self.payloads = [Payload(self.train(device=k), 320, (0, k)) for k in range(3)]

    def train(self, **change: Any) -> LazyVector:
        arguments = {"leaf": LEAF, "device": 7, "model": self.start, "steps": 2, "iteration": FIRST}
        return self.engine.train(**{**arguments, **change})

    def upload(self, **change: Any) -> LazyVector:
        arguments = {
            "codec": CODEC,
            "node": NODE,
            "model": self.other,
            "reference": self.start,
            "iteration": FIRST,
        }
        return self.engine.upload(**{**arguments, **change}).decoded

    def broadcast(self, **change: Any) -> LazyVector:
        arguments = {
            "codec": CODEC,
            "node": NODE,
            "model": self.other,
            "reference": self.start,
            "iteration": FIRST,
        }
        return self.engine.broadcast(**{**arguments, **change}).decoded

    def aggregate(self, **change: Any) -> LazyVector:
        arguments = {
            "rule": Vote(0.1),
            "node": NODE,
            "base": self.start,
            "reference": self.start,
            "iteration": FIRST,
        }
        arguments |= {"uploads": self.payloads[:2], "weights": (0.5, 0.5)}
        return self.engine.aggregate(**{**arguments, **change})


ONE = Declarations()
LATER, STEPPED = IterationIndex((1,), 0), IterationIndex((0,), 5)
CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("train", {"leaf": Leaf(0.2, 8)}),
    ("train", {"leaf": Leaf(0.1, 9)}),
    ("train", {"device": 8}),
    ("train", {"model": ONE.other}),
    ("train", {"steps": 3}),
    ("train", {"iteration": STEPPED}),
    ("upload", {"codec": Qsgd(5)}),
    ("upload", {"node": (1, 1)}),
    ("upload", {"node": (2, 0)}),
    ("upload", {"model": ONE.start}),
    ("upload", {"reference": ONE.other}),
    ("upload", {"iteration": LATER}),
    ("broadcast", {"codec": Qsgd(5)}),
    ("broadcast", {"node": (1, 1)}),
    ("broadcast", {"model": ONE.start}),
    ("broadcast", {"reference": ONE.other}),
    ("broadcast", {"iteration": LATER}),
    ("aggregate", {"rule": Vote(0.2)}),
    ("aggregate", {"rule": Mean()}),
    ("aggregate", {"node": (1, 1)}),
    ("aggregate", {"base": ONE.other}),
    ("aggregate", {"reference": ONE.other}),
    ("aggregate", {"uploads": ONE.payloads[1:]}),
    ("aggregate", {"uploads": ONE.payloads[1::-1]}),
    ("aggregate", {"weights": (0.25, 0.75)}),
    ("aggregate", {"iteration": LATER}),
]


@pytest.mark.parametrize(("kind", "change"), CHANGES, ids=lambda value: str(value)[:40])
def test_every_argument_of_an_operation_changes_the_digest(kind: str, change: dict[str, Any]) -> None:
    assert getattr(ONE, kind)(**change).digest != getattr(ONE, kind)().digest
    assert getattr(Declarations(), kind)().digest == getattr(ONE, kind)().digest


@pytest.mark.parametrize("kind", ["train", "upload", "broadcast", "aggregate"])
def test_root_and_seed_are_part_of_every_digest(kind: str) -> None:
    engines = (ONE, Declarations(root=b"tree"), Declarations(seed=4))
    assert len({getattr(one, kind)().digest for one in engines}) == 3


def test_the_four_operations_of_one_node_and_iteration_have_distinct_digests() -> None:
    vectors = (ONE.train(), ONE.upload(), ONE.broadcast(), ONE.aggregate())
    assert len({vector.digest for vector in vectors}) == 4


def record_keys(monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[str, tuple[int, ...]]]:
    """Return a counter of every (stream, path) for which engines request a key from now on."""
    requests: Counter[tuple[str, tuple[int, ...]]] = Counter()

    def record(seed: int, stream: str, *path: int) -> int:
        requests[stream, path] += 1
        return keyed.row_key(seed, stream, *path)

    for module in ("engine", "minibatches"):
        monkeypatch.setattr(f"learning.engine.{module}.row_key", record)
    return requests


def test_upload_broadcast_and_aggregation_of_one_node_and_iteration_have_distinct_keys(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    requests = record_keys(monkeypatch)
    ONE.upload(), ONE.broadcast(), ONE.aggregate()
    assert len(requests) == 3
    assert {stream for stream, _ in requests} == {"compressor", "rule"}


@pytest.mark.parametrize("name", [name for name in RECIPES if "elias" not in name])
def test_no_two_draws_of_a_run_share_a_key(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each upload, broadcast, aggregation and minibatch requests one key."""
    requests = record_keys(monkeypatch)
    execute(recipe(name, rounds=2), device="cpu")
    assert {stream for stream, _ in requests} >= {"compressor", "rule", "minibatch"}
    assert requests.most_common(1)[0][1] == 1
    keys = {keyed.row_key(5, stream, *path) for stream, path in requests}
    assert len(keys) == len(requests)
