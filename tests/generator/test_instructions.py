"""User instructions in simple words (TG-12)."""

import pytest

from services.generator.adapters.rules.writer import RuleWriter
from services.generator.domain.assignment import Assignment
from services.generator.domain.draft import Draft
from services.generator.domain.instructions import understood
from shared.contracts.testcase import HeaderAssertion, JsonAssertion, StatusAssertion, TimeAssertion
from tests.generator import toy
from tests.generator.openapi import endpoints

ENDPOINTS = endpoints(toy.document())
pytestmark = pytest.mark.req("TG-12")


def written(text: str) -> list[Draft]:
    assignment = Assignment(ENDPOINTS, instructions=understood(text))
    return [draft for _, drafts in RuleWriter().write(assignment) for draft in drafts]


def judged(draft: Draft) -> list[object]:
    return [check for step in draft.definition.steps if step.role == "test" for check in step.assertions]


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("Max response time 500 ms", 500),
        ("All endpoints must respond within 2 seconds.", 2000),
        ("answers under 1.5s", 1500),
        ("latency below 80ms please", 80),
    ],
)
def test_a_time_limit_is_asserted(text: str, milliseconds: float) -> None:
    times = [check for draft in written(text) for check in judged(draft) if isinstance(check, TimeAssertion)]

    assert times
    assert {check.max_ms for check in times} == {milliseconds}


@pytest.mark.parametrize(
    ("text", "name", "op", "value"),
    [
        ("header X-Request-ID must be present", "X-Request-ID", "exists", None),
        ("Check that the X-Trace header is returned", "X-Trace", "exists", None),
        ("header Server must not be there", "Server", "absent", None),
        ("header Cache-Control must be no-store", "Cache-Control", "contains", "no-store"),
    ],
)
def test_headers_are_asserted_where_success_is_expected(text: str, name: str, op: str, value: str | None) -> None:
    positive = [draft for draft in written(text) if draft.positive]

    assert positive
    for draft in positive:
        found = [check for check in judged(draft) if isinstance(check, HeaderAssertion)]
        assert [(check.name, check.op, check.value) for check in found] == [(name, op, value)]


def test_a_status_replaces_what_success_means() -> None:
    for draft in written("Expect status 201"):
        if draft.positive:
            statuses = [check.one_of for check in judged(draft) if isinstance(check, StatusAssertion)]
            assert statuses == [("201",)]


def test_a_field_of_the_answer_is_asserted() -> None:
    checks = [check for draft in written("The response must contain field `total`") for check in judged(draft)]

    assert any(isinstance(check, JsonAssertion) and check.path == "$.total" for check in checks)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Skip performance", {"Functional", "Security"}),
        ("no security tests; skip performance tests", {"Functional"}),
        ("only security", {"Security"}),
    ],
)
def test_kinds_are_left_out(text: str, kept: set[str]) -> None:
    assert {draft.test_type for draft in written(text)} == kept


def test_a_focus_comes_first_and_matters_most() -> None:
    drafts = [draft for draft in written("Focus on limit") if draft.endpoint_id == 1]

    assert "limit" in drafts[0].title
    assert drafts[0].priority == "High"


def test_load_is_as_instructed() -> None:
    profiles = [d.definition.load for d in written("use 10 concurrent users and 50 requests") if d.definition.load]

    assert {(profile.concurrency, profile.requests) for profile in profiles} == {(10, 50)}


def test_what_is_not_understood_is_kept_and_said() -> None:
    found = understood("Max response time 500 ms. Use our French locale\nskip performance")

    assert found.not_applied == ("Use our French locale",)
    assert all("Use our French locale" in draft.description for draft in written("Use our French locale"))


def test_no_instructions_change_nothing() -> None:
    assert written("") == written("  \n ")
