"""Assertions as lines of Python."""

from collections.abc import Iterator

from services.generator.adapters.code.expressions import looked_up, quoted, rendered
from shared.contracts.testcase import (
    Assertion,
    BodyAssertion,
    HeaderAssertion,
    JsonAssertion,
    SchemaAssertion,
    StatusAssertion,
    TimeAssertion,
)

_TYPES = {
    "string": "str",
    "integer": "int",
    "number": "(int, float)",
    "boolean": "bool",
    "array": "list",
    "object": "dict",
    "null": "type(None)",
}


def check_lines(assertion: Assertion, known: set[str]) -> Iterator[str]:
    """The lines that check one assertion on `response`."""
    match assertion:
        case StatusAssertion():
            expected = ", ".join(map(quoted, assertion.one_of))
            yield f"assert answered(response, {expected}), (response.status_code, response.text[:200])"
        case HeaderAssertion():
            yield _header(assertion, known)
        case JsonAssertion():
            yield from _json(assertion, known)
        case SchemaAssertion():
            yield f"assert_schema(response.json(), {rendered(assertion.json_schema, set())})"
        case BodyAssertion():
            yield _body(assertion, known)
        case TimeAssertion():
            yield f"assert response.elapsed.total_seconds() * 1000 <= {assertion.max_ms:g}"
        case _:
            return


def json_value(path: str) -> str:
    """The expression for what a JSON path selects in the answer."""
    simple = looked_up("response.json()", path)
    if simple is not None:
        return simple
    return f'__import__("jsonpath_rfc9535").find({quoted(path)}, response.json()).values()'


def _header(assertion: HeaderAssertion, known: set[str]) -> str:
    name, value = quoted(assertion.name), rendered(assertion.value or "", known)
    return {
        "exists": f"assert {name} in response.headers",
        "absent": f"assert {name} not in response.headers",
        "equals": f"assert response.headers.get({name}) == {value}",
        "contains": f'assert {value} in response.headers.get({name}, "")',
        "matches": f'assert re.search({value}, response.headers.get({name}, ""))',
    }[assertion.op]


def _json(assertion: JsonAssertion, known: set[str]) -> Iterator[str]:
    found, value = json_value(assertion.path), rendered(assertion.value, known)
    if assertion.op == "absent":
        yield "with pytest.raises((KeyError, IndexError, TypeError)):"
        yield f"    {found}"
        return
    yield {
        "exists": f"_ = {found}",
        "equals": f"assert {found} == {value}",
        "not_equals": f"assert {found} != {value}",
        "type": f"assert isinstance({found}, {_TYPES.get(str(assertion.value), 'object')})",
        "contains": f"assert {value} in {found}",
        "not_contains": f"assert {value} not in {found}",
        "matches": f"assert re.search({value}, str({found}))",
        "length": f"assert len({found}) == {value}",
        "max_length": f"assert len({found}) <= {value}",
        "gte": f"assert {found} >= {value}",
        "lte": f"assert {found} <= {value}",
    }[assertion.op]


def _body(assertion: BodyAssertion, known: set[str]) -> str:
    value = rendered(assertion.value, known)
    return {
        "contains": f"assert {value} in response.text",
        "not_contains": f"assert {value} not in response.text",
        "matches": f"assert re.search({value}, response.text)",
        "not_matches": f"assert not re.search({value}, response.text)",
    }[assertion.op]
