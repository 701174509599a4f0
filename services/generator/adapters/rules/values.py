"""Values that satisfy a JSON Schema: plausible by name, unique per execution where identity asks, deterministic."""

import math
import re
from dataclasses import dataclass, field
from random import Random
from re import _parser as re_parser
from typing import Any, Literal

import rstr

from services.generator.adapters.rules import names, schema
from shared.contracts.scanner import JsonSchema
from shared.security.patterns import InvalidPattern, matches

UNIQUE = "{{$unique}}"
UUID = "{{$uuid}}"
_SAMPLES = {UNIQUE: "abc123def456", UUID: "0d9a2b1c-3e4f-4a5b-8c6d-7e8f9a0b1c2d", "{{$now}}": "2030-01-15T10:30:00Z"}
_TEMPLATE = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
_MAX_DEPTH = 6
_OPTIONAL_DEPTH = 2
_TRIES = 12
_MOST_PARTS = 20_000
_MOST_LENGTH = 100_000
"""A contract may demand more than can be made (`minItems: 1000000000`): then there is no value for it."""
_LONGEST_TEXT = 200_000
_RSTR_REPEATS = 100
"""rstr repeats no part more often than this, unless the pattern demands it."""
_REPEATS = (re_parser.MAX_REPEAT, re_parser.MIN_REPEAT, re_parser.POSSESSIVE_REPEAT)
Mode = Literal["minimal", "full"]


class Unsatisfiable(Exception):
    """No value was found for a schema."""


@dataclass(frozen=True)
class Binding:
    """A value known only at run time: its template, and a sample of the same type to check schemas with."""

    template: str
    sample: Any


def sampled(value: Any, bindings: dict[str, Binding] | None = None) -> Any:
    """The value as it may look when it is sent: every template replaced by a sample."""
    if isinstance(value, dict):
        return {key: sampled(inner, bindings) for key, inner in value.items()}
    if isinstance(value, list):
        return [sampled(inner, bindings) for inner in value]
    if not isinstance(value, str) or "{{" not in value:
        return value
    known = {binding.template: binding.sample for binding in (bindings or {}).values()} | _SAMPLES
    if value in known:
        return known[value]
    return _TEMPLATE.sub(lambda match: str(known.get(match.group(0), match.group(0))), value)


@dataclass
class Maker:
    """Makes values for the parts of one self-contained schema."""

    root: JsonSchema
    rng: Random
    mode: Mode = "minimal"
    bindings: dict[str, Binding] = field(default_factory=dict)
    """Run-time values by property name, used wherever a property of that name is made."""
    omit: frozenset[str] = frozenset()
    """Optional properties to leave out, for want of a value that is sure to be accepted."""
    _parts: int = 0
    """Made for one value so far."""

    def whole(self) -> Any:
        """A value of the root schema that is checked against it, trying every alternative."""
        for attempt in range(_TRIES):
            self._parts = 0
            try:
                value = self.make(self.root, branch=attempt)
            except Unsatisfiable:
                continue
            if schema.accepts(self.root, sampled(value, self.bindings)):
                return value
        raise Unsatisfiable

    def make(self, part: Any, name: str = "", depth: int = 0, branch: int = 0) -> Any:
        """A value for one part of the schema; `name` is the property that it will be the value of."""
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise Unsatisfiable
        flat = schema.flatten(part, self.root, branch)
        if "const" in flat:
            return flat["const"]
        choices = [value for value in flat.get("enum", ()) if value is not None]
        if choices:
            return choices[branch % len(choices)]
        kind = schema.kind_of(flat)
        if kind == "object":
            return self._object(flat, depth, branch)
        if kind == "array":
            return self._array(flat, name, depth, branch)
        given = self._given(flat, part, name)
        return given if given is not None else self._scalar(flat, kind, name)

    def _given(self, flat: JsonSchema, part: Any, name: str) -> Any:
        if names.is_identity(name) or flat.get("format") in ("uuid", "email"):
            return None
        candidates = [*schema.examples(flat)]
        if isinstance(flat.get("default"), int | float):
            candidates.append(flat["default"])
        whole = schema.rooted(schema.resolve(part, self.root), self.root)
        return next((value for value in candidates if schema.accepts(whole, value)), None)

    def _scalar(self, flat: JsonSchema, kind: str, name: str) -> Any:
        if kind in {"integer", "number"}:
            return number(flat, name, whole=kind == "integer")
        if kind == "boolean":
            return True
        if kind == "null":
            return None
        return text(flat, name, self.rng)

    def _object(self, flat: JsonSchema, depth: int, branch: int) -> dict[str, Any]:
        if depth > _MAX_DEPTH:
            raise Unsatisfiable
        known, needed, made = schema.properties(flat), schema.required(flat), {}
        for key in [*known, *(key for key in needed if key not in known)]:
            must = key in needed or (depth == 0 and key in self.bindings)
            if not must and (self.mode == "minimal" or key in self.omit or depth > _OPTIONAL_DEPTH):
                continue
            part = known.get(key, {})
            if schema.resolve(part, self.root).get("readOnly"):
                continue
            try:
                made[key] = self._property(key, part, depth, branch)
            except Unsatisfiable:
                if must:
                    raise
        while len(made) < flat.get("minProperties", 0) and flat.get("additionalProperties") is not False:
            made[f"key{len(made) + 1}"] = self.make(flat.get("additionalProperties", {}), "key", depth + 1)
        return made

    def _property(self, key: str, part: Any, depth: int, branch: int) -> Any:
        bound = self.bindings.get(key)
        if bound is None:
            return self.make(part, key, depth + 1, branch)
        return [bound.template] if schema.kind_of(schema.flatten(part, self.root)) == "array" else bound.template

    def _array(self, flat: JsonSchema, name: str, depth: int, branch: int) -> list[Any]:
        prefix = flat.get("prefixItems", [])
        fewest = int(flat.get("minItems", 0))
        size = max(fewest, len(prefix), 1 if self.mode == "full" and flat.get("maxItems", 1) > 0 else 0)
        made = [self.make(item, name, depth + 1, branch) for item in prefix[:size]]
        items = flat.get("items", {})
        for index in range(len(made), size):
            try:
                item = self.make(items, names.singular(name), depth + 1, branch + index)
            except Unsatisfiable:
                if len(made) >= fewest:
                    return made
                raise
            made.append(_varied(item, index) if flat.get("uniqueItems") and item in made else item)
        return made


def _varied(item: Any, index: int) -> Any:
    """Another value near `item`, for arrays whose items must differ."""
    if isinstance(item, str):
        return f"{item}{index}"
    if isinstance(item, int | float) and not isinstance(item, bool):
        return item + index
    return not item if isinstance(item, bool) else item


def bounds(flat: JsonSchema, step: float) -> tuple[float | None, float | None]:
    """The smallest and largest number allowed, None where open; `step` leads away from exclusive bounds."""
    low, high = flat.get("minimum"), flat.get("maximum")
    if isinstance(flat.get("exclusiveMinimum"), int | float) and not isinstance(flat["exclusiveMinimum"], bool):
        low = max(flat["exclusiveMinimum"] + step, low if low is not None else -math.inf)
    if isinstance(flat.get("exclusiveMaximum"), int | float) and not isinstance(flat["exclusiveMaximum"], bool):
        high = min(flat["exclusiveMaximum"] - step, high if high is not None else math.inf)
    return low, high


def number(flat: JsonSchema, name: str, *, whole: bool) -> int | float:
    """A number within the bounds: what the name suggests, else one near the lower bound."""
    multiple = flat.get("multipleOf") or (1 if whole else 0)
    low, high = bounds(flat, multiple or 0.01)
    wanted = names.number_for(name)
    value: float = wanted if wanted is not None else 1
    if low is not None and value < low:
        value = low
    if high is not None and value > high:
        value = high
    if multiple:
        value = math.ceil(round(value / multiple, 9)) * multiple
        if high is not None and value > high:
            value = math.floor(high / multiple) * multiple
    return int(value) if whole or float(value).is_integer() else round(float(value), 10)


def text(flat: JsonSchema, name: str, rng: Random) -> str:
    """A string that satisfies format, pattern and length."""
    pattern, shape = flat.get("pattern"), flat.get("format")
    fewest, most = int(flat.get("minLength", 0)), flat.get("maxLength")
    if fewest > _MOST_LENGTH:
        raise Unsatisfiable
    fitting = (value for value in _candidates(shape, name) if _fits(sampled(value), pattern, fewest, most))
    if (found := next(fitting, None)) is not None:
        return found
    if pattern:
        return _from_pattern(pattern, fewest, most, rng)
    base = "test"[: None if most is None else max(int(most), 0)]
    return base + "x" * (fewest - len(base))


def _candidates(shape: str | None, name: str) -> list[str]:
    formatted = _formatted(shape, name)
    if formatted is not None:
        return [formatted, sampled(formatted)]
    hinted = names.text_for(name)
    if "email" in names.words(name) or "mail" in names.words(name)[-1:]:
        return [f"tg-{UNIQUE}@example.com", "a@example.com", UNIQUE]
    if hinted is not None and not names.is_identity(name):
        return [hinted, f"test {name}", "test"]
    if names.is_identity(name):
        stem = (names.words(name) or ["x"])[-1]
        return [f"{stem}-{UNIQUE}", f"{stem}{UNIQUE}", UNIQUE, "t{{$unique}}"]
    return [f"test {' '.join(names.words(name))}".strip(), "test", "Test"]


def _formatted(shape: str | None, name: str) -> str | None:
    year = names.year_for(name)
    return {
        "date-time": f"{year}-01-15T10:30:00Z",
        "date": f"{year}-01-15",
        "time": "10:30:00Z",
        "duration": "P1D",
        "email": f"tg-{UNIQUE}@example.com",
        "idn-email": f"tg-{UNIQUE}@example.com",
        "uuid": UUID,
        "uri": f"https://example.com/{UNIQUE}",
        "url": f"https://example.com/{UNIQUE}",
        "uri-reference": f"/{UNIQUE}",
        "hostname": "example.com",
        "ipv4": "192.0.2.10",
        "ipv6": "2001:db8::1",
        "byte": "dGVzdA==",
        "password": "Str0ng!Passw0rd",
        "decimal": "19.50",
    }.get(shape or "")


def _fits(value: str, pattern: str | None, fewest: int, most: int | None) -> bool:
    if len(value) < fewest or (most is not None and len(value) > most):
        return False
    return pattern is None or _matches(pattern, value)


def _matches(pattern: str, value: str) -> bool:
    try:
        return matches(pattern, value)
    except InvalidPattern:
        return False


def _from_pattern(pattern: str, fewest: int, most: int | None, rng: Random) -> str:
    try:
        if _longest(re_parser.parse(pattern)) > _LONGEST_TEXT:
            raise Unsatisfiable
        source = rstr.Rstr(rng)
        for _ in range(_TRIES * 2):
            value = source.xeger(pattern)
            if _fits(value, pattern, fewest, most):
                return value
    except (re.error, KeyError, ValueError, OverflowError, RecursionError) as error:
        raise Unsatisfiable from error
    raise Unsatisfiable


def _longest(part: Any) -> int:
    """The most characters that rstr may make of a parsed pattern: nested repetitions multiply."""
    total = 0
    for operation, argument in part:
        if operation in _REPEATS:
            fewest, most, inner = argument
            total += max(int(fewest), min(int(most), _RSTR_REPEATS)) * _longest(inner)
        elif operation == re_parser.SUBPATTERN:
            total += _longest(argument[-1])
        elif operation == re_parser.BRANCH:
            total += max(map(_longest, argument[1]), default=0)
        else:
            total += 1
    return total
