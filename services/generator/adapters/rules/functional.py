"""Functional tests of valid input: the contract's examples, the least, everything, all query parameters."""

from collections.abc import Iterator
from typing import Any

from services.generator.adapters.rules import schema
from services.generator.adapters.rules.chains import Arranged, Created
from services.generator.adapters.rules.examples import adapted
from services.generator.adapters.rules.model import Target, member
from services.generator.adapters.rules.subject import Subject
from services.generator.adapters.rules.values import UNIQUE, sampled
from services.generator.domain.draft import Draft
from shared.contracts.scanner import JsonSchema
from shared.contracts.testcase import Assertion, JsonAssertion

_SCALARS = ("string", "integer", "number", "boolean")
_REWRITTEN = frozenset({"date-time", "date", "time", "duration", "uri", "url", "decimal", "password", "byte", "binary"})


def valid(subject: Subject) -> Iterator[Draft]:
    """Valid requests: they succeed, and the answers are what the contract documents."""
    target, minimal = subject.target, subject.arrange("minimal")
    if target.ends_session:
        return
    yield from _example(subject)
    what = "only what is required" if target.body or target.parameters("query") else "a valid request"
    yield _valid(subject, minimal, f"{target.name} with {what}", f"Sends {what} and expects success.")
    full = subject.arrange("full")
    if full.request.body != minimal.request.body:
        yield _valid(
            subject, full, f"{target.name} with every field", "Sends every documented field with valid values."
        )
    elif full.request.query != minimal.request.query:
        title = f"{target.name} with all query parameters"
        yield _valid(subject, full, title, "Sends every documented query parameter with a valid value.")


def _example(subject: Subject) -> Iterator[Draft]:
    target = subject.target
    body = target.body
    if body is None:
        return
    given = next(iter([body.example] if body.example is not None else schema.examples(body.json_schema)), None)
    if given is None:
        return
    full = subject.arrange("full")
    made = adapted(given, body.json_schema, full.bindings)
    if not schema.accepts(body.json_schema, sampled(made, full.bindings)):
        return
    request = full.request.model_copy(update={"body": made, "body_kind": body.kind, "content_type": body.media_type})
    arranged = Arranged(target, request, full.chain, full.doubts, full.bindings)
    title = f"{target.name} with the documented example"
    yield _valid(subject, arranged, title, "Sends the contract's own example and expects success.")


def _valid(subject: Subject, arranged: Arranged, title: str, description: str) -> Draft:
    expected = subject.expected(arranged)
    checks = subject.checks(expected)
    if expected.strict:
        checks += _echo(subject, arranged)
    extract, undo = subject.undone(arranged, expected)
    step = subject.step(arranged.request, checks, extract=extract)
    steps = [*arranged.chain.setup, step, *undo, *arranged.cleanup]
    if arranged.doubts:
        description += f" Success is not certain ({arranged.doubts[0]}), so it only must not crash."
    return subject.draft(title, description, "valid", steps, positive=expected.positive)


def _echo(subject: Subject, arranged: Arranged) -> list[Assertion]:
    """What was sent comes back; what a set-up step made is what is read."""
    target = subject.target
    if target.method in ("POST", "PUT", "PATCH") and not subject.is_action:
        return compared(arranged.request.body, target, target)
    if target.method == "GET" and target.tail_parameter is not None:
        made = created_for(target, arranged.chain.created)
        return [*_same_id(target, made), *compared(made.sent, made.target, target)] if made else []
    return []


def created_for(target: Target, created: list[Created]) -> Created | None:
    """The set-up resource that an item operation is about."""
    collection = target.collection.removesuffix("/{}")
    return next((made for made in created if made.target.collection == collection), None)


def _same_id(target: Target, made: Created) -> list[Assertion]:
    found = target.id_for(target.tail_parameter or "id")
    if found is None or not found.sure or type(found.sample) is not type(made.id.sample):
        return []
    same = JsonAssertion(
        path=found.path,
        op="equals",
        value="{{" + made.variable + "}}",
        description="The answer describes the resource that was asked for",
    )
    return [same]


def compared(sent: Any, sender: Target, answering: Target) -> list[Assertion]:
    """Assertions that scalar values sent to one operation are in the answer of another, where both know the field."""
    if not isinstance(sent, dict) or sender.body is None or sender.body.kind != "json" or answering.answer is None:
        return []
    base, known = _described(answering)
    request = schema.properties(schema.flatten(sender.body.json_schema, sender.body.json_schema))
    found: list[Assertion] = []
    for name, value in sent.items():
        if name in known and name in request and not isinstance(value, dict | list) and value is not None:
            asked = schema.flatten(request[name], sender.body.json_schema)
            told = schema.flatten(known[name], answering.answer)
            if _comparable(asked, told, name, value):
                text = f"`{name}` has the value that was sent"
                found.append(JsonAssertion(path=base + member(name), op="equals", value=value, description=text))
    return found


def _described(answering: Target) -> tuple[str, dict[str, Any]]:
    """Where the answer describes the resource (at the top, or in an envelope), and with which properties."""
    answer = answering.answer or {}
    flat = schema.flatten(answer, answer)
    found = answering.id_for(answering.tail_parameter or "id")
    if found is not None and found.path.count(".") == 2 and not found.path.startswith("$["):  # noqa: PLR2004
        envelope = found.path.split(".")[1]
        inner = schema.flatten(schema.properties(flat).get(envelope, {}), answer)
        return f"$.{envelope}", schema.properties(inner)
    return "$", schema.properties(flat)


def _comparable(asked: JsonSchema, told: JsonSchema, name: str, value: Any) -> bool:
    if schema.kind_of(asked) not in _SCALARS or schema.kind_of(asked) != schema.kind_of(told):
        return False
    if {asked.get("format"), told.get("format")} & _REWRITTEN or asked.get("writeOnly"):
        return False
    if "password" in name.lower() or "secret" in name.lower():
        return False
    return not (isinstance(value, str) and "{{" in value.replace(UNIQUE, "") and not value.endswith("_id}}"))
