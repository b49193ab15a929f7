"""Parts are frozen dataclasses, named by a registry or by a module, that may hold further parts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import pytest
from pydantic import ValidationError

from netsim.scenario.errors import format_path, problems_of
from netsim.scenario.parts import Catalogue
from netsim.units import DistanceM, FrequencyHz, TimeS


class Codec(Protocol):
    def size(self) -> int: ...


@dataclass(frozen=True)
class Plain:
    def size(self) -> int:
        return 32


@dataclass(frozen=True)
class Quantizer:
    levels: int
    bucket: int | None = 512
    code: Literal["fixed", "elias"] = "fixed"

    def __post_init__(self) -> None:
        if self.levels < 1:
            raise ValueError(f"levels must be >= 1, got {self.levels}")

    def size(self) -> int:
        return 4


@dataclass(frozen=True)
class Feedback:
    of: Codec = field(default_factory=Plain)
    width: FrequencyHz | None = None
    reach: DistanceM | Literal["auto"] = "auto"
    steps: tuple[int | None, ...] = ()
    delays: tuple[TimeS, ...] = ()
    rate: float = 0.1

    def size(self) -> int:
        return self.of.size()


@dataclass
class NotFrozen:
    def size(self) -> int:
        return 1


@dataclass(frozen=True)
class WithoutSize:
    pass


@dataclass(frozen=True)
class UnsupportedFields:
    when: dict[Codec, set[complex]]
    what: Undefined  # type: ignore[name-defined]  # noqa: F821

    def size(self) -> int:
        return 1


CODECS = {"none": Plain, "quantizer": Quantizer, "feedback": Feedback}
CODEC = Catalogue([("codec", Codec, CODECS)])["codec"]


def validation_messages(value: object) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        CODEC.build(value)
    paths = [format_path(problem.loc) for problem in problems_of(caught.value)]
    messages = [problem.message for problem in problems_of(caught.value)]
    return [f"{path}: {message}" if path else message for path, message in zip(paths, messages, strict=True)]


@pytest.mark.parametrize(
    ("written", "built"),
    [
        ("none", Plain()),
        ({"none": None}, Plain()),
        ({"quantizer": 4}, Quantizer(4)),
        ({"quantizer": {"levels": 4, "bucket": None}}, Quantizer(4, None)),
        ({"feedback": "none"}, Feedback(Plain())),
        ({"feedback": {"of": {"feedback": {"of": {"quantizer": 3}}}}}, Feedback(Feedback(Quantizer(3)))),
        ({"feedback": {"width": "20 MHz", "reach": "5 km"}}, Feedback(width=2e7, reach=5000.0)),
        ({"feedback": {"steps": [1, None], "delays": ["5 ms"], "rate": 1}}, Feedback(steps=(1, None), delays=(0.005,), rate=1.0)),
        (f"{__name__}:Plain", Plain()),
        ({f"{__name__}:Quantizer": {"levels": 2}}, Quantizer(2)),
        (Quantizer(7), Quantizer(7)),
    ],
)  # fmt: skip
def test_a_built_part_can_be_dumped_and_rebuilt(written: object, built: Any) -> None:
    assert CODEC.build(written) == built
    assert CODEC.build(CODEC.dump(built)) == built


def test_a_dumped_part_includes_defaults_and_units() -> None:
    dumped = CODEC.dump(Feedback(Quantizer(4), width=2e7, delays=(0.005,)))
    quantizer = {"quantizer": {"levels": 4, "bucket": 512, "code": "fixed"}}
    others = {"width": "20 MHz", "reach": "auto", "steps": [], "delays": ["5 ms"], "rate": 0.1}
    assert dumped == {"feedback": {"of": quantizer, **others}}
    assert CODEC.dump(Plain()) == "none"


@pytest.mark.parametrize(
    ("value", "messages"),
    [
        ("nine", ["unknown codec 'nine'; did you mean 'none'? (known: feedback, none, quantizer)"]),
        ({"quantiser": 3}, ["quantiser: unknown codec 'quantiser'; did you mean 'quantizer'? (known: feedback, none, quantizer)"]),
        (5, ["a codec is a name or {name: arguments}, got 5"]),
        (None, ["a codec is a name or {name: arguments}, got nothing"]),
        ("quantizer", ["quantizer needs levels; write {quantizer: {levels: ...}}"]),
        ({"none": 4}, ["none: none takes no arguments, got 4"]),
        ({"quantizer": 3, "none": None}, ["none: only one codec fits here, and 'quantizer' is there"]),
        ({"quantizer": 0}, ["quantizer: levels must be >= 1, got 0"]),
        ({"feedback": {"of": {"quantizer": {"levels": 0}}}}, ["feedback.of.quantizer.levels: levels must be >= 1, got 0"]),
        ({"feedback": {"steps": ["a", True], "rate": "0.1"}}, [
            "feedback.steps[0]: must be an integer, got 'a'",
            "feedback.steps[1]: must be an integer, got True",
            "feedback.rate: must be a number, got '0.1'",
        ]),
        ({"quantizer": {"levels": 3, "code": "elais"}}, ["quantizer.code: must be 'fixed' or 'elias', got 'elais'; did you mean 'elias'?"]),
        ("math:sin", ["math:sin must be a frozen dataclass (@dataclass(frozen=True)), got <built-in function sin>"]),
        ("nowhere_at_all:Part", ["nowhere_at_all:Part cannot be imported: ModuleNotFoundError: No module named 'nowhere_at_all'"]),
        (f"{__name__}:NotFrozen", [f"{__name__}:NotFrozen must be a frozen dataclass (@dataclass(frozen=True)), got <class '{__name__}.NotFrozen'>"]),
        (f"{__name__}:WithoutSize", ["WithoutSize is no codec: it lacks size"]),
        (WithoutSize(), ["WithoutSize is no codec: it lacks size"]),
        ({f"{__name__}:UnsupportedFields": {"when": 1, "what": 2}}, [f'["{__name__}:UnsupportedFields"]: the fields of UnsupportedFields cannot be read: name \'Undefined\' is not defined']),
    ],
)  # fmt: skip
def test_the_error_of_an_invalid_part_has_its_path(value: object, messages: list[str]) -> None:
    assert validation_messages(value) == messages
