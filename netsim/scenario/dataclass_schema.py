"""Conversion of frozen dataclasses from and to plain data: the fields of a part are its YAML arguments."""

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

from netsim.scenario.errors import Problem, problems_of, validation_error


class FieldForm(Protocol):
    """Metadata of an Annotated field: builds a value from plain data and writes it back."""

    def build(self, value: object) -> Any:
        """Return the value. Raises pydantic's ValidationError with locations relative to it."""
        ...

    def dump(self, value: Any) -> object:
        """Return plain data from which `build` makes an equal value."""
        ...

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of the plain data."""
        ...


class ReadsBy:
    """Makes pydantic read a field through a form: `Annotated[Compressor, ReadsBy(form)]`."""

    def __init__(self, form: FieldForm) -> None:
        self.form = form

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        written = core_schema.plain_serializer_function_ser_schema(self.form.dump)
        return core_schema.no_info_plain_validator_function(self.form.build, serialization=written)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return self.form.schema()


class DataclassForms:
    """Builds and writes frozen dataclasses, whose fields may be parts.

    `kinds` maps the Protocol that a field is annotated with to the form that reads such a part.
    """

    def __init__(self, kinds: Mapping[type, FieldForm]) -> None:
        self.kinds = kinds
        self._adapters: dict[type, TypeAdapter[dict[str, Any]]] = {}

    def build(self, cls: type, arguments: object) -> Any:
        """Return `cls(**arguments)` after checking each argument. Raises ValidationError with locations."""
        names = [field.name for field in arguments_of(cls)]
        try:
            values = self.adapter(cls).validate_python(arguments)
        except ValidationError as error:
            raise validation_error(problems_of(error, names), arguments) from None
        try:
            return cls(**values)
        except (ValueError, TypeError, ArithmeticError) as error:
            raise validation_error([problem_of(error, names)], arguments) from None

    def dump(self, value: Any) -> dict[str, Any]:
        """Return the fields of a dataclass as plain data, with defaults and units."""
        values = {field.name: getattr(value, field.name) for field in arguments_of(type(value))}
        plain: dict[str, Any] = self.adapter(type(value)).dump_python(values, mode="json", warnings=False)
        return plain

    def adapter(self, cls: type) -> TypeAdapter[dict[str, Any]]:
        """Return the adapter that validates arguments of `cls`; rejects field types that YAML cannot express."""
        if cls not in self._adapters:
            try:
                self._adapters[cls] = self._adapter(cls)
            except (PydanticUserError, NameError, TypeError) as error:
                text = str(error).splitlines()[0]
                raise validation_error(
                    [Problem((), f"the fields of {cls.__qualname__} cannot be read: {text}")]
                ) from None
        return self._adapters[cls]

    def _adapter(self, cls: type) -> TypeAdapter[dict[str, Any]]:
        # part Protocols are known here even where a module imports them for typing only
        known = {kind.__name__: kind for kind in self.kinds}
        hints = get_type_hints(cls, localns=known, include_extras=True)
        keys = {
            field.name: (Required if is_required(field) else NotRequired)[
                self.annotation_for(hints[field.name])
            ]
            for field in arguments_of(cls)
        }
        dictionary: Any = TypedDict  # whose keys are known at run time only
        shape = dictionary(cls.__name__, keys)
        shape.__pydantic_config__ = ConfigDict(extra="forbid", allow_inf_nan=False)
        return TypeAdapter(shape)

    def annotation_for(self, hint: Any) -> Any:
        """Return the type hint for pydantic: strict scalars, and parts read by their registries."""
        origin, inner = get_origin(hint), get_args(hint)
        if hint in (bool, int, float, str):
            return Annotated[hint, Strict()]
        if hint in self.kinds:
            return Annotated[Any, ReadsBy(self.kinds[hint])]
        if isinstance(hint, type) and is_dataclass(hint):
            return Annotated[Any, ReadsBy(DataclassForm(hint, self))]
        if origin in (Union, types.UnionType):
            return self._union([arm for arm in inner if arm is not types.NoneType], len(inner))
        if origin in (tuple, list):
            return origin[tuple(arm if arm is Ellipsis else self.annotation_for(arm) for arm in inner)]
        if isinstance(origin, type) and issubclass(origin, Sequence):
            return tuple[self.annotation_for(inner[0]), ...]  # type: ignore[misc]
        return hint

    def _union(self, arms: Sequence[Any], arity: int) -> Any:
        only = (
            self.annotation_for(arms[0]) if len(arms) == 1 else Annotated[Any, ReadsBy(UnionForm(arms, self))]
        )
        return only | None if len(arms) < arity else only


class DataclassForm:
    """The form of a frozen dataclass that is no part: a mapping of its fields."""

    def __init__(self, cls: type, dataclass_forms: DataclassForms) -> None:
        self.cls, self.dataclass_forms = cls, dataclass_forms

    def build(self, value: object) -> Any:
        """Return an instance; an instance is returned unchanged."""
        return value if isinstance(value, self.cls) else self.dataclass_forms.build(self.cls, value)

    def dump(self, value: Any) -> object:
        """Return the mapping of its fields."""
        return self.dataclass_forms.dump(value)

    def schema(self) -> dict[str, Any]:
        """Return the schema of an object with the fields as properties."""
        return self.dataclass_forms.adapter(self.cls).json_schema()


class UnionForm:
    """The form of a field with several types: the first type that accepts the value is used."""

    def __init__(self, arms: Sequence[Any], dataclass_forms: DataclassForms) -> None:
        self.arms = tuple(arms)
        self.adapters = [TypeAdapter[Any](dataclass_forms.annotation_for(arm)) for arm in arms]

    def build(self, value: object) -> Any:
        """Return the value by the first type that accepts it. Raises ValidationError with the problems of all types."""
        objections: list[list[Problem]] = []
        for adapter in self.adapters:
            try:
                return adapter.validate_python(value)
            except ValidationError as error:
                objections.append(problems_of(error))
        deep = [found for found in objections if any(problem.loc for problem in found)]
        if deep:
            raise validation_error(deep[0], value)
        raise validation_error([Problem((), "; or: ".join(found[0].message for found in objections))], value)

    def dump(self, value: Any) -> object:
        """Return plain data as the matching type writes it."""
        for arm, adapter in zip(self.arms, self.adapters, strict=True):
            if _matches(value, arm):
                return adapter.dump_python(value, mode="json", warnings=False)
        return value

    def schema(self) -> dict[str, Any]:
        """Return the schema: any of the types."""
        return {"anyOf": [adapter.json_schema() for adapter in self.adapters]}


def arguments_of(cls: type) -> list[Field[Any]]:
    """Return the fields that are arguments."""
    return [field for field in fields(cls) if field.init]


def is_required(field: Field[Any]) -> bool:
    """Return whether the field has no default."""
    return field.default is MISSING and field.default_factory is MISSING


def problem_of(error: Exception, names: Sequence[str]) -> Problem:
    """Return an error as a problem, at the argument (or `layer 2`) with which its text starts, else at the whole."""
    message = " ".join(str(error).split())
    word = re.match(r"\w+", message)
    layer = re.match(r"layer (\d+):", message)
    if layer and "layers" in names:
        return Problem(("layers", int(layer[1]) - 1), message)
    return Problem((word[0],) if word and word[0] in names else (), message)


def _matches(value: object, arm: Any) -> bool:
    origin = get_origin(arm)
    if origin is Literal:
        return value in get_args(arm)
    if origin is Annotated:
        return _matches(value, get_args(arm)[0])
    if arm is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    kind = origin or arm
    return not isinstance(kind, type) or getattr(kind, "_is_protocol", False) or isinstance(value, kind)
