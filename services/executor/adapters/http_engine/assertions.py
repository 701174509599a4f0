"""Judging an answer: one function for each kind of assertion of the contract."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from services.executor.adapters.http_engine import json_checks
from services.executor.adapters.http_engine.answers import Answer
from services.executor.adapters.http_engine.evidence import Masker
from services.executor.adapters.http_engine.json_paths import InvalidPath
from services.executor.adapters.http_engine.templates import UndefinedVariable, Variables, as_text
from shared.contracts.executor import AssertionOutcome
from shared.contracts.testcase import (
    Assertion,
    BodyAssertion,
    HeaderAssertion,
    JsonAssertion,
    SchemaAssertion,
    StatusAssertion,
    TimeAssertion,
)
from shared.security.patterns import InvalidPattern, matches, schema_problems

Verdict = tuple[bool, str, str]
"""Passed, expected, actual."""


def status_is(status: int, one_of: tuple[str, ...]) -> bool:
    """Whether a status is one of the codes ("200") and classes ("4XX")."""
    text = str(status)
    return any(code == text or (code[1:].upper() == "XX" and code[:1] == text[:1]) for code in one_of)


def judge(
    step: int, assertion: Assertion, answer: Answer, duration_ms: float, variables: Variables, masker: Masker
) -> AssertionOutcome:
    """Never raises: an assertion that can't be evaluated has failed, and says why."""
    try:
        passed, expected, actual = _verdict(assertion, answer, duration_ms, variables)
    except (InvalidPath, InvalidPattern, UndefinedVariable, RecursionError) as problem:
        passed, expected, actual = False, "an assertion that can be evaluated", str(problem)
    return AssertionOutcome(
        step=step,
        kind=assertion.kind,
        description=assertion.description or _DESCRIPTIONS[assertion.kind](assertion),
        passed=passed,
        expected=masker.value(expected),
        actual=masker.found(_source(assertion), actual) if actual else "",
    )


def _source(assertion: Assertion) -> str:
    """What the actual value is called where it comes from."""
    if isinstance(assertion, JsonAssertion):
        return assertion.path
    return assertion.name if isinstance(assertion, HeaderAssertion) else ""


def _verdict(assertion: Assertion, answer: Answer, duration_ms: float, variables: Variables) -> Verdict:
    if isinstance(assertion, StatusAssertion):
        return status_is(answer.status, assertion.one_of), " or ".join(assertion.one_of), str(answer.status)
    if isinstance(assertion, JsonAssertion):
        return _json(assertion, answer, variables)
    if isinstance(assertion, SchemaAssertion):
        return _schema(assertion, answer)
    if isinstance(assertion, HeaderAssertion):
        return _header(assertion, answer, variables)
    if isinstance(assertion, BodyAssertion):
        return _body(assertion, answer, variables)
    if isinstance(assertion, TimeAssertion):
        return duration_ms <= assertion.max_ms, f"at most {assertion.max_ms:g} ms", f"{duration_ms:.1f} ms"
    return True, "", "judged on the whole load"


def _json(assertion: JsonAssertion, answer: Answer, variables: Variables) -> Verdict:
    try:
        document = answer.json()
    except ValueError:
        return False, "a JSON body", _shown_body(answer)
    return json_checks.check(assertion.path, assertion.op, variables.render(assertion.value), document)


def _schema(assertion: SchemaAssertion, answer: Answer) -> Verdict:
    try:
        document = answer.json()
    except ValueError:
        return False, "a JSON body that matches the schema", _shown_body(answer)
    problems = schema_problems(assertion.json_schema, document)
    return not problems, "a body that matches the schema", "; ".join(problems)


def _header(assertion: HeaderAssertion, answer: Answer, variables: Variables) -> Verdict:
    actual: str | None = answer.headers.get(assertion.name)
    shown = "no such header" if actual is None else actual
    if assertion.op in ("exists", "absent"):
        return (actual is not None) == (assertion.op == "exists"), f"{assertion.name} {assertion.op}", shown
    expected = variables.text(assertion.value or "")
    if actual is None:
        return False, f"{assertion.name} {assertion.op} {expected}", shown
    passed = {
        "equals": lambda: actual == expected,
        "contains": lambda: expected in actual,
        "matches": lambda: matches(expected, actual),
    }[assertion.op]()
    return passed, f"{assertion.name} {assertion.op} {expected}", shown


def _body(assertion: BodyAssertion, answer: Answer, variables: Variables) -> Verdict:
    expected = variables.text(assertion.value)
    found = expected in answer.text if assertion.op.endswith("contains") else matches(expected, answer.text)
    words = assertion.op.replace("_", " ")
    passed = found != assertion.op.startswith("not_")
    return passed, f"the body {words} {expected}", "" if passed else _shown_body(answer)


def _shown_body(answer: Answer) -> str:
    if answer.truncated:
        return f"a body too long to be judged whole: only {len(answer.body)} bytes were kept"
    return answer.body[:1200].decode("utf-8", "replace") if answer.body else "an empty body"


def percentile(ordered: list[float], percent: float) -> float:
    """The smallest value that `percent` of the ordered values do not exceed; 0 for none."""
    if not ordered:
        return 0.0
    rank = math.ceil(len(ordered) * min(max(percent, 0.0), 100.0) / 100)
    return ordered[max(rank, 1) - 1]


_DESCRIPTIONS: dict[str, Callable[[Any], str]] = {
    "status": lambda one: f"status is {' or '.join(one.one_of)}",
    "header": lambda one: f"header {one.name} {one.op} {one.value or ''}".rstrip(),
    "json": lambda one: f"{one.path} {one.op} {'' if one.value is None else as_text(one.value)}".rstrip()[:200],
    "schema": lambda _: "body matches the documented schema",
    "body": lambda one: f"body {one.op} {one.value}"[:200],
    "time": lambda one: f"answers within {one.max_ms:g} ms",
    "load": lambda one: f"holds under load (at most {one.max_error_rate:.0%} errors)",
}
