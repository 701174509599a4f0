"""The fields of classes that describe data: Pydantic, SQLModel, dataclasses, attrs, typed dicts, named tuples."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.scanner.adapters.python.annotations import evaluate_annotation
from services.scanner.adapters.python.scalars import ELLIPSIS, last_name
from services.scanner.adapters.python.values import (
    Class,
    External,
    ExternalCall,
    Function,
    Parametrised,
    Scope,
    Unknown,
    Value,
    is_concrete,
)

if TYPE_CHECKING:
    from services.scanner.adapters.python.machine import Machine

_MODEL_BASES = frozenset(
    {
        "pydantic.BaseModel", "pydantic.main.BaseModel", "pydantic.v1.BaseModel", "pydantic.RootModel",
        "sqlmodel.SQLModel",
        "pydantic.generics.GenericModel", "pydantic_settings.BaseSettings", "pydantic.BaseSettings", "typing.TypedDict",
        "typing_extensions.TypedDict", "typing.NamedTuple", "ninja.Schema", "msgspec.Struct", "sqlmodel.main.SQLModel",
    }
)  # fmt: skip
_DATACLASS_DECORATORS = ("dataclass", "dataclasses.dataclass", "define", "frozen", "attrs", "attr.s")
_FIELD_CALLS = frozenset(
    {"Field", "field", "ib", "attrib", "Query", "Path", "Header", "Cookie", "Form", "Body", "PrivateAttr"}
)
_NO_FIELD = frozenset({"Relationship", "relationship", "PrivateAttr"})
MISSING = Unknown("no default")


@dataclass(eq=False)
class Field:
    """One field as it shows in JSON."""

    name: str
    alias: str
    annotation: Value
    required: bool
    default: Value
    constraints: dict[str, Value] = field(default_factory=dict)
    bound: dict[int, Value] = field(default_factory=dict)


def is_model(cls: Class) -> bool:
    """Whether the class describes an object by its annotated fields."""
    if any(base in _MODEL_BASES for base in cls.external_bases()):
        return True
    return any(_is_dataclass(ancestor) for ancestor in cls.mro() if isinstance(ancestor, Class))


def _is_dataclass(cls: Class) -> bool:
    return any(
        isinstance(item, External | ExternalCall) and item.name.endswith(_DATACLASS_DECORATORS)
        for item in cls.decorators
    )


def fields_of(machine: Machine, cls: Class, args: tuple[Value, ...] = ()) -> tuple[dict[str, Field], dict[str, Value]]:
    """The fields by Python name, ancestors first, and the model's configuration."""
    found: dict[str, Field] = {}
    options: dict[str, Value] = {}
    _collect(machine, cls, _bind(cls, args), found, options)
    generator = options.get("alias_generator")
    for item in found.values():
        if generator is not None and item.alias == item.name:
            item.alias = _generated_alias(machine, generator, item.name, cls)
    return found, options


def _collect(
    machine: Machine,
    cls: Class,
    bound: dict[int, Value],
    found: dict[str, Field],
    options: dict[str, Value],
) -> None:
    for base in reversed(cls.bases):
        origin = base.origin if isinstance(base, Parametrised) else base
        if isinstance(origin, Class):
            args = tuple(bound.get(id(item), item) for item in base.args) if isinstance(base, Parametrised) else ()
            _collect(machine, origin, _bind(origin, args), found, options)
        elif isinstance(base, Parametrised) and last_name(origin) == "RootModel" and base.args:
            found["root"] = Field("root", "root", base.args[0], True, MISSING, bound=bound)
    options.update(_configuration(machine, cls))
    is_total = cls.keywords.get("total") is not False
    for statement in _annotated_names(cls.node.body):
        item = _field(machine, cls, statement, bound, is_total=is_total)
        if item is not None:
            found[item.name] = item
        else:
            found.pop(statement.target.id if isinstance(statement.target, ast.Name) else "", None)


def _annotated_names(body: list[ast.stmt]) -> list[ast.AnnAssign]:
    found: list[ast.AnnAssign] = []
    for statement in body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            found.append(statement)
        elif isinstance(statement, ast.If):
            found.extend(_annotated_names([*statement.body, *statement.orelse]))
    return found


def _field(
    machine: Machine, cls: Class, statement: ast.AnnAssign, bound: dict[int, Value], *, is_total: bool
) -> Field | None:
    name = statement.target.id if isinstance(statement.target, ast.Name) else ""
    annotation = evaluate_annotation(machine, statement.annotation, _annotation_scope(cls, name))
    value = machine.resolve(cls.scope.names[name]) if statement.value is not None else MISSING
    marker = _marker(annotation, value)
    if name.startswith("_") or last_name(_origin(annotation)) == "ClassVar" or last_name(value) in _NO_FIELD:
        return None
    constraints = {} if marker is None else dict(marker.kwargs)
    default = value
    if marker is not None and marker is value:
        default = (
            ELLIPSIS
            if "default_factory" in marker.kwargs
            else marker.argument(_default_position(marker), "default", MISSING)
        )
    wrapper = last_name(_origin(annotation))
    required = "default_factory" not in constraints and default in (MISSING, ELLIPSIS) and wrapper != "NotRequired"
    required = required and (is_total or wrapper == "Required")
    alias = constraints.get("validation_alias") or constraints.get("alias")
    return Field(name, alias if isinstance(alias, str) else name, annotation, required, default, constraints, bound)


def _default_position(marker: ExternalCall) -> int:
    return 0 if last_name(marker)[:1].isupper() else -1


def _annotation_scope(cls: Class, name: str) -> Scope:
    """Annotations see the class body and what is around it, but not the field that they annotate (`date: date`)."""
    names = {key: value for key, value in cls.scope.names.items() if key != name and isinstance(value, Class)}
    return Scope(cls.scope.module, names=names, parent=cls.scope.parent)


def _marker(annotation: Value, value: Value) -> ExternalCall | None:
    """The `Field(...)` of a field, as default or inside of `Annotated`."""
    if isinstance(value, ExternalCall) and last_name(value) in _FIELD_CALLS:
        return value
    if isinstance(annotation, Parametrised) and last_name(annotation.origin) == "Annotated":
        for item in annotation.args[1:]:
            if isinstance(item, ExternalCall) and last_name(item) in _FIELD_CALLS:
                return item
    return None


def _origin(annotation: Value) -> Value:
    return annotation.origin if isinstance(annotation, Parametrised) else annotation


def _bind(cls: Class, args: tuple[Value, ...]) -> dict[int, Value]:
    """The type variables of a generic class with what stands for them."""
    variables: list[Value] = []
    for base in cls.bases:
        if isinstance(base, Parametrised):
            variables += [item for item in base.args if last_name(item) == "TypeVar" and item not in variables]
    return {id(variable): actual for variable, actual in zip(variables, args, strict=False)}


def _configuration(machine: Machine, cls: Class) -> dict[str, Value]:
    options = {name: value for name, value in cls.keywords.items() if name in {"extra", "alias_generator"}}
    config = machine.resolve(cls.scope.names.get("model_config"))
    if isinstance(config, ExternalCall):
        options.update(config.kwargs)
    elif isinstance(config, dict):
        options.update(config)
    inner = cls.scope.names.get("Config")
    if isinstance(inner, Class):
        options.update({name: machine.resolve(value) for name, value in inner.scope.names.items()})
    extra = options.get("extra")
    if isinstance(extra, External):
        options["extra"] = extra.name.rsplit(".", 1)[-1]
    return options


def _generated_alias(machine: Machine, generator: Value, name: str, cls: Class) -> str:
    if isinstance(generator, ExternalCall):
        generator = generator.kwargs.get("validation_alias", generator.kwargs.get("alias", generator))
    known = last_name(generator)
    if known in {"to_camel", "to_lower_camel", "camelize"}:
        first, *rest = name.split("_")
        return first + "".join(part.capitalize() for part in rest)
    if known == "to_pascal":
        return "".join(part.capitalize() for part in name.split("_"))
    if isinstance(generator, Function):
        result = machine.call(generator, [name], {}, cls.where)
        return result if isinstance(result, str) and is_concrete(result) else name
    return name
