"""Parts by name: `iid`, `{dirichlet: {alpha: 0.3}}`, `{lognormal: 0.4}`, `{"my.module:Name": {...}}`."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import is_dataclass
from typing import Any

from pydantic import ValidationError
from typing_extensions import get_protocol_members

from netsim.scenario.dataclass_schema import DataclassForms, FieldForm, ReadsBy, arguments_of, is_required
from netsim.scenario.errors import Problem, format_value, problems_of, suggestion, validation_error

IMPORT_PATH = r"^[A-Za-z_][\w.]*:[A-Za-z_][\w.]*$"


class PartOf(ReadsBy):
    """Annotated metadata of a field that holds a part: `Annotated[Compressor, catalogue["compressor"]]`.

    A part is a frozen dataclass. It is written as a bare name, `{name: {arguments}}`, `{name: value}` (for its
    first argument, which may be a part of the same kind: `{error_feedback: {top_k: 0.1}}`), or with
    `package.module:Name` as name, which is imported. Instances are accepted as they are. `registry` maps names to
    classes, all of which satisfy `protocol`.
    """

    def __init__(
        self, registry: Mapping[str, type], kind: str, protocol: type, dataclass_forms: DataclassForms
    ) -> None:
        super().__init__(self)
        self.registry, self.kind, self.protocol, self.dataclass_forms = (
            registry,
            kind,
            protocol,
            dataclass_forms,
        )

    def build(self, value: object) -> Any:
        """Return the part. Raises pydantic's ValidationError for a wrong name or wrong arguments."""
        if is_dataclass(value) and not isinstance(value, type):
            self._check_protocol(type(value))
            return value
        name, arguments = self._split(value)
        cls = self._class(name, bare=isinstance(value, str))
        if wrapper := self._wrapper_of(cls):
            return self._build(name, wrapper, {"of": name, "args": arguments}, bare=isinstance(value, str))
        if isinstance(arguments, Mapping) and not self._is_wrapped_part(cls, arguments):
            return self._build(name, cls, arguments, bare=isinstance(value, str))
        first = next((field.name for field in arguments_of(cls)), None)
        if first is None:
            raise validation_error(
                [Problem((name,), f"{name} takes no arguments, got {format_value(arguments)}")], value
            )
        return self._build(name, cls, {first: arguments}, short=first)

    def dump(self, value: Any) -> object:
        """Return the part as plain data: its bare name if it has no arguments, else `{name: {all arguments}}`."""
        arguments = self.dataclass_forms.dump(value)
        return {self.name_of(type(value)): arguments} if arguments else self.name_of(type(value))

    def name_of(self, cls: type) -> str:
        """Return the registered name of a class, or `package.module:Name`."""
        names = [name for name, known in self.registry.items() if known is cls]
        return names[0] if names else f"{cls.__module__}:{cls.__qualname__}"

    def schema(self) -> dict[str, Any]:
        """Return a mark that `json_schema` replaces by a reference: parts may contain parts of their own kind."""
        return {"x-part": self.kind}

    def _split(self, value: object) -> tuple[str, object]:
        if isinstance(value, str):
            return value, {}
        if not isinstance(value, Mapping):
            raise validation_error(
                [Problem((), f"a {self.kind} is a name or {{name: arguments}}, got {format_value(value)}")],
                value,
            )
        if len(value) != 1:
            raise validation_error(self._extra_keys(value), value)
        name, arguments = next(iter(value.items()))
        return str(name), {} if arguments is None else arguments

    def _extra_keys(self, value: Mapping[str, object]) -> list[Problem]:
        """Return problems for more than one key: usually an argument beside the part's name instead of below it."""
        names = [name for name in value if name in self.registry]
        if not names:
            return [
                Problem(
                    (),
                    f"exactly one {self.kind} is wanted, got {format_value(value)}"
                    + suggestion("", self.registry),
                )
            ]
        known = [field.name for field in arguments_of(self.registry[names[0]])]
        return [
            Problem((key,), f"write '{key}' below '{names[0]}', not beside it", of_key=True)
            if key in known
            else Problem((key,), f"only one {self.kind} fits here, and '{names[0]}' is there", of_key=True)
            for key in value
            if key != names[0]
        ]

    def _is_wrapped_part(self, cls: type, arguments: Mapping[str, object]) -> bool:
        """Return whether the mapping is a part of this kind that the outer part takes, rather than its arguments."""
        named = {field.name for field in arguments_of(cls)}
        return len(arguments) == 1 and all(
            name not in named and (name in self.registry or re.match(IMPORT_PATH, str(name)))
            for name in arguments
        )

    def _wrapper_of(self, found: object) -> type | None:
        """Return the registered class that wraps external objects which are no parts, such as torch modules."""
        if getattr(found, "__dataclass_params__", None) is not None:
            return None
        return next((cls for cls in self.registry.values() if getattr(cls, "wraps", _never)(found)), None)

    def _class(self, name: str, *, bare: bool) -> Any:
        if name in self.registry:
            return self.registry[name]
        if re.match(IMPORT_PATH, name):
            return self._import(name)
        text = f"unknown {self.kind} '{name}'" + suggestion(name, self.registry)
        raise validation_error([Problem(() if bare else (name,), text, of_key=not bare)], name)

    def _import(self, name: str) -> Any:
        module, _, attribute = name.partition(":")
        try:
            found: Any = importlib.import_module(module)
            for step in attribute.split("."):
                found = getattr(found, step)
        except (Exception, SystemExit) as error:  # an imported module may raise anything
            text = f"{name} cannot be imported: {type(error).__name__}: {error}"
            raise validation_error([Problem((), text)], name) from None
        if self._wrapper_of(found) is not None:
            return found
        frozen = getattr(found, "__dataclass_params__", None)
        if not (isinstance(found, type) and frozen is not None and frozen.frozen):
            text = f"{name} must be a frozen dataclass (@dataclass(frozen=True)), got {format_value(found)}"
            raise validation_error([Problem((), text)], name)
        self._check_protocol(found)
        return found

    def _check_protocol(self, cls: type) -> None:
        lacking = sorted(n for n in get_protocol_members(self.protocol) if not _has(cls, n))
        if lacking:
            raise validation_error(
                [Problem((), f"{cls.__qualname__} is no {self.kind}: it lacks {', '.join(lacking)}")], cls
            )

    def _build(
        self, name: str, cls: type, arguments: Mapping[str, object], *, bare: bool = False, short: str = ""
    ) -> Any:
        lacking = [
            field.name for field in arguments_of(cls) if is_required(field) and field.name not in arguments
        ]
        if bare and lacking:
            hint = ", ".join(f"{argument}: ..." for argument in lacking)
            raise validation_error(
                [Problem((), f"{name} needs {', '.join(lacking)}; write {{{name}: {{{hint}}}}}")], name
            )
        try:
            return self.dataclass_forms.build(cls, arguments)
        except ValidationError as error:
            under = [] if bare else [name]
            raise validation_error(
                [_without_argument_name(problem, short).under(*under) for problem in problems_of(error)],
                arguments,
            ) from None


class Catalogue(Mapping[str, PartOf]):
    """All kinds of parts, from `(kind, Protocol, registry)`; a Protocol as type selects its registry."""

    def __init__(self, kinds: Iterable[tuple[str, type, Mapping[str, type]]]) -> None:
        by_protocol: dict[type, FieldForm] = {}
        self.dataclass_forms = DataclassForms(by_protocol)
        self._kinds = {
            kind: PartOf(registry, kind, protocol, self.dataclass_forms) for kind, protocol, registry in kinds
        }
        by_protocol.update({part.protocol: part for part in self._kinds.values()})

    def __getitem__(self, kind: str) -> PartOf:
        return self._kinds[kind]

    def __iter__(self) -> Any:
        return iter(self._kinds)

    def __len__(self) -> int:
        return len(self._kinds)

    def dump_part(self, part: Any) -> object:
        """Return a part of any kind as plain data. Raises ValueError for a part in no registry."""
        for kind in self._kinds.values():
            if type(part) in kind.registry.values():
                return kind.dump(part)
        raise ValueError(f"{part!r} is in no registry; dump it by its kind, catalogue[kind].dump(part)")


def _never(found: object) -> bool:
    return False


def _has(cls: type, name: str) -> bool:
    return hasattr(cls, name) or name in getattr(cls, "__dataclass_fields__", {})


def _without_argument_name(problem: Problem, short: str) -> Problem:
    """Return the problem at the part itself if the argument was written without its name."""
    shortened = short and problem.loc[:1] == (short,)
    return Problem(problem.loc[1:], problem.message, problem.of_key) if shortened else problem
