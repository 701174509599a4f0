"""Functional tests at the edges: limits that the contract allows, and input that it does not forbid."""

from collections.abc import Iterator
from typing import Any

from services.generator.adapters.rules import names, schema
from services.generator.adapters.rules.chains import Arranged
from services.generator.adapters.rules.model import Target
from services.generator.adapters.rules.subject import Expected, Subject
from services.generator.adapters.rules.values import UNIQUE, bounds, sampled
from services.generator.domain.draft import Draft
from shared.contracts.scanner import JsonSchema, Parameter
from shared.contracts.testcase import StatusAssertion

_UNICODE = "Zoë 北京 🚀 ñandú"
_BIG = 2**63
_MISSING_NUMBER = 987_654_321
_LONG = 5_000
_LIMITS_AT_MOST = 10_000
_UNIQUE_LENGTH = 12


def edge(subject: Subject) -> Iterator[Draft]:
    """Limits (valid by the contract) and unusual values (must not crash the API)."""
    if subject.target.ends_session:
        return
    yield from _body_limits(subject)
    yield from _query_limits(subject)
    yield from _unusual(subject)
    yield from _huge_path(subject)


def not_found(subject: Subject) -> Iterator[Draft]:
    """An id that nothing has: 404 where the contract documents it, 4XX for a created kind of thing, never a crash."""
    target = subject.target
    inside = [part[1:-1] for part in target.segments if part.startswith("{")]
    if not inside or target.ends_session:
        return
    name = inside[-1]
    parameter = _path_parameter(target, name)
    missing = None if {"enum", "const"} & set(parameter.json_schema) else _missing(parameter)
    if missing is None:
        return
    arranged = subject.arrange("minimal")
    statuses = _missing_statuses(subject, name)
    text = "An unknown id is answered as not found" if statuses != target.harmless else "An unknown id is no crash"
    changes = {"path_params": {**arranged.request.path_params, name: missing}}
    yield subject.simple(
        arranged,
        f"{target.name} with an unknown `{name}`",
        f"Asks for a `{name}` that does not exist. {text} ({', '.join(statuses)}).",
        "not_found",
        [StatusAssertion(one_of=statuses, description=text)],
        changes=changes,
    )


def _missing_statuses(subject: Subject, name: str) -> tuple[str, ...]:
    target = subject.target
    if "404" in target.documented:
        return ("404", *sorted({"410"} & target.documented))
    creator = subject.api.at("POST", target.collection.removesuffix("/{}"))
    made = creator.id_for(name) if creator is not None else None
    if target.tail_parameter == name and target.method in ("GET", "PATCH") and made is not None and made.sure:
        return ("4XX",)
    return target.harmless


def _missing(parameter: Parameter) -> Any:
    flat = schema.flatten(parameter.json_schema, parameter.json_schema)
    kind = schema.kind_of(flat)
    if kind in ("integer", "number"):
        high = bounds(flat, 1)[1]
        return _MISSING_NUMBER if high is None or high >= _MISSING_NUMBER else None
    if flat.get("format") == "uuid":
        return "{{$uuid}}"
    wanted = f"missing-{UNIQUE}"
    return wanted if schema.accepts(parameter.json_schema, sampled(wanted)) else None


def _path_parameter(target: Target, name: str) -> Parameter:
    return next((p for p in target.parameters("path") if p.name == name), Parameter(name=name, location="path"))


def _limit_values(flat: JsonSchema, name: str) -> Iterator[tuple[str, Any]]:
    kind = schema.kind_of(flat)
    if flat.get("enum") or flat.get("const") is not None:
        return
    if kind in ("integer", "number"):
        step = flat.get("multipleOf") or (1 if kind == "integer" else 0.01)
        for label, value in zip(("minimum", "maximum"), bounds(flat, step), strict=True):
            if value is not None:
                yield label, int(value) if kind == "integer" or float(value).is_integer() else value
    if kind == "string" and not flat.get("format") and not flat.get("pattern"):
        for label, keyword in (("shortest", "minLength"), ("longest", "maxLength")):
            size = flat.get(keyword)
            if size and size <= _LIMITS_AT_MOST and (text := _text_of(int(size), name)):
                yield label, text


def _text_of(size: int, name: str) -> str | None:
    """A text of exactly that length when it is sent; None where it could not be unique but should be."""
    if not names.is_identity(name):
        return "x" * size
    return UNIQUE + "x" * (size - _UNIQUE_LENGTH) if size >= _UNIQUE_LENGTH else None


def _body_limits(subject: Subject) -> Iterator[Draft]:
    body = subject.target.body
    arranged = subject.arrange("full")
    if body is None or not arranged.certain or not isinstance(arranged.request.body, dict):
        return
    flat = schema.flatten(body.json_schema, body.json_schema)
    for name, part in schema.properties(flat).items():
        if name not in arranged.request.body or name in arranged.bindings:
            continue
        for label, value in _limit_values(schema.flatten(part, body.json_schema), name):
            tried = {**arranged.request.body, name: value}
            if schema.accepts(body.json_schema, sampled(tried, arranged.bindings)):
                yield _limit(subject, arranged, f"`{name}`", label, {"body": tried})


def _query_limits(subject: Subject) -> Iterator[Draft]:
    arranged = subject.arrange("minimal")
    for parameter in subject.target.parameters("query") if arranged.certain else ():
        flat = schema.flatten(parameter.json_schema, parameter.json_schema)
        for label, value in _limit_values(flat, parameter.name):
            query = {**arranged.request.query, parameter.name: value}
            yield _limit(subject, arranged, f"`{parameter.name}`", label, {"query": query})


def _limit(subject: Subject, arranged: Arranged, name: str, label: str, changes: dict[str, Any]) -> Draft:
    expected = subject.expected(arranged)
    if subject.target.method != "GET":
        room = {"409"} & subject.target.documented
        expected = Expected((*expected.statuses, *sorted(room)), strict=not room)
    request = arranged.request.model_copy(update=changes)
    extract, undo = subject.undone(arranged, expected)
    step = subject.step(request, subject.checks(expected), extract=extract)
    title = f"{subject.target.name} with {name} at its limit: {label}"
    description = f"Sends {name} exactly at the limit that the contract allows ({label}), which is still valid."
    return subject.draft(title, description, "edge", [*arranged.chain.setup, step, *undo, *arranged.cleanup])


def _unusual(subject: Subject) -> Iterator[Draft]:
    """Text that nothing forbids: other scripts, nothing at all, very long; numbers beyond 64 bits."""
    target = subject.target
    arranged = subject.arrange("full")
    for name, part, place in text_inputs(subject, arranged):
        free = not part.get("maxLength")
        tries = [("unicode text", f"{_UNICODE} {UNIQUE}"), ("an empty text", "")]
        tries += [("a very long text", "x" * _LONG)] if free else []
        for label, value in tries:
            title = f"{target.name} with {label} in `{name}`"
            description = f"Puts {label} into `{name}`. Whether it is taken is the API's choice; it must not crash."
            yield _must_live(subject, arranged, title, description, replaced(arranged, place, name, value))
        return
    for name, number in _open_integers(subject, arranged):
        title = f"{target.name} with a huge number in `{name}`"
        description = f"Puts a number beyond 64 bits into `{name}`: it may be refused, but must not crash the API."
        yield _must_live(subject, arranged, title, description, replaced(arranged, "body", name, number))


def _open_integers(subject: Subject, arranged: Arranged) -> Iterator[tuple[str, int]]:
    body = subject.target.body
    if body is None or not isinstance(arranged.request.body, dict):
        return
    flat = schema.flatten(body.json_schema, body.json_schema)
    for name, part in schema.properties(flat).items():
        inner = schema.flatten(part, body.json_schema)
        open_ended = bounds(inner, 1)[1] is None and not inner.get("enum")
        if name in arranged.request.body and schema.kind_of(inner) == "integer" and open_ended:
            yield name, _BIG
            return


def _huge_path(subject: Subject) -> Iterator[Draft]:
    arranged = subject.arrange("minimal")
    for parameter in subject.target.parameters("path"):
        flat = schema.flatten(parameter.json_schema, parameter.json_schema)
        if schema.kind_of(flat) == "integer" and parameter.name == subject.target.tail_parameter:
            title = f"{subject.target.name} with a huge `{parameter.name}`"
            description = f"Asks for a `{parameter.name}` beyond 64 bits: it is refused or not found, but no crash."
            changes = {"path_params": {**arranged.request.path_params, parameter.name: _BIG}}
            yield _must_live(subject, arranged, title, description, changes)


def _must_live(subject: Subject, arranged: Arranged, title: str, text: str, changes: dict[str, Any]) -> Draft:
    check = StatusAssertion(one_of=subject.target.harmless, description="The API does not crash")
    return subject.simple(arranged, title, text, "edge", [check], changes=changes)


def text_inputs(subject: Subject, arranged: Arranged) -> Iterator[tuple[str, JsonSchema, str]]:
    """Free text inputs (name, flat schema, "body" or "query"): no enum, format or pattern, and room for some words."""
    body = subject.target.body
    found: list[tuple[str, JsonSchema, str]] = []
    if body is not None and isinstance(arranged.request.body, dict):
        flat = schema.flatten(body.json_schema, body.json_schema)
        for name, part in schema.properties(flat).items():
            if name in arranged.request.body and name not in arranged.bindings:
                found.append((name, schema.flatten(part, body.json_schema), "body"))
    queries = subject.target.parameters("query")
    found += [(p.name, schema.flatten(p.json_schema, p.json_schema), "query") for p in queries]
    limited = ("enum", "const", "format", "pattern")
    for name, part, place in found:
        roomy = part.get("maxLength", _LONG) >= len(_UNICODE) + _UNIQUE_LENGTH
        if schema.kind_of(part) == "string" and roomy and not any(key in part for key in limited):
            yield name, part, place


def replaced(arranged: Arranged, place: str, name: str, value: Any) -> dict[str, Any]:
    """The change of a request that puts a value into one field of its body or query."""
    now = arranged.request.body if place == "body" else arranged.request.query
    return {place: {**now, name: value}}
