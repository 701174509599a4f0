"""Assertions in plain words."""

from shared.contracts.testcase import (
    Assertion,
    BodyAssertion,
    HeaderAssertion,
    JsonAssertion,
    LoadAssertion,
    SchemaAssertion,
    StatusAssertion,
    TestDefinition,
    TimeAssertion,
)

_OPERATIONS = {
    "exists": "is there",
    "absent": "is absent",
    "equals": "equals {}",
    "not_equals": "is not {}",
    "type": "is of type {}",
    "contains": "contains {}",
    "not_contains": "does not contain {}",
    "matches": "matches {}",
    "not_matches": "does not match {}",
    "length": "has the length {}",
    "max_length": "is at most {} long",
    "gte": "is at least {}",
    "lte": "is at most {}",
}


def assertions_of(definition: TestDefinition) -> list[str]:
    """What the judged steps check, in order."""
    steps = [step for step in definition.steps if step.role == "test"]
    several = len(steps) > 1
    found = []
    for number, step in enumerate(steps, start=1):
        prefix = f"{step.name or f'Step {number}'}: " if several else ""
        found += [prefix + said(assertion) for assertion in step.assertions]
    return found


def said(assertion: Assertion) -> str:
    """The writer's own description, or a general one."""
    if assertion.description:
        return assertion.description
    match assertion:
        case StatusAssertion():
            return f"The status is {' or '.join(assertion.one_of)}"
        case HeaderAssertion():
            return f"Header {assertion.name} {_OPERATIONS[assertion.op].format(assertion.value)}"
        case JsonAssertion():
            return f"{assertion.path} {_OPERATIONS[assertion.op].format(assertion.value)}"
        case SchemaAssertion():
            return "The answer has the documented structure"
        case BodyAssertion():
            return f"The body {_OPERATIONS[assertion.op].format(assertion.value)}"
        case TimeAssertion():
            return f"The answer comes within {assertion.max_ms:g} ms"
        case LoadAssertion():
            return f"At most {assertion.max_error_rate:.0%} errors under load"
