"""What becomes of single failures, one kind of contract change at a time."""

from typing import Any

import pytest

from services.healer.domain import ContractHistory, decide
from shared.contracts.executor import AssertionOutcome, Failure, TestResult
from shared.contracts.healer import Proposal, Unhealable
from shared.contracts.scanner import ContractChange, Endpoint, Operation, Parameter, RequestBody, Response
from shared.contracts.testcase import (
    Extract,
    JsonAssertion,
    OperationRef,
    RequestTemplate,
    StatusAssertion,
    Step,
    TestDefinition,
)

BEARER = ({"bearer": ()},)


def operation(
    properties: dict[str, Any] | None = None,
    *,
    path: str = "/things",
    required: tuple[str, ...] = (),
    answer: dict[str, Any] | None = None,
    **more: Any,
) -> Operation:
    body = RequestBody(
        required=True,
        content={"application/json": {"type": "object", "properties": properties or {}, "required": list(required)}},
    )
    responses = {"201": Response(content={"application/json": answer or {"type": "object"}}), "401": Response()}
    given = {"method": "POST", "path": path, "request_body": body, "responses": responses, **more}
    return Operation(**given)


def failing(step: Step, kind: str = "status", **result: Any) -> Failure:
    outcome = AssertionOutcome(step=0, kind=kind, description="", passed=False)
    given: dict[str, Any] = {"status": "Failed", "assertions": (outcome,), **result}
    return Failure(
        definition=TestDefinition(steps=(step,)), result=TestResult(test_id="TC-00001", endpoint_id=1, **given)
    )


def step(body: Any = None, *assertions: Any, status: str = "201", **request: Any) -> Step:
    reference = OperationRef(endpoint_id=1, revision=1, method="POST", path="/things")
    template = {"method": "POST", "path": "/things", "body_kind": "json", "body": body, **request}
    return Step(
        operation=reference,
        request=RequestTemplate(**template),
        assertions=(StatusAssertion(one_of=(status,)), *assertions),
    )


def history(old: Operation, new: Operation | None) -> ContractHistory:
    kind: Any = "removed" if new is None else "changed"
    endpoints = [] if new is None else [Endpoint(id=1, project_id=1, revision=2, operation=new)]
    return ContractHistory([ContractChange(endpoint_id=1, kind=kind, old=old, new=new, revision=2)], endpoints)


def healed(failure: Failure, old: Operation, new: Operation) -> Step:
    decision = decide(failure, history(old, new))
    assert isinstance(decision, Proposal), decision
    return decision.definition.steps[0]


def refused(failure: Failure, old: Operation, new: Operation | None) -> Unhealable:
    decision = decide(failure, history(old, new))
    assert isinstance(decision, Unhealable), decision
    return decision


TEXT = {"type": "string"}
NUMBER = {"type": "integer"}


@pytest.mark.req("TG-19")
@pytest.mark.parametrize(
    ("old", "new", "before", "after"),
    [
        ({"a": TEXT}, {"b": TEXT}, {"a": "x"}, {"b": "x"}),
        ({"a": TEXT, "n": NUMBER}, {"b": TEXT, "m": NUMBER}, {"a": "x", "n": 1}, {"b": "x", "m": 1}),
        ({"a": TEXT, "n": NUMBER}, {"n": NUMBER}, {"a": "x", "n": 1}, {"n": 1}),
        ({"n": NUMBER}, {"n": TEXT}, {"n": 5}, {"n": "5"}),
        ({"n": TEXT}, {"n": NUMBER}, {"n": "5"}, {"n": 5}),
        ({"n": NUMBER}, {"n": {"type": "array", "items": NUMBER}}, {"n": 5}, {"n": [5]}),
        ({"g": {"enum": ["a", "b"]}}, {"g": {"enum": ["a", "c"]}}, {"g": "b"}, {"g": "c"}),
        ({"t": {**TEXT, "maxLength": 9}}, {"t": {**TEXT, "maxLength": 4}}, {"t": "x" * 9}, {"t": "x" * 4}),
        (
            {"t": {**TEXT, "maxLength": 30}},
            {"u": {**TEXT, "maxLength": 20}},
            {"t": "name-{{$unique}}" + "x" * 13},
            {"u": "name-{{$unique}}xxx"},
        ),
        ({"n": {**NUMBER, "maximum": 9}}, {"n": {**NUMBER, "maximum": 5}}, {"n": 9}, {"n": 5}),
    ],
)
def test_bodies_follow_the_schema(
    old: dict[str, Any], new: dict[str, Any], before: dict[str, Any], after: dict[str, Any]
) -> None:
    assert healed(failing(step(before)), operation(old), operation(new)).request.body == after


@pytest.mark.req("TG-19")
def test_a_value_beyond_the_bound_stays_beyond_it() -> None:
    old, new = operation({"n": {**NUMBER, "maximum": 9}}), operation({"n": {**NUMBER, "maximum": 50}})
    assert healed(failing(step({"n": 10}, status="422")), old, new).request.body == {"n": 51}


@pytest.mark.req("TG-19")
def test_a_newly_required_field_gets_the_value_that_the_contract_names() -> None:
    new = operation({"a": TEXT, "kind": {**TEXT, "default": "plain"}}, required=("kind",))
    assert healed(failing(step({"a": "x"})), operation({"a": TEXT}), new).request.body == {"a": "x", "kind": "plain"}


@pytest.mark.req("TG-20")
def test_a_newly_required_field_without_a_value_is_for_a_person() -> None:
    new = operation({"a": TEXT, "code": {**TEXT, "pattern": "^[A-Z]{3}[0-9]+$"}}, required=("code",))
    assert refused(failing(step({"a": "x"})), operation({"a": TEXT}), new).verdict == "ambiguous"


@pytest.mark.req("TG-20")
def test_a_field_that_may_be_one_of_two_is_for_a_person() -> None:
    old, new = operation({"one": TEXT}), operation({"aab": TEXT, "aac": TEXT})
    found = refused(failing(step({"one": "x"})), old, new)
    assert found.verdict == "ambiguous"
    assert "aab" in found.reason
    assert "aac" in found.reason


@pytest.mark.req("TG-20")
def test_a_removed_endpoint_is_told() -> None:
    assert refused(failing(step()), operation(), None).verdict == "endpoint_removed"


@pytest.mark.req("TG-20")
def test_an_unreachable_target_says_nothing_about_the_test() -> None:
    failure = failing(step({"a": "x"}), error_code="EXEC_002")
    assert refused(failure, operation({"a": TEXT}), operation({"b": TEXT})).verdict == "environment"


@pytest.mark.req("TG-19")
def test_a_change_elsewhere_in_the_operation_is_no_excuse_for_a_wrong_value() -> None:
    """The answer's value is wrong (a bug); the contract only got a further optional field."""
    answer = {"type": "object", "properties": {"total": NUMBER}}
    grown = {"type": "object", "properties": {"total": NUMBER, "note": TEXT}}
    check = JsonAssertion(path="$.total", op="equals", value=3)
    found = refused(failing(step({}, check), "json"), operation(answer=answer), operation(answer=grown))
    assert found.verdict == "regression"


@pytest.mark.req("TG-19")
def test_a_failing_setup_is_healed_though_the_test_was_skipped() -> None:
    failure = failing(step({"a": "x"}).model_copy(update={"role": "setup"}), status="Skipped")
    assert healed(failure, operation({"a": TEXT}), operation({"b": TEXT})).request.body == {"b": "x"}


@pytest.mark.req("TG-19")
def test_paths_of_assertions_and_extracts_follow_the_answer() -> None:
    def answer(name: str) -> dict[str, Any]:
        item = {"type": "object", "properties": {name: TEXT}}
        return {
            "type": "object",
            "properties": {"rows": {"type": "array", "items": {"$ref": "#/$defs/Row"}}},
            "$defs": {"Row": item},
        }

    check = JsonAssertion(path="$.rows[0].was", op="equals", value="x", description="`was` ($.rows[0].was) is there")
    first = step({}, check)
    given = first.model_copy(update={"extract": (Extract(name="v", path="$.rows[0]['was']"),)})
    found = healed(failing(given, "json"), operation(answer=answer("was")), operation(answer=answer("is-now")))
    assert isinstance(found.assertions[1], JsonAssertion)
    assert found.assertions[1].description == "`is-now` ($.rows[0]['is-now']) is there"
    assert (found.assertions[1].path, found.extract[0].path) == ("$.rows[0]['is-now']", "$.rows[0]['is-now']")


@pytest.mark.req("TG-19")
def test_a_renamed_field_of_a_recursive_schema_is_renamed_at_every_depth() -> None:
    def tree(name: str) -> dict[str, Any]:
        node = {
            "type": "object",
            "properties": {name: TEXT, "below": {"type": "array", "items": {"$ref": "#/$defs/N"}}},
        }
        return {"$ref": "#/$defs/N", "$defs": {"N": node}}

    def taking(name: str) -> Operation:
        return operation(request_body=RequestBody(required=True, content={"application/json": tree(name)}))

    body = {"text": "a", "below": [{"text": "b", "below": [{"text": "c"}]}]}
    found = healed(failing(step(body)), taking("text"), taking("label"))
    assert found.request.body == {"label": "a", "below": [{"label": "b", "below": [{"label": "c"}]}]}


@pytest.mark.req("TG-19")
def test_parameters_are_renamed_moved_and_added() -> None:
    def parameter(name: str, location: Any, **more: Any) -> Parameter:
        return Parameter(name=name, location=location, json_schema=TEXT, **more)

    old = operation(parameters=(parameter("q", "query"), parameter("X-Old", "header"), parameter("trace", "query")))
    new = operation(
        parameters=(
            parameter("search", "query"),
            parameter("X-New", "header"),
            parameter("trace", "header"),
            parameter("lang", "cookie", required=True, example="en"),
        )
    )
    given = step({}, query={"q": "a", "trace": "t"}, headers={"x-old": "b"})
    request = healed(failing(given), old, new).request
    assert request.query == {"search": "a"}
    assert request.headers == {"X-New": "b", "trace": "t"}
    assert request.cookies == {"lang": "en"}


@pytest.mark.req("TG-19")
def test_a_documented_status_replaces_the_former_one() -> None:
    new = operation(responses={"202": Response(), "401": Response()})
    found = healed(failing(step({})), operation(), new)
    assert isinstance(found.assertions[0], StatusAssertion)
    assert found.assertions[0].one_of == ("202",)


@pytest.mark.req("TG-19")
def test_an_operation_that_requires_authentication_now_gets_it() -> None:
    found = healed(failing(step({}, auth="none")), operation(), operation(security=BEARER))
    assert found.request.auth == "default"


@pytest.mark.req("TG-20")
def test_an_operation_that_lost_its_authentication_is_never_healed() -> None:
    failure = failing(step({}, auth="none", status="401"))
    assert refused(failure, operation(security=BEARER), operation()).verdict == "ambiguous"
