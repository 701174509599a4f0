"""Values of a test against schemas: whether one fits, and what becomes of it when its schema changed."""

from __future__ import annotations

import math
import re
from typing import Any

from services.healer.domain.schemas import Schema, properties_of, required_of, resolve, types_of

Json = Any
_TEMPLATE = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_NAMES = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_BUILT_IN = {"$unique": "a" * 12, "$uuid": "00000000-0000-4000-8000-000000000000", "$now": "2024-01-01T00:00:00Z"}
"""Variables that every test has, with values of the length that theirs have."""
_SAMPLES = {
    "date": "2024-01-01",
    "date-time": "2024-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "email": "{{$unique}}@example.org",
    "uuid": "{{$uuid}}",
    "uri": "https://example.org/",
    "ipv4": "192.0.2.1",
}


class NoValue(Exception):
    """The schema names no value, and none can be told from its type."""


def is_template(value: Json) -> bool:
    return isinstance(value, str) and bool(_TEMPLATE.search(value))


def fits(value: Json, schema: Schema) -> bool:
    """Whether a scalar or the kind of a container fits a resolved schema (type, enum, bounds, lengths)."""
    kinds = types_of(schema)
    if kinds and not any(_is_kind(value, kind) for kind in kinds):
        return False
    if ("const" in schema and value != schema["const"]) or ("enum" in schema and value not in schema["enum"]):
        return False
    if isinstance(value, str):
        return schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", math.inf) and _matches(value, schema)
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = bounds(schema)
        return low <= value <= high
    return True


def adapt(value: Json, old: Schema, new: Schema) -> Json:
    """The value that says under `new` what `value` said under `old`. Raises NoValue.

    Only a value that stopped fitting is replaced, and one that was wrong on purpose only where it would fit now: any
    other edit could walk around a bug.
    """
    if is_template(value):
        return _adapt_template(value, old, new)
    fitted, fitting = fits(value, old), fits(value, new)
    if fitted == fitting:
        return value
    if not fitted:
        return _beyond(value, old, new)
    edge = _at_edge(value, old, new)
    return edge if fits(edge, new) else _converted(value, old, new)


def _adapt_template(template: str, old: Schema, new: Schema) -> str:
    """A text with built-in variables in it keeps them and gets the length that the text needs."""
    rendered = _TEMPLATE.sub(lambda match: _BUILT_IN.get(match.group()[2:-2].strip(), ""), template)
    if not all(name.strip() in _BUILT_IN for name in _NAMES.findall(template)):
        return template
    adapted = adapt(rendered, old, new)
    if not isinstance(adapted, str) or len(adapted) == len(rendered):
        return template
    return _lengthened(template, len(adapted) - len(rendered))


def _lengthened(template: str, by: int) -> str:
    """The template with its literal text longer, or shorter from the end; as it is where there is too little of it."""
    if by > 0:
        return template + "a" * by
    parts = re.split(r"(\{\{.*?\}\})", template)
    for index in range(len(parts) - 1, -1, -2):  # literal text is at the even places
        cut = min(len(parts[index]), -by)
        parts[index] = parts[index][: len(parts[index]) - cut]
        by += cut
    return "".join(parts) if by == 0 else template


def sample(schema: Schema, root: Schema) -> tuple[Json, float]:
    """A value that the schema allows, and how sure it is that it serves: named by the schema, or only of its type."""
    found = resolve(schema, root)
    for key in ("const", "default", "example"):
        if found.get(key) is not None:
            return found[key], 0.9
    for key in ("examples", "enum"):
        if isinstance(found.get(key), list) and found[key]:
            return found[key][0], 0.9
    return _of_type(found, root), 0.7


def bounds(schema: Schema) -> tuple[float, float]:
    """The least and the greatest number that the schema allows."""
    whole = 1 if "integer" in types_of(schema) else 1e-6
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    if isinstance(schema.get("exclusiveMinimum"), int | float):
        low = max(low, schema["exclusiveMinimum"] + whole)
    if isinstance(schema.get("exclusiveMaximum"), int | float):
        high = min(high, schema["exclusiveMaximum"] - whole)
    return low, high


def _is_kind(value: Json, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer":
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    known: dict[str, tuple[type, ...]] = {
        "string": (str,),
        "number": (int, float),
        "object": (dict,),
        "array": (list, tuple),
        "null": (type(None),),
    }
    return isinstance(value, known.get(kind, ()))


def _matches(value: str, schema: Schema) -> bool:
    try:
        return "pattern" not in schema or re.search(schema["pattern"], value) is not None
    except re.error:
        return True  # a dialect of another language: not ours to judge


def _converted(value: Json, old: Schema, new: Schema) -> Json:
    kinds = types_of(new)
    if "string" in kinds and isinstance(value, int | float) and fits(str(value), new):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if kinds & {"integer", "number"} and isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value):
        number = float(value) if "." in value else int(value)
        if fits(number, new):
            return number
    if "array" in kinds and not isinstance(value, list):
        return [value]
    if isinstance(value, list) and len(value) == 1 and fits(value[0], new):
        return value[0]
    renamed = _renamed_member(value, old, new)
    return renamed if renamed is not None else sample(new, new)[0]


def _renamed_member(value: Json, old: Schema, new: Schema) -> Json:
    """Where an enumeration lost one value and got one: that one."""
    before, after = old.get("enum"), new.get("enum")
    if not isinstance(before, list) or not isinstance(after, list) or value not in before:
        return None
    gone = [item for item in before if item not in after]
    come = [item for item in after if item not in before]
    return come[0] if gone == [value] and len(come) == 1 else None


def _at_edge(value: Json, old: Schema, new: Schema) -> Json:
    """A value at the edge of the old bounds moves to the edge of the new ones."""
    if isinstance(value, str):
        low, high = old.get("minLength"), old.get("maxLength")
        target = new.get("maxLength") if len(value) == high else new.get("minLength") if len(value) == low else None
        longest = new.get("maxLength", math.inf)
        return _of_length(value, target if target is not None else min(len(value), longest))
    if isinstance(value, int | float) and not isinstance(value, bool):
        before, after = bounds(old), bounds(new)
        for index in (1, 0):
            if value == before[index] and math.isfinite(after[index]):
                return _whole(after[index], value)
        return _whole(min(max(value, after[0]), after[1]), value)
    return value


def _beyond(value: Json, old: Schema, new: Schema) -> Json:
    """A value beyond an old bound goes as far beyond the new one."""
    if isinstance(value, str) and "string" in types_of(old):
        longest, least = old.get("maxLength"), old.get("minLength", 0)
        if longest is not None and new.get("maxLength") is not None and len(value) > longest:
            return _of_length(value, new["maxLength"] + len(value) - longest)
        if len(value) < least and new.get("minLength", 0) > 0:
            return _of_length(value, max(0, new["minLength"] + len(value) - least))
    if isinstance(value, int | float) and not isinstance(value, bool):
        before, after = bounds(old), bounds(new)
        for index, over in ((1, value > before[1]), (0, value < before[0])):
            if over and math.isfinite(after[index]):
                return _whole(after[index] + value - before[index], value)
    return value


def _whole(number: float, like: float) -> float:
    return int(number) if isinstance(like, int) and float(number).is_integer() else number


def _of_length(value: str, length: float) -> str:
    wanted = int(length) if math.isfinite(length) else len(value)
    return value[:wanted] + (value[-1:] or "a") * (wanted - len(value))


def _of_type(schema: Schema, root: Schema) -> Json:
    kinds = types_of(schema)
    if "pattern" in schema or not kinds:
        raise NoValue("the contract names neither a default nor an example")
    if "null" in kinds:
        return None
    if "boolean" in kinds:
        return False
    if kinds & {"integer", "number"}:
        low, high = bounds(schema)
        return _whole(min(max(1, low), high), 1)
    if "string" in kinds:
        return _SAMPLES.get(schema.get("format", "")) or _of_length("text", _length(schema))
    if "array" in kinds:
        return [sample(schema.get("items", {}), root)[0] for _ in range(schema.get("minItems", 0))]
    return {name: sample(properties_of(schema).get(name, {}), root)[0] for name in sorted(required_of(schema))}


def _length(schema: Schema) -> int:
    return int(min(max(4, schema.get("minLength", 0)), schema.get("maxLength", math.inf)))
