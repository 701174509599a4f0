"""What a definition must satisfy before it is kept."""

from typing import Any

import pytest

from services.generator.domain.validation import problems
from shared.contracts.testcase import (
    Extract,
    JsonAssertion,
    LoadAssertion,
    RequestTemplate,
    SchemaAssertion,
    StatusAssertion,
    Step,
    TestDefinition,
)


def definition(*assertions: Any, extract: tuple[Extract, ...] = (), **request: Any) -> TestDefinition:
    template = RequestTemplate(**{"method": "GET", "path": "/things", **request})
    return TestDefinition(steps=(Step(request=template, assertions=assertions, extract=extract),))


def test_a_good_definition_has_no_problems() -> None:
    extract = Extract(name="thing_id", path="$.items[0].id")
    good = definition(
        StatusAssertion(one_of=("200", "4XX")),
        JsonAssertion(path="$.name", op="equals", value="{{$unique}}-{{thing_id}}"),
        extract=(extract,),
        path="/things/{id}",
        path_params={"id": "{{$uuid}}"},
    )

    assert problems(good) == []


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (definition(query={"a": "{{unknown}}"}), "unknown is used before it is set"),
        (definition(JsonAssertion(path="$.a", op="equals", value="{{later}}")), "later before it is set"),
        (definition(body={"a": ["{{$nothing}}"]}), "{{$nothing}} is no template"),
        (definition(body={"a": "{{two words}}"}), "{{two words}} is no template"),
        (definition(JsonAssertion(path="name", op="exists")), "is no JSON path"),
        (definition(extract=(Extract(name="a", path="$["),)), "is no JSON path"),
        (definition(extract=(Extract(name="a b", path="$"),)), "is no name of a variable"),
        (definition(JsonAssertion(path="$.a", op="matches", value="(")), "is no regular expression"),
        (definition(SchemaAssertion(json_schema={"type": 5})), "a schema is not valid"),
        (definition(StatusAssertion(one_of=("2xx",))), "is no status"),
        (definition(LoadAssertion()), "needs a load profile"),
        (definition(path="/things/{id}"), "path parameter id has no value"),
        (TestDefinition(steps=(Step(role="setup", request=RequestTemplate(method="GET", path="/")),)), "role test"),
    ],
)
def test_a_bad_definition_says_why(bad: TestDefinition, said: str) -> None:
    assert any(said in problem for problem in problems(bad)), problems(bad)


def test_variables_of_the_environment_may_be_named_or_open() -> None:
    uses = definition(query={"tenant": "{{tenant}}"})

    assert problems(uses, frozenset({"tenant"})) == []
    assert problems(uses, None) == []
