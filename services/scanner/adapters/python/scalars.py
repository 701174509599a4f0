"""JSON Schemas of the types that are not classes of the program."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from services.scanner.adapters.python.values import External, ExternalCall, Instance, Unknown, Value, is_concrete

Schema = dict[str, Any]
ELLIPSIS = Unknown("...")
_MODULES = re.compile(
    r"^(builtins|typing|typing_extensions|types|datetime|uuid|decimal|enum|pathlib|ipaddress|collections(\.abc)?|pydantic.*|"
    r"fastapi.*|starlette.*|annotated_types|re|numbers|fractions|os|email_validator|sqlmodel.*|bson.*|pydantic_extra_types.*)\."
)
_BY_NAME: dict[str, Schema] = {
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "complex": {"type": "string"},
    "bool": {"type": "boolean"},
    "str": {"type": "string"},
    "bytes": {"type": "string", "format": "binary"},
    "dict": {"type": "object"},
    "Dict": {"type": "object"},
    "Mapping": {"type": "object"},
    "MutableMapping": {"type": "object"},
    "OrderedDict": {"type": "object"},
    "list": {"type": "array", "items": {}},
    "List": {"type": "array", "items": {}},
    "Sequence": {"type": "array", "items": {}},
    "Iterable": {"type": "array", "items": {}},
    "tuple": {"type": "array", "items": {}},
    "set": {"type": "array", "items": {}, "uniqueItems": True},
    "frozenset": {"type": "array", "items": {}, "uniqueItems": True},
    "Any": {},
    "object": {},
    "None": {"type": "null"},
    "NoneType": {"type": "null"},
    "datetime": {"type": "string", "format": "date-time"},
    "AwareDatetime": {"type": "string", "format": "date-time"},
    "NaiveDatetime": {"type": "string", "format": "date-time"},
    "FutureDatetime": {"type": "string", "format": "date-time"},
    "PastDatetime": {"type": "string", "format": "date-time"},
    "date": {"type": "string", "format": "date"},
    "PastDate": {"type": "string", "format": "date"},
    "FutureDate": {"type": "string", "format": "date"},
    "time": {"type": "string", "format": "time"},
    "timedelta": {"type": "string", "format": "duration"},
    "UUID": {"type": "string", "format": "uuid"},
    "UUID1": {"type": "string", "format": "uuid"},
    "UUID4": {"type": "string", "format": "uuid"},
    "Decimal": {"anyOf": [{"type": "number"}, {"type": "string"}]},
    "EmailStr": {"type": "string", "format": "email"},
    "NameEmail": {"type": "string", "format": "email"},
    "AnyUrl": {"type": "string", "format": "uri", "minLength": 1},
    "AnyHttpUrl": {"type": "string", "format": "uri", "minLength": 1},
    "HttpUrl": {"type": "string", "format": "uri", "minLength": 1, "maxLength": 2083},
    "IPvAnyAddress": {"type": "string", "format": "ipvanyaddress"},
    "IPv4Address": {"type": "string", "format": "ipv4"},
    "IPv6Address": {"type": "string", "format": "ipv6"},
    "Path": {"type": "string", "format": "path"},
    "FilePath": {"type": "string", "format": "file-path"},
    "SecretStr": {"type": "string", "format": "password", "writeOnly": True},
    "Json": {"type": "string", "contentMediaType": "application/json"},
    "Pattern": {"type": "string", "format": "regex"},
    "StrictStr": {"type": "string"},
    "StrictInt": {"type": "integer"},
    "StrictFloat": {"type": "number"},
    "StrictBool": {"type": "boolean"},
    "PositiveInt": {"type": "integer", "exclusiveMinimum": 0},
    "NonNegativeInt": {"type": "integer", "minimum": 0},
    "NegativeInt": {"type": "integer", "exclusiveMaximum": 0},
    "NonPositiveInt": {"type": "integer", "maximum": 0},
    "PositiveFloat": {"type": "number", "exclusiveMinimum": 0},
    "NonNegativeFloat": {"type": "number", "minimum": 0},
    "FiniteFloat": {"type": "number"},
    "UploadFile": {"type": "string", "format": "binary"},
}
SCALAR_NAMES = frozenset(_BY_NAME) - {
    "dict", "Dict", "Mapping", "MutableMapping", "OrderedDict", "list", "List", "Sequence", "Iterable", "tuple", "set",
    "frozenset", "UploadFile",
}  # fmt: skip
_CONSTRAINTS = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
    "min_length": "minLength",
    "max_length": "maxLength",
    "pattern": "pattern",
    "regex": "pattern",
    "title": "title",
    "description": "description",
    "min_items": "minItems",
    "max_items": "maxItems",
}
_CONSTRAINED: dict[str, Schema] = {
    "constr": {"type": "string"},
    "conint": {"type": "integer"},
    "confloat": {"type": "number"},
    "condecimal": {"type": "number"},
    "conlist": {"type": "array"},
    "conset": {"type": "array", "uniqueItems": True},
}
_ANNOTATED_TYPES = {
    "Ge": "ge",
    "Gt": "gt",
    "Le": "le",
    "Lt": "lt",
    "MultipleOf": "multiple_of",
    "MinLen": "min_length",
    "MaxLen": "max_length",
}


def last_name(value: Value) -> str:
    """The part of a dotted name after the last dot."""
    return value.name.rsplit(".", 1)[-1] if isinstance(value, External | ExternalCall) else ""


def external_schema(value: External) -> Schema | None:
    """The schema of a type of the standard library or of Pydantic; None for one that is not known."""
    if not _MODULES.match(value.name) and "." in value.name:
        return None
    found = _BY_NAME.get(last_name(value))
    return dict(found) if found is not None else None


def constrained_call(value: ExternalCall) -> Schema | None:
    """`constr(min_length=1)` and its like."""
    base = _CONSTRAINED.get(last_name(value))
    return None if base is None else with_constraints(dict(base), value.kwargs)


def with_constraints(schema: Schema, options: dict[str, Value]) -> Schema:
    """The schema with the constraints that `Field`, `Query` and their like name."""
    target = _constrained_part(schema)
    is_array = target.get("type") == "array"
    for name, keyword in _CONSTRAINTS.items():
        value = options.get(name)
        if value is None or not is_concrete(value):
            continue
        place = schema if name in {"title", "description"} else target
        place[keyword.replace("Length", "Items") if is_array else keyword] = value
    examples = options.get("examples")
    if isinstance(examples, list) and is_concrete(examples):
        schema["examples"] = examples
    elif "example" in options and is_concrete(options["example"]):
        schema["examples"] = [options["example"]]
    return schema


def _constrained_part(schema: Schema) -> Schema:
    """Constraints of an optional value belong to the alternative that is not null."""
    branches = [branch for branch in schema.get("anyOf", []) if branch.get("type") != "null"]
    return branches[0] if len(branches) == 1 else schema


def metadata_constraints(schema: Schema, metadata: Value) -> Schema:
    """Applies one argument of `Annotated` after the type."""
    if not isinstance(metadata, ExternalCall):
        return schema
    name = last_name(metadata)
    if name in _ANNOTATED_TYPES:
        value = metadata.args[0] if metadata.args else next(iter(metadata.kwargs.values()), None)
        return with_constraints(schema, {_ANNOTATED_TYPES[name]: value})
    if name in {"Len", "Interval"}:
        return with_constraints(
            schema, {**dict(zip(("min_length", "max_length"), metadata.args, strict=False)), **metadata.kwargs}
        )
    return with_constraints(schema, metadata.kwargs)


def status_code(value: Value) -> int | None:
    """The number of a status: an integer, `status.HTTP_201_CREATED` or `HTTPStatus.CREATED`."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | str):
        return int(value) if str(value).isdigit() else None
    if isinstance(value, Instance):
        return status_code(value.attrs.get("value"))
    if not isinstance(value, External):
        return None
    numbered = re.search(r"HTTP_(\d{3})(_|$)", value.name)
    if numbered:
        return int(numbered.group(1))
    name = value.name.removesuffix(".value").rsplit(".", 1)[-1]
    return int(HTTPStatus[name]) if "HTTPStatus" in value.name and name in HTTPStatus.__members__ else None
