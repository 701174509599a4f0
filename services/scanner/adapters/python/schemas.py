"""JSON Schemas of the types of a program: Pydantic models, dataclasses, typed dictionaries, enumerations, generics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from services.scanner.adapters.closure import Definition, close
from services.scanner.adapters.python import scalars
from services.scanner.adapters.python.fields import Field, fields_of, is_model
from services.scanner.adapters.python.operators import enum_members
from services.scanner.adapters.python.scalars import Schema, last_name
from services.scanner.adapters.python.values import (
    Class,
    External,
    ExternalCall,
    Instance,
    Parametrised,
    UnionOf,
    Value,
    is_concrete,
)

if TYPE_CHECKING:
    from services.scanner.adapters.python.machine import Machine

_ARRAYS = frozenset(
    {"list", "List", "Sequence", "Iterable", "Collection", "MutableSequence", "AsyncIterable", "Iterator", "deque"}
)
_SETS = frozenset({"set", "Set", "frozenset", "FrozenSet", "AbstractSet", "MutableSet"})
_MAPS = frozenset({"dict", "Dict", "Mapping", "MutableMapping", "OrderedDict", "defaultdict", "DefaultDict"})
_WRAPPERS = frozenset(
    {
        "ClassVar",
        "Final",
        "Required",
        "NotRequired",
        "ReadOnly",
        "SkipValidation",
        "Awaitable",
        "Coroutine",
        "Type",
        "type",
    }
)
_PLAIN_TYPES: dict[type, str] = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
MAX_DEPTH = 60
Substitution = dict[int, Value]


class SchemaBuilder:
    """Builds self-contained schemas; definitions of classes are made once and shared."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._definitions: dict[str, Definition] = {}
        self._names: dict[tuple[Any, ...], str] = {}
        self._open: list[Definition] = []
        self._depth = 0
        self.unknown: list[str] = []
        """What the schemas built since the last `take_unknown` could not tell."""

    def build(self, annotation: Value) -> Schema:
        """The schema of a type, with `$defs` for what it refers to."""
        root = Definition()
        self._open.append(root)
        try:
            schema = self.schema(annotation, {})
        finally:
            self._open.pop()
        return self._closed(schema, root.needs)

    def take_unknown(self) -> list[str]:
        """What could not be told since the last call."""
        found, self.unknown = list(dict.fromkeys(self.unknown)), []
        return found

    def _closed(self, schema: Schema, needs: set[str]) -> Schema:
        closed, is_cut = close(schema, needs, self._definitions)
        if is_cut:
            self.unknown.append("the schema refers to more than can be taken along; its far parts allow everything")
        return closed

    # ------------------------------------------------------------ types
    def schema(self, annotation: Value, bound: Substitution) -> Schema:
        """The schema of a type inside of another one: classes by reference."""
        if self._depth > MAX_DEPTH:
            return {}
        self._depth += 1
        try:
            return self._schema(annotation, bound)
        finally:
            self._depth -= 1

    def _schema(self, annotation: Value, bound: Substitution) -> Schema:
        if annotation is None:
            return {"type": "null"}
        if isinstance(annotation, Class):
            return self._reference(annotation, (), bound)
        if isinstance(annotation, UnionOf):
            return self._union(annotation.options, bound)
        if isinstance(annotation, Parametrised):
            return self._parametrised(annotation, bound)
        if isinstance(annotation, External):
            found = scalars.external_schema(annotation)
            return found if found is not None else self._not_known(annotation.name)
        if isinstance(annotation, ExternalCall):
            return self._of_call(annotation, bound)
        return self._not_known(getattr(annotation, "reason", "a type"))

    def _not_known(self, what: str) -> Schema:
        self.unknown.append(f"type not known: {what}")
        return {}

    def _of_call(self, call: ExternalCall, bound: Substitution) -> Schema:
        name = last_name(call)
        if name in {"TypeVar", "ParamSpec"}:
            actual = bound.get(id(call))
            if actual is not None:
                return self.schema(actual, {})
            limit = call.kwargs.get("bound")
            return self.schema(limit, bound) if limit is not None else {}
        if name == "NewType":
            return self.schema(call.argument(1, "tp"), bound)
        if name == "conlist" and call.args:
            return scalars.with_constraints({"type": "array", "items": self.schema(call.args[0], bound)}, call.kwargs)
        found = scalars.constrained_call(call)
        return found if found is not None else self._not_known(call.name)

    def _union(self, options: tuple[Value, ...], bound: Substitution) -> Schema:
        branches: list[Schema] = []
        for option in options:
            schema = self.schema(option, bound)
            if schema not in branches:
                branches.append(schema)
        return branches[0] if len(branches) == 1 else {"anyOf": branches}

    def _parametrised(self, annotation: Parametrised, bound: Substitution) -> Schema:
        origin, args = annotation.origin, annotation.args
        if isinstance(origin, Class):
            return self._reference(origin, args, bound)
        name = last_name(origin)
        if name == "Optional":
            return self._union((*args, None), bound)
        if name == "Union":
            return self._union(args, bound)
        if name == "Annotated":
            return self._annotated(args, bound)
        if name == "Literal":
            return _literal(args)
        if name in _WRAPPERS:
            return self.schema(args[-1], bound) if args else {}
        return self._container(name, args, bound, annotation)

    def _annotated(self, args: tuple[Value, ...], bound: Substitution) -> Schema:
        schema = dict(self.schema(args[0], bound)) if args else {}
        for metadata in args[1:]:
            schema = scalars.metadata_constraints(schema, metadata)
        return schema

    def _container(self, name: str, args: tuple[Value, ...], bound: Substitution, annotation: Parametrised) -> Schema:
        if name in _ARRAYS:
            return {"type": "array", "items": self.schema(args[0], bound) if args else {}}
        if name in _SETS:
            return {"type": "array", "items": self.schema(args[0], bound) if args else {}, "uniqueItems": True}
        if name in _MAPS:
            return self._map(args, bound)
        if name in {"tuple", "Tuple"}:
            return self._tuple(args, bound)
        if name == "RootModel" and args:
            return self.schema(args[0], bound)
        return self._not_known(getattr(annotation.origin, "name", "a parametrised type"))

    def _map(self, args: tuple[Value, ...], bound: Substitution) -> Schema:
        value = self.schema(args[1], bound) if len(args) > 1 else {}
        return {"type": "object", "additionalProperties": value or True}

    def _tuple(self, args: tuple[Value, ...], bound: Substitution) -> Schema:
        if len(args) == 2 and args[1] == scalars.ELLIPSIS:  # noqa: PLR2004 - tuple[T, ...]
            return {"type": "array", "items": self.schema(args[0], bound)}
        items = [self.schema(item, bound) for item in args]
        return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}

    # ------------------------------------------------------------ classes
    def _reference(self, cls: Class, args: tuple[Value, ...], bound: Substitution) -> Schema:
        actual = tuple(bound.get(id(item), item) for item in args)
        key = (id(cls), *(_identity(item) for item in actual))
        name = self._names.get(key)
        if name is None:
            name = self._names[key] = self._free_name(cls, actual)
            definition = self._definitions[name] = Definition()
            self._open.append(definition)
            try:
                definition.schema = self._class_schema(cls, actual)
            finally:
                self._open.pop()
        self._open[-1].needs.add(name)
        return {"$ref": f"#/$defs/{name}"}

    def _free_name(self, cls: Class, args: tuple[Value, ...]) -> str:
        name = "_".join([cls.name, *(_label(item) for item in args)])
        if name in self._definitions:
            name = f"{cls.module.name}.{cls.qualname}".replace(".", "__")
        suffix, free = 2, name
        while free in self._definitions:
            free, suffix = f"{name}_{suffix}", suffix + 1
        return free

    def _class_schema(self, cls: Class, args: tuple[Value, ...]) -> Schema:
        bases = cls.external_bases()
        if any(base.startswith("enum.") for base in bases):
            return {"title": cls.name, **_enumeration(cls)}
        if is_model(cls):
            return self._object(cls, args)
        for base in bases:
            found = scalars.external_schema(External(base))
            if found is not None and found:
                return found
        return self._not_known(f"{cls.name}, which is no model")

    def _object(self, cls: Class, args: tuple[Value, ...]) -> Schema:
        fields, options = fields_of(self._machine, cls, args)
        if len(fields) == 1 and "root" in fields and "pydantic.RootModel" in cls.external_bases():
            return self._field(fields["root"])
        schema: Schema = {"type": "object", "title": cls.name, "properties": {}}
        required: list[str] = []
        for item in fields.values():
            schema["properties"][item.alias] = self._field(item)
            if item.required:
                required.append(item.alias)
        if required:
            schema["required"] = required
        if options.get("extra") == "forbid":
            schema["additionalProperties"] = False
        return schema

    def _field(self, item: Field) -> Schema:
        schema = dict(self.schema(item.annotation, item.bound))
        schema = scalars.with_constraints(schema, item.constraints)
        default = item.default.attrs.get("value") if isinstance(item.default, Instance) else item.default
        if (
            not item.required
            and default is not None
            and is_concrete(default)
            and not isinstance(default, tuple | set | bytes)
        ):
            schema["default"] = default
        return schema

    def field_schema(self, item: Field) -> Schema:
        """The self-contained schema of one field."""
        root = Definition()
        self._open.append(root)
        try:
            schema = self._field(item)
        finally:
            self._open.pop()
        return self._closed(schema, root.needs)


def _literal(args: tuple[Value, ...]) -> Schema:
    values = [item.attrs.get("value") if isinstance(item, Instance) else item for item in args]
    return _typed_enum([value for value in values if is_concrete(value)])


def _typed_enum(values: list[Any]) -> Schema:
    types = {_PLAIN_TYPES.get(type(value)) for value in values}
    schema: Schema = {"enum": values}
    if len(types) == 1 and None not in types:
        schema["type"] = types.pop()
    return schema


def _enumeration(cls: Class) -> Schema:
    values: list[Any] = []
    for member in enum_members(cls):
        value = member.attrs["value"]
        if isinstance(value, ExternalCall) and value.name == "enum.auto":
            value = member.attrs["name"].lower() if "enum.StrEnum" in cls.external_bases() else len(values) + 1
        if is_concrete(value):
            values.append(value)
    return _typed_enum(values) if values else {}


def _identity(value: Value) -> Any:
    if isinstance(value, External):
        return value.name
    return value if is_concrete(value) and not isinstance(value, list | dict | set) else id(value)


def _label(value: Value) -> str:
    if isinstance(value, Class):
        return value.name
    if isinstance(value, Parametrised):
        return "_".join([_label(value.origin), *(_label(item) for item in value.args)])
    if isinstance(value, UnionOf):
        return "_or_".join(_label(item) for item in value.options)
    return last_name(value) or "Any"
