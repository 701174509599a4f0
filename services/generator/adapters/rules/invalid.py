"""Functional tests of invalid input: every constraint broken once, one at a time."""

from collections.abc import Iterator
from typing import Any

from services.generator.adapters.rules import schema
from services.generator.adapters.rules.chains import Arranged
from services.generator.adapters.rules.model import Body, Target
from services.generator.adapters.rules.subject import Subject
from services.generator.adapters.rules.violations import Violation, body_violations, text_violations
from services.generator.domain.draft import Draft
from shared.contracts.scanner import Parameter
from shared.contracts.testcase import StatusAssertion

_REFUSED = ("4XX",)
_IGNORED_HEADERS = frozenset({"accept", "content-type", "authorization"})


def invalid(subject: Subject) -> Iterator[Draft]:
    """Invalid requests: refused where the contract says that they are, and never a crash."""
    if subject.target.ends_session:
        return
    yield from _bodies(subject)
    yield from _queries(subject)
    yield from _headers(subject)
    yield from _paths(subject)


def refusal(target: Target) -> StatusAssertion:
    """Refused (4XX) where the contract documents that; else anything but a crash."""
    if target.rejects:
        return StatusAssertion(one_of=_REFUSED, description="Invalid input is refused (4XX)")
    return StatusAssertion(one_of=target.harmless, description="Invalid input does not crash the API")


def _broken(subject: Subject, arranged: Arranged, found: Violation, changes: dict[str, Any], where: str) -> Draft:
    target = subject.target
    said = "expects that it is refused" if target.rejects else "expects that the API does not crash"
    spot = ".".join(str(part) for part in found.place)
    title = f"{target.name} with {where}{f' `{spot}`' if spot else ''}: {found.kind}"
    description = f"Sends a request in which {found.words}, everything else being valid, and {said}."
    return subject.simple(arranged, title, description, "invalid", [refusal(target)], changes=changes)


def _bodies(subject: Subject) -> Iterator[Draft]:
    target, body = subject.target, subject.target.body
    if body is None:
        return
    arranged = subject.arrange("full")
    seen: set[tuple[object, ...]] = set()
    for found in body_violations(body.json_schema, arranged.request.body, arranged.bindings):
        if body.kind != "json" and not _fits_a_form(body, found):
            continue
        key = (found.kind, *found.place)
        if key in seen:
            continue
        seen.add(key)
        changes = {"body": found.value, "body_kind": body.kind, "content_type": body.media_type}
        if found.value is None:
            changes |= {"body_kind": "text", "body": "null"}
        yield _broken(subject, arranged, found, changes, "body field" if found.place else "body")
    if body.kind == "json":
        broken = {"body": '{"broken": ', "body_kind": "text", "content_type": body.media_type}
        found = Violation("malformed JSON", (), "the body is cut off in the middle of its JSON", None)
        yield _broken(subject, arranged, found, broken, "body")
    if body.required and target.body is not None:
        found = Violation("no body", (), "the body is left out", None)
        yield _broken(subject, arranged, found, {"body": None, "body_kind": "none", "content_type": None}, "body")


def _fits_a_form(body: Body, found: Violation) -> bool:
    """Forms carry texts only: what is wrong must still be so as a text."""
    if body.kind == "text" or len(found.place) != 1:
        return False
    flat = schema.flatten(body.json_schema, body.json_schema)
    part = schema.flatten(schema.properties(flat).get(str(found.place[0]), {}), body.json_schema)
    if found.kind == "missing":
        return True
    scalar = schema.kind_of(part) in ("integer", "number", "boolean")
    plain = schema.kind_of(part) == "string" and part.get("format") != "binary" and "contentMediaType" not in part
    return found.kind not in ("null", "extra field") and (scalar or (plain and found.kind != "wrong type"))


def _queries(subject: Subject) -> Iterator[Draft]:
    arranged = subject.arrange("minimal")
    query = arranged.request.query
    for parameter in subject.target.parameters("query"):
        if parameter.required and parameter.name in query:
            rest = {name: value for name, value in query.items() if name != parameter.name}
            found = Violation("missing", (parameter.name,), f"query parameter `{parameter.name}` is left out", None)
            yield _broken(subject, arranged, found, {"query": rest}, "query parameter")
        for found in text_violations(parameter.json_schema, parameter.name):
            changes = {"query": {**query, parameter.name: found.value}}
            yield _broken(subject, arranged, found, changes, "query parameter")


def _headers(subject: Subject) -> Iterator[Draft]:
    arranged = subject.arrange("minimal")
    for parameter in _own_headers(subject.target):
        rest = {name: value for name, value in arranged.request.headers.items() if name != parameter.name}
        found = Violation("missing", (parameter.name,), f"header `{parameter.name}` is left out", None)
        yield _broken(subject, arranged, found, {"headers": rest}, "header")


def _own_headers(target: Target) -> list[Parameter]:
    found = [parameter for parameter in target.parameters("header") if parameter.required]
    return [parameter for parameter in found if parameter.name.lower() not in _IGNORED_HEADERS]


def _paths(subject: Subject) -> Iterator[Draft]:
    arranged = subject.arrange("minimal")
    for parameter in subject.target.parameters("path"):
        for found in text_violations(parameter.json_schema, parameter.name):
            if found.kind in ("wrong type", "bad format", "not in enum"):
                changes = {"path_params": {**arranged.request.path_params, parameter.name: found.value}}
                yield _broken(subject, arranged, found, changes, "path parameter")
