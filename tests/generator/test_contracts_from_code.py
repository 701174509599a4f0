"""Contracts read from code that does not say what it answers: no false alarms, and what is certain is still tested."""

import pytest

from services.generator.adapters.rules.writer import RuleWriter
from services.generator.domain.assignment import Assignment
from services.generator.domain.draft import Draft
from shared.contracts.scanner import Endpoint, Operation, Parameter, RequestBody, Response, SourceLocation
from shared.contracts.testcase import StatusAssertion

ITEM_ID = Parameter(name="item_id", location="path", required=True, json_schema={"type": "integer"})
BODY = RequestBody(required=True, content={"application/json": {"type": "object", "properties": {"name": {}}}})


def operation(method: str, path: str, **fields: object) -> Operation:
    source = SourceLocation(file="app.py", line=1)
    return Operation.model_validate(
        {"method": method, "path": path, "responses": {"200": Response()}, "source": source, **fields}
    )


OPERATIONS = (
    operation("POST", "/items", request_body=BODY),
    operation("GET", "/items"),
    operation("GET", "/items/{item_id}", parameters=(ITEM_ID,)),
    operation("DELETE", "/items/{item_id}", parameters=(ITEM_ID,)),
    operation("GET", "/go"),
)


def written() -> dict[str, list[Draft]]:
    endpoints = tuple(Endpoint(id=n, project_id=1, operation=one) for n, one in enumerate(OPERATIONS, start=1))
    found = RuleWriter().write(Assignment(endpoints))
    return {f"{OPERATIONS[number - 1].method} {OPERATIONS[number - 1].path}": drafts for number, drafts in found}


def statuses(draft: Draft) -> set[str]:
    judged = [check for step in draft.definition.steps if step.role == "test" for check in step.assertions]
    return {code for check in judged if isinstance(check, StatusAssertion) for code in check.one_of}


@pytest.mark.parametrize("name", ["GET /go", "POST /items", "GET /items"])
def test_an_assumed_200_is_not_demanded(name: str) -> None:
    valid = [draft for draft in written()[name] if draft.category == "valid"]

    assert valid
    assert all(statuses(draft) == {"2XX", "3XX", "401", "403"} for draft in valid)


def test_success_still_rules_out_not_found_and_crashes() -> None:
    for drafts in written().values():
        for draft in drafts:
            if draft.category == "valid":
                assert not {"4XX", "5XX", "404", "500"} & statuses(draft)


def test_the_life_of_a_thing_is_followed_where_its_id_can_be_guessed() -> None:
    life = [draft for draft in written()["DELETE /items/{item_id}"] if draft.category == "state"]

    assert [[step.role for step in draft.definition.steps] for draft in life] == [["setup", "test", "test", "cleanup"]]
    assert "404" in statuses(life[0])


def test_an_unknown_id_is_only_demanded_to_be_refused_where_ids_are_known() -> None:
    unknown = [draft for draft in written()["GET /items/{item_id}"] if draft.category == "not_found"]

    assert statuses(unknown[0]) == {"2XX", "3XX", "4XX"}
