"""Ways to break a JSON Schema, one constraint at a time, each checked to really break it."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from services.generator.adapters.rules import schema
from services.generator.adapters.rules.values import Binding, bounds, sampled
from shared.contracts.scanner import JsonSchema

_BAD_FORMATS = {
    "email": "not-an-email",
    "idn-email": "not-an-email",
    "uuid": "not-a-uuid",
    "date": "not-a-date",
    "date-time": "not-a-date-time",
    "time": "not-a-time",
    "ipv4": "not-an-address",
    "ipv6": "not-an-address",
    "uri": "not a uri",
}
_NOT_IN_ENUM = "not_one_of_the_choices"
_BREAKS_PATTERN = ("!", "", " ", "a", "0", "~~~~~~~~")
_LONGEST = 100_000
_MAX_DEPTH = 3
Place = tuple[str | int, ...]


@dataclass(frozen=True)
class Violation:
    """A value that breaks one constraint. `kind` is short and stable; `words` says what is wrong."""

    kind: str
    place: Place
    words: str
    value: Any


def body_violations(json_schema: JsonSchema, valid: Any, bindings: dict[str, Binding]) -> Iterator[Violation]:
    """Bodies that break one constraint each, made from a valid one."""
    for kind, place, words, wrong in _wrongs(json_schema, json_schema, valid, (), 0):
        broken = _put(valid, place, wrong)
        if not schema.accepts(json_schema, sampled(broken, bindings)):
            yield Violation(kind, place, words, broken)


def text_violations(json_schema: JsonSchema, name: str) -> Iterator[Violation]:
    """Strings that break the schema of a query, path or header parameter, where all values are text."""
    flat = schema.flatten(json_schema, json_schema)
    kind = schema.kind_of(flat)
    if kind in ("integer", "number", "boolean"):
        yield Violation("wrong type", (name,), f"`{name}` is not a valid {kind}", f"not-a-{kind}")
    if flat.get("enum") and _NOT_IN_ENUM not in flat["enum"]:
        yield Violation("not in enum", (name,), f"`{name}` is none of the allowed values", _NOT_IN_ENUM)
    for what, words, wrong in [*_numbers(flat, kind), *(_strings(flat, flat) if kind == "string" else ())]:
        if wrong != "" and len(str(wrong)) <= _LONGEST // 50:
            yield Violation(what, (name,), f"`{name}` {words}", wrong)


_Wrong = tuple[str, Place, str, Any]
_REMOVED = object()


def _wrongs(part: Any, root: JsonSchema, value: Any, at: Place, depth: int) -> Iterator[_Wrong]:
    flat = schema.flatten(part, root)
    kind = schema.kind_of(flat)
    label = f"`{'.'.join(str(step) for step in at)}`" if at else "the body"
    if kind == "object" and isinstance(value, dict):
        yield from _objects(flat, root, value, at, depth)
    for what, words, wrong in _here(flat, kind, value, root):
        yield what, at, f"{label} {words}", wrong
    if kind == "array" and isinstance(value, list) and value and depth < _MAX_DEPTH:
        yield from _wrongs(flat.get("items", {}), root, value[0], (*at, 0), depth + 1)


def _objects(flat: JsonSchema, root: JsonSchema, value: dict[str, Any], at: Place, depth: int) -> Iterator[_Wrong]:
    for name in schema.required(flat):
        if name in value:
            yield "missing", (*at, name), f"`{'.'.join(map(str, (*at, name)))}` is missing", _REMOVED
    if depth < _MAX_DEPTH:
        for name, part in schema.properties(flat).items():
            if name in value:
                inner = _wrongs(part, root, value[name], (*at, name), depth + 1)
                # many an API takes an optional null for an absent value, whatever its contract says
                yield from (wrong for wrong in inner if wrong[0] != "null" or name in schema.required(flat))
    if flat.get("additionalProperties") is False:
        yield "extra field", (*at, "unexpected_field"), "there is a field that the contract does not allow", "x"


def _here(flat: JsonSchema, kind: str, value: Any, root: JsonSchema) -> Iterator[tuple[str, str, Any]]:
    if kind in ("string", "integer", "number", "boolean"):
        yield "wrong type", f"is an object instead of a {kind}", {"unexpected": "object"}
    elif kind in ("array", "object"):
        yield "wrong type", f"is a text instead of an {kind}", "not-what-was-asked-for"
    if flat.get("enum"):
        yield "not in enum", "is none of the allowed values", _NOT_IN_ENUM
    yield from _numbers(flat, kind)
    if kind == "string":
        yield from _strings(flat, schema.rooted(flat, root))
    if kind == "array" and isinstance(value, list):
        yield from _arrays(flat, value)
    if not isinstance(value, dict | list) and schema.NULLABLE not in flat and kind != "any":
        yield "null", "is null though it must not be", None


def _numbers(flat: JsonSchema, kind: str) -> Iterator[tuple[str, str, Any]]:
    if kind not in ("integer", "number"):
        return
    low, high = bounds(flat, 0)
    if low is not None:
        below = low if flat.get("exclusiveMinimum") == low else low - 1
        yield "too small", f"is below its minimum ({below:g})", _plain(below, kind)
    if high is not None:
        above = high if flat.get("exclusiveMaximum") == high else high + 1
        yield "too large", f"is above its maximum ({above:g})", _plain(above, kind)


def _plain(value: float, kind: str) -> float | int:
    return int(value) if kind == "integer" or float(value).is_integer() else value


def _strings(flat: JsonSchema, whole: JsonSchema) -> Iterator[tuple[str, str, Any]]:
    fewest, most = int(flat.get("minLength", 0)), flat.get("maxLength")
    if fewest > 0:
        yield "too short", f"is shorter than {fewest}", "x" * min(fewest - 1, _LONGEST)
    if most is not None and most < _LONGEST:
        yield "too long", f"is longer than {int(most)}", "x" * (int(most) + 1)
    if flat.get("format") in _BAD_FORMATS:
        yield "bad format", f"is not a valid {flat['format']}", _BAD_FORMATS[flat["format"]]
    if flat.get("pattern"):
        fitting = {"pattern": flat["pattern"], "type": "string"}
        size = min(max(fewest, 1), _LONGEST)
        tries = [(text * size)[: int(most)] if most is not None else text * size for text in _BREAKS_PATTERN]
        wrong = next((text for text in tries if text and not schema.accepts(fitting, text)), None)
        if wrong is not None and not schema.accepts(whole, wrong):
            yield "bad pattern", "does not match its pattern", wrong


def _arrays(flat: JsonSchema, value: list[Any]) -> Iterator[tuple[str, str, Any]]:
    fewest, most = int(flat.get("minItems", 0)), flat.get("maxItems")
    if fewest > 0:
        yield "too few items", f"has fewer than {fewest} items", value[: fewest - 1]
    if most is not None and most < _LONGEST and value:
        yield "too many items", f"has more than {int(most)} items", [value[0]] * (int(most) + 1)
    if flat.get("uniqueItems") and value:
        yield "duplicate items", "has the same item twice", [*value, value[0]]


def _put(valid: Any, place: Place, wrong: Any) -> Any:
    if not place:
        return wrong
    broken = copy.deepcopy(valid)
    node = broken
    for step in place[:-1]:
        node = node[step]
    if wrong is _REMOVED:
        del node[place[-1]]
    else:
        node[place[-1]] = wrong
    return broken
