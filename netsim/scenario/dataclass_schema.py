"""Frozen dataclasses from plain data and back: the fields of a part are its YAML arguments."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, Field, fields, is_dataclass
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,
    Protocol,
    Required,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from pydantic import (
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    Strict,
    TypeAdapter,
    ValidationError,
)
from pydantic.errors import PydanticUserError
from pydantic_core import CoreSchema, core_schema
from typing_extensions import TypedDict

from netsim.scenario.errors import Problem, problems_of, refusal


class Form(Protocol):
    """Metadata of an Annotated field: how such a value is built from plain data and written back."""

    def build(self, value: object) -> Any:
        """The value; pydantic's ValidationError, with places relative to it, where the data is wrong."""
        ...

    def dump(self, value: Any) -> object:
        """Plain data that `build` turns into an equal value."""
        ...

    def schema(self) -> dict[str, Any]:
        """The JSON schema of the plain data."""
        ...


class Reads:
    """Makes pydantic read a field through a form: `Annotated[Compressor, Reads(form)]`."""

    def __init__(self, form: Form) -> None:
        self.form = form

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        written = core_schema.plain_serializer_function_ser_schema(self.form.dump)
        return core_schema.no_info_plain_validator_function(self.form.build, serialization=written)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return self.form.schema()


class Records:
    """Builds and writes frozen dataclasses whose fields may be parts.

    `kinds` maps the Protocol that a field is annotated with to the form that reads such a part.
    """

    def __init__(self, kinds: Mapping[type, Form]) -> None:
        self.kinds = kinds
        self._adapters: dict[type, TypeAdapter[dict[str, Any]]] = {}

    def build(self, cls: type, arguments: object) -> Any:
        """`cls(**arguments)`, each argument checked against its field; ValidationError with places."""
        names = [field.name for field in arguments_of(cls)]
        try:
            values = self.adapter(cls).validate_python(arguments)
        except ValidationError as error:
            raise refusal(problems_of(error, names), arguments) from None
        try:
            return cls(**values)
        except (ValueError, TypeError, ArithmeticError) as error:
            raise refusal([blame(error, names)], arguments) from None

    def dump(self, value: Any) -> dict[str, Any]:
        """The fields of a dataclass as plain data, defaults written out, units rendered."""
        values = {field.name: getattr(value, field.name) for field in arguments_of(type(value))}
        plain: dict[str, Any] = self.adapter(type(value)).dump_python(values, mode="json", warnings=False)
        return plain

    def adapter(self, cls: type) -> TypeAdapter[dict[str, Any]]:
        """Validates the arguments of `cls` to a dict of those given; refuses field types that YAML cannot write."""
        if cls not in self._adapters:
            try:
                self._adapters[cls] = self._adapter(cls)
            except (PydanticUserError, NameError, TypeError) as error:
                said = str(error).splitlines()[0]
                raise refusal(
                    [Problem((), f"the fields of {cls.__qualname__} cannot be read: {said}")]
                ) from None
        return self._adapters[cls]

    def _adapter(self, cls: type) -> TypeAdapter[dict[str, Any]]:
        # part Protocols are known here even where a module imports them for typing only
        known = {kind.__name__: kind for kind in self.kinds}
        hints = get_type_hints(cls, localns=known, include_extras=True)
        keys = {
            field.name: (Required if is_required(field) else NotRequired)[self.reading(hints[field.name])]
            for field in arguments_of(cls)
        }
        dictionary: Any = TypedDict  # whose keys are known at run time only
        shape = dictionary(cls.__name__, keys)
        shape.__pydantic_config__ = ConfigDict(extra="forbid", allow_inf_nan=False)
        return TypeAdapter(shape)

    def reading(self, hint: Any) -> Any:
        """The hint as pydantic shall read it: nothing converted in silence, parts read by their registries."""
        origin, inner = get_origin(hint), get_args(hint)
        if hint in (bool, int, float, str):
            return Annotated[hint, Strict()]
        if hint in self.kinds:
            return Annotated[Any, Reads(self.kinds[hint])]
        if isinstance(hint, type) and is_dataclass(hint):
            return Annotated[Any, Reads(Record(hint, self))]
        if origin in (Union, types.UnionType):
            return self._union([arm for arm in inner if arm is not types.NoneType], len(inner))
        if origin in (tuple, list):
            return origin[tuple(arm if arm is Ellipsis else self.reading(arm) for arm in inner)]
        if isinstance(origin, type) and issubclass(origin, Sequence):
            return tuple[self.reading(inner[0]), ...]  # type: ignore[misc]
        return hint

    def _union(self, arms: Sequence[Any], arity: int) -> Any:
        only = self.reading(arms[0]) if len(arms) == 1 else Annotated[Any, Reads(Either(arms, self))]
        return only | None if len(arms) < arity else only


class Record:
    """The form of a plain frozen dataclass: a mapping of its fields."""

    def __init__(self, cls: type, records: Records) -> None:
        self.cls, self.records = cls, records

    def build(self, value: object) -> Any:
        """An instance; one that is built already passes."""
        return value if isinstance(value, self.cls) else self.records.build(self.cls, value)

    def dump(self, value: Any) -> object:
        """The mapping of its fields."""
        return self.records.dump(value)

    def schema(self) -> dict[str, Any]:
        """An object with the fields as properties."""
        return self.records.adapter(self.cls).json_schema()


class Either:
    """The form of a field with several types: the first that reads the value takes it."""

    def __init__(self, arms: Sequence[Any], records: Records) -> None:
        self.arms = tuple(arms)
        self.adapters = [TypeAdapter[Any](records.reading(arm)) for arm in arms]

    def build(self, value: object) -> Any:
        """The value of the first arm that accepts; else what every arm objected to."""
        objections: list[list[Problem]] = []
        for adapter in self.adapters:
            try:
                return adapter.validate_python(value)
            except ValidationError as error:
                objections.append(problems_of(error))
        deep = [found for found in objections if any(problem.loc for problem in found)]
        if deep:
            raise refusal(deep[0], value)
        raise refusal([Problem((), "; or: ".join(found[0].message for found in objections))], value)

    def dump(self, value: Any) -> object:
        """As the arm that the value belongs to writes it."""
        for arm, adapter in zip(self.arms, self.adapters, strict=True):
            if _belongs(value, arm):
                return adapter.dump_python(value, mode="json", warnings=False)
        return value

    def schema(self) -> dict[str, Any]:
        """Any of the arms."""
        return {"anyOf": [adapter.json_schema() for adapter in self.adapters]}


def arguments_of(cls: type) -> list[Field[Any]]:
    """The fields that are arguments."""
    return [field for field in fields(cls) if field.init]


def is_required(field: Field[Any]) -> bool:
    """Whether the field has no default."""
    return field.default is MISSING and field.default_factory is MISSING


def blame(error: Exception, names: Sequence[str]) -> Problem:
    """A law's objection, placed on the argument it starts with (or on `layer 2`), else on the whole."""
    message = " ".join(str(error).split())
    word = re.match(r"\w+", message)
    layer = re.match(r"layer (\d+):", message)
    if layer and "layers" in names:
        return Problem(("layers", int(layer[1]) - 1), message)
    return Problem((word[0],) if word and word[0] in names else (), message)


def _belongs(value: object, arm: Any) -> bool:
    origin = get_origin(arm)
    if origin is Literal:
        return value in get_args(arm)
    if origin is Annotated:
        return _belongs(value, get_args(arm)[0])
    if arm is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    kind = origin or arm
    return not isinstance(kind, type) or getattr(kind, "_is_protocol", False) or isinstance(value, kind)
