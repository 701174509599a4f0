"""What the rules write, run for real by the executor's engine."""

import asyncio
from collections.abc import Iterable

import pytest
import requests

from services.executor.adapters.http_engine.engine import HttpEngine
from services.executor.ports import AuthProfile, Environment, PlannedTest, RunLimits
from services.generator.adapters.rules.writer import RuleWriter
from services.generator.domain.assignment import Assignment
from services.generator.domain.draft import Draft
from shared.contracts.executor import TestResult
from shared.security import TargetPolicy
from tests.generator import toy
from tests.generator.openapi import endpoints

ENDPOINTS = endpoints(toy.document())


def suite() -> list[Draft]:
    return [draft for _, drafts in RuleWriter().write(Assignment(ENDPOINTS)) for draft in drafts]


async def results(bug: str, drafts: Iterable[Draft]) -> list[TestResult]:
    tests = [
        PlannedTest(
            test_id=f"TC-{number:05}",
            endpoint_id=draft.endpoint_id,
            title=draft.title,
            category=draft.category,
            definition=draft.definition,
        )
        for number, draft in enumerate(drafts, start=1)
    ]
    engine = HttpEngine(TargetPolicy(allow_loopback=True))
    with toy.served(toy.build(bug)) as base_url:
        environment = Environment(
            base_url=base_url,
            auth=AuthProfile(kind="bearer", token="token-ann"),
            other_auth=AuthProfile(kind="bearer", token="token-bob"),
        )
        return [result async for result in engine.execute(tests, environment, RunLimits(run_id="run_00001"))]


@pytest.mark.req("TG-9")
async def test_a_correct_api_raises_no_false_alarm() -> None:
    found = await results("", suite())

    wrong = [(result.title, result.error_message) for result in found if result.status != "Passed"]
    assert wrong == []


@pytest.mark.req("TG-9")
@pytest.mark.parametrize("bug", toy.BUGS)
async def test_a_bug_turns_a_test_red(bug: str) -> None:
    found = await results(bug, suite())

    assert [result.title for result in found if result.status == "Failed"]


async def test_every_operation_is_reached_by_a_test_that_demands_success() -> None:
    positive = [draft for draft in suite() if draft.category == "valid" and draft.positive]

    found = await results("", positive)

    reached = {result.endpoint_id for result in found if result.status == "Passed"}
    assert reached == {endpoint.id for endpoint in ENDPOINTS}


async def test_nothing_is_left_behind_by_tests_that_create() -> None:
    drafts = [draft for draft in suite() if draft.category in ("valid", "state") and "/products" in draft.title]
    app = toy.build()
    engine = HttpEngine(TargetPolicy(allow_loopback=True))
    tests = [PlannedTest(test_id=d.title, endpoint_id=1, definition=d.definition) for d in drafts]
    with toy.served(app) as base_url:
        environment = Environment(base_url=base_url, auth=AuthProfile(kind="bearer", token="token-ann"))
        async for _ in engine.execute(tests, environment, RunLimits(run_id="run_00001")):
            pass
        headers = {"Authorization": "Bearer token-ann"}
        left = await asyncio.to_thread(requests.get, f"{base_url}/products", headers=headers, timeout=10)

    assert left.json() == []
