"""What holds of the rules for every contract."""

from collections import Counter
from random import Random
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.generator.adapters.rules.model import Api, Target
from services.generator.adapters.rules.planner import Planner
from services.generator.adapters.rules.values import Maker, Unsatisfiable, sampled
from services.generator.adapters.rules.violations import body_violations
from services.generator.adapters.rules.writer import RuleWriter
from services.generator.domain.assignment import Assignment
from services.generator.domain.draft import Draft
from services.generator.domain.validation import problems
from shared.contracts.scanner import Endpoint
from tests.generator.strategies import apis, objects

thorough = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def written(endpoints: tuple[Endpoint, ...], seed: int = 0, budget: int = 1000) -> dict[int, list[Draft]]:
    return dict(RuleWriter().write(Assignment(endpoints, seed=seed, max_per_endpoint=budget)))


def valid(schema: dict[str, Any], value: Any) -> bool:
    return jsonschema_rs.Draft202012Validator(schema, validate_formats=True).is_valid(value)


@pytest.mark.req("TG-9")
@thorough
@given(apis())
def test_every_category_is_there_where_it_applies(endpoints: tuple[Endpoint, ...]) -> None:
    found = written(endpoints)

    for endpoint in endpoints:
        operation, drafts = endpoint.operation, found[endpoint.id]
        categories = {draft.category for draft in drafts}
        assert {"valid", "response_time"} <= categories
        assert {draft.test_type for draft in drafts} >= {"Functional", "Performance"}
        assert ({"auth_missing", "auth_invalid"} <= categories) == operation.requires_auth
        assert ("load" in categories) == (operation.method == "GET")
        if "{" in operation.path:
            assert "not_found" in categories
        if operation.request_body is not None:
            assert "invalid" in categories


@pytest.mark.req("TG-10")
@thorough
@given(apis(), st.integers(0, 5))
def test_tests_are_valid_distinct_and_the_same_for_a_seed(endpoints: tuple[Endpoint, ...], seed: int) -> None:
    found = written(endpoints, seed)

    assert found == written(endpoints, seed)
    drafts = [draft for each in found.values() for draft in each]
    assert [problems(draft.definition) for draft in drafts if problems(draft.definition)] == []
    assert max(Counter(draft.fingerprint for draft in drafts).values()) == 1
    assert all(step.operation is not None for draft in drafts for step in draft.definition.steps)
    assert all(draft.title and draft.description and draft.priority for draft in drafts)


@thorough
@given(apis(), st.integers(1, 12))
def test_the_budget_holds_and_spends_itself_on_categories_first(endpoints: tuple[Endpoint, ...], budget: int) -> None:
    full, cut = written(endpoints), written(endpoints, budget=budget)

    for number, drafts in cut.items():
        categories = {draft.category for draft in full[number]}
        assert len(drafts) == min(budget, len(full[number]))
        assert len({draft.category for draft in drafts}) == min(len(categories), budget)


@thorough
@given(objects(), st.sampled_from(["minimal", "full"]), st.integers())
def test_valid_bodies_satisfy_the_schema(schema: dict[str, Any], mode: Any, seed: int) -> None:
    try:
        made = Maker(schema, Random(seed), mode).whole()
    except Unsatisfiable:
        return

    assert valid(schema, sampled(made))


@thorough
@given(objects())
def test_invalid_bodies_break_the_schema(schema: dict[str, Any]) -> None:
    try:
        made = Maker(schema, Random(1), "full").whole()
    except Unsatisfiable:
        return

    for violation in body_violations(schema, made, {}):
        assert not valid(schema, sampled(violation.value)), violation


@thorough
@given(objects())
def test_a_plain_object_schema_is_nearly_always_satisfied(schema: dict[str, Any]) -> None:
    try:
        Maker(schema, Random(1), "full").whole()
    except Unsatisfiable:
        # the only way out: a required text that no candidate fits
        assert schema["required"]


@thorough
@given(apis())
def test_set_up_defines_what_later_steps_use_and_is_undone(endpoints: tuple[Endpoint, ...]) -> None:
    api = Api(endpoints)
    planner = Planner(api, 0)

    for target in api.targets:
        arranged = planner.arrange(target)
        made = Counter(step.operation.endpoint_id for step in arranged.chain.setup if step.operation)
        assert target.endpoint.id not in made or isinstance(target, Target)
        deletable = [c for c in arranged.chain.created if api.item("DELETE", c.target.collection) is not None]
        assert len(arranged.cleanup) >= len(deletable)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "minItems": 10**9, "items": {"type": "string"}},
        {"type": "string", "minLength": 10**9},
        {"type": "object", "minProperties": 10**9},
        {"type": "array", "minItems": 500, "items": {"type": "array", "minItems": 500, "items": {"type": "integer"}}},
    ],
)
def test_a_contract_that_demands_too_much_has_no_value(schema: dict[str, Any]) -> None:
    with pytest.raises(Unsatisfiable):
        Maker(schema, Random(1)).whole()


@pytest.mark.parametrize("more", [{}, {"pattern": "^a+$"}])
def test_what_is_too_short_for_a_huge_limit_is_still_small(more: dict[str, Any]) -> None:
    schema = {"type": "string", "minLength": 10**9, **more}
    assert all(len(str(one.value)) <= 10**6 for one in body_violations(schema, "a", {}))
