"""What a test reads from answers: extracts and assertions on the body, rewritten for the new documented schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from services.healer.domain.jsonpaths import parse
from services.healer.domain.log import EditLog, Place
from services.healer.domain.operations import OperationChange, answer_schema, documented
from services.healer.domain.rewriting import rewrite_expected, rewrite_path, rewrite_schema
from services.healer.domain.schemas import Schema, signature, types_of
from services.healer.domain.shapes import FieldChange, ShapeChange, compare
from services.healer.domain.statuses import expected_codes, successors_of
from shared.contracts.scanner import Operation
from shared.contracts.testcase import Assertion, Extract, JsonAssertion, SchemaAssertion, Step

_COMPARED = frozenset({"equals", "not_equals", "contains", "not_contains", "gte", "lte"})


@dataclass(frozen=True)
class _Answers:
    """The answers that a step expects: their documented schemas then and now."""

    schemas: tuple[tuple[Schema | None, Schema | None], ...]
    shape: ShapeChange
    name: str


def edit_answers(
    step: Step, assertions: tuple[Assertion, ...], change: OperationChange, log: EditLog
) -> tuple[tuple[Extract, ...], tuple[Assertion, ...]]:
    """Extracts and assertions of the step; one on a field that the contract gave up is dropped."""
    answers = _answers(step, change)
    extract = tuple(_edit_extract(item, answers, log) for item in step.extract)
    edited = [_edit_assertion(item, answers, log) for item in assertions]
    return extract, tuple(item for item in edited if item is not None)


def _answers(step: Step, change: OperationChange) -> _Answers:
    schemas = []
    for code in expected_codes(step.assertions):
        for was in _documented_codes(change.old, code):
            now = successors_of(was, change.old, change.new)
            key = documented(change.new, now[0]) if len(now) == 1 else None
            after = answer_schema(change.new.responses.get(key)) if key else None
            schemas.append((answer_schema(change.old.responses[was]), after))
    shapes = (compare(old, new) for old, new in schemas if old is not None and new is not None)
    moved = next((shape for shape in shapes if shape), ShapeChange())
    return _Answers(tuple(schemas), moved, f"the answer of {change.new.method.upper()} {change.new.path}")


def _documented_codes(operation: Operation, code: str) -> tuple[str, ...]:
    """The documented keys that a code or class stands for."""
    if code.endswith("XX") and code not in operation.responses:
        return tuple(key for key in operation.responses if key.startswith(code[0]))
    found = documented(operation, code)
    return (found,) if found is not None else ()


def _edit_extract(extract: Extract, answers: _Answers, log: EditLog) -> Extract:
    if extract.source != "json":
        return extract
    place = Place(log, "extract", "schema_change", answers.name)
    rewritten = rewrite_path(extract.path, answers.shape, place)
    if rewritten.lost:
        place.undecided(f"`{extract.path}`, which the test goes on with, is no longer documented")
        return extract
    return extract.model_copy(update={"path": rewritten.path})


def _edit_assertion(assertion: Assertion, answers: _Answers, log: EditLog) -> Assertion | None:
    if isinstance(assertion, JsonAssertion):
        return _edit_json(assertion, answers, log)
    if isinstance(assertion, SchemaAssertion):
        return _edit_schema(assertion, answers, log)
    return assertion


def _edit_json(assertion: JsonAssertion, answers: _Answers, log: EditLog) -> JsonAssertion | None:
    place = Place(log, "json", "schema_change", answers.name)
    rewritten = rewrite_path(assertion.path, answers.shape, place)
    if rewritten.lost:
        if rewritten.name and assertion.op != "absent":
            place.removed(rewritten.name)
            return None
        return assertion
    value = assertion.value
    if assertion.op in _COMPARED:
        value = rewrite_expected(value, rewritten, place)
    elif assertion.op == "type" and rewritten.field is not None:
        value = _type_name(value, rewritten.field, rewritten.name, place)
    said = _said(assertion.description, assertion.path, rewritten.path)
    return assertion.model_copy(update={"path": rewritten.path, "value": value, "description": said})


def _said(description: str, old_path: str, new_path: str) -> str:
    """The description with the new path, and the new name where it stands between back ticks."""
    for old, new in zip(parse(old_path) or (), parse(new_path) or (), strict=False):
        if old.name and new.name and old.name != new.name:
            description = description.replace(f"`{old.name}`", f"`{new.name}`")
    return description.replace(old_path, new_path) if old_path != "$" else description


def _type_name(value: Any, field: FieldChange, name: str, place: Place) -> Any:
    old, new = types_of(field.old), types_of(field.new)
    if value not in old or value in new or len(new - {"null"}) != 1:
        return value
    (found,) = new - {"null"}
    place.adapted(name, value, found)
    return found


def _edit_schema(assertion: SchemaAssertion, answers: _Answers, log: EditLog) -> SchemaAssertion:
    place = Place(log, "schema", "schema_change", answers.name)
    own = signature(assertion.json_schema, assertion.json_schema)
    for old, new in answers.schemas:
        if old is None or signature(old, old) != own:
            continue
        if new is None:
            place.undecided("its schema is no longer documented")
            return assertion
        if signature(new, new) != own:
            _tell_differences(answers.shape, place)
        return assertion.model_copy(update={"json_schema": new})
    written = rewrite_schema(assertion.json_schema, answers.shape, place)
    return assertion if written == assertion.json_schema else assertion.model_copy(update={"json_schema": written})


def _tell_differences(shape: ShapeChange, place: Place) -> None:
    """What the new documented schema says differently; names first."""
    before = len(place.log.changes)
    seen: set[int] = set()
    places = [shape]
    while places:
        at = places.pop()
        if id(at) in seen:
            continue
        seen.add(id(at))
        for old, rename in at.renamed.items():
            place.renamed(old, rename.new, rename.confidence)
        for old in sorted(at.removed):
            place.removed(old)
        places.extend(at.children.values())
    place.log.touched.add("schema")
    if len(place.log.changes) == before:
        reason = f"{place.name}: the documented schema changed"
        place.log.note("schema", "schema_change", "documented schema", "new documented schema", reason, 0.9)
