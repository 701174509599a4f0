"""The HTTP engine against a well-behaved API on a real socket."""

from __future__ import annotations

import asyncio

import pytest

from services.executor.adapters.http_engine import HttpEngine
from services.executor.ports import AuthProfile, Environment, RunLimits
from shared.contracts.executor import TestResult
from shared.contracts.testcase import (
    BodyAssertion,
    Extract,
    HeaderAssertion,
    JsonAssertion,
    LoadAssertion,
    LoadProfile,
    SchemaAssertion,
    StatusAssertion,
    TimeAssertion,
)
from tests.executor import target
from tests.executor.making import LOOPBACK, planned, run_all, run_one, step

CREATE = step("POST", "/items", role="setup", body_kind="json", body={"name": "{{$unique}}"}, expect="201",
              extract=(Extract(name="id", path="$.id"),))  # fmt: skip
REMOVE = step("DELETE", "/items/{id}", role="cleanup", path_params={"id": "{{id}}"})


async def test_a_stateful_test_creates_reads_and_cleans_up(environment: Environment, api: target.Target) -> None:
    read = step(path="/items/{id}", path_params={"id": "{{id}}"}, expect="200",
                assertions=(JsonAssertion(path="$.id", op="equals", value="{{id}}"),))  # fmt: skip
    result = await run_one(environment, CREATE, read, REMOVE)
    assert (result.status, result.error_message) == ("Passed", None)
    assert [exchange.step for exchange in result.exchanges] == [0, 1, 2]
    assert api.state.items == {}


async def test_a_failed_set_up_skips_the_test_with_its_reason_and_still_cleans_up(
    environment: Environment, api: target.Target
) -> None:
    broken = step("GET", "/fail/500", role="setup")
    result = await run_one(environment, CREATE, broken, step(expect="200"), REMOVE)
    assert result.status == "Skipped"
    assert "set-up step 2 (GET /fail/500) failed" in (result.error_message or "")
    assert api.state.items == {}
    assert any(not outcome.passed and outcome.step == 1 for outcome in result.assertions)


async def test_a_failed_assertion_says_what_was_expected_and_what_came(environment: Environment) -> None:
    result = await run_one(environment, step(path="/fail/418", expect="2XX"), step(path="/never"))
    assert result.status == "Failed"
    assert result.error_message == "status is 2XX: expected 2XX, got 418"
    assert len(result.exchanges) == 1


async def test_a_value_that_cannot_be_extracted_fails_its_step(environment: Environment) -> None:
    result = await run_one(environment, step(extract=(Extract(name="gone", path="$.not.there"),)))
    (outcome,) = result.assertions
    assert (result.status, outcome.kind, outcome.passed, outcome.step) == ("Failed", "extract", False, 0)


async def test_values_are_extracted_from_json_headers_and_status(environment: Environment) -> None:
    take = (
        Extract(name="verb", path="$.method"),
        Extract(name="kind", source="header", path="x-request"),
        Extract(name="code", source="status"),
    )
    use = step(
        "POST",
        body_kind="json",
        body={"{{verb}}": "{{code}}", "text": "{{kind}}-{{code}}"},
        assertions=(JsonAssertion(path="$.body", op="equals", value='{"GET":200,"text":"echo-200"}'),),
    )
    result = await run_one(environment, step(extract=take), use)
    assert (result.status, result.error_message) == ("Passed", None)


@pytest.mark.parametrize(
    ("mode", "status"), [("default", "200"), ("none", "401"), ("invalid", "401"), ("other", "403")]
)
async def test_each_identity_is_sent_as_asked(environment: Environment, mode: str, status: str) -> None:
    result = await run_one(environment, step(path="/private", auth=mode, expect=status))
    assert (result.status, result.error_message) == ("Passed", None)


async def test_without_a_second_identity_a_test_that_needs_one_is_skipped(environment: Environment) -> None:
    alone = environment.model_copy(update={"other_auth": None})
    result = await run_one(alone, step(path="/private", auth="other", expect="403"))
    assert result.status == "Skipped"
    assert "second identity" in (result.error_message or "")


@pytest.mark.parametrize(
    ("profile", "path", "sent"),
    [
        (AuthProfile(kind="basic", username="me", password="pass"), "$.headers.authorization", "Basic bWU6cGFzcw=="),
        (AuthProfile(kind="api_key", token="key-1", name="X-Key"), "$.headers['x-key']", "key-1"),
        (AuthProfile(kind="api_key", token="key-1", name="key", location="cookie"), "$.cookies.key", "key-1"),
        (AuthProfile(kind="api_key", token="k&1", name="key", location="query"), "$.query[0][1]", "k&1"),
    ],
)
async def test_every_kind_of_credential_arrives(
    environment: Environment, profile: AuthProfile, path: str, sent: str
) -> None:
    as_them = environment.model_copy(update={"auth": profile})
    result = await run_one(as_them, step(assertions=(JsonAssertion(path=path, op="equals", value=sent),)))
    assert (result.status, result.error_message) == ("Passed", None)


async def test_credential_headers_of_the_environment_follow_the_steps_identity(api: target.Target) -> None:
    environment = Environment(base_url=api.base_url, headers={"X-Api-Key": "key-123456", "X-Tenant": "t1"})
    stripped = step(
        auth="none",
        assertions=(
            JsonAssertion(path="$.headers['x-api-key']", op="absent"),
            JsonAssertion(path="$.headers['x-tenant']", op="equals", value="t1"),
        ),
    )
    malformed = step(
        auth="invalid", assertions=(JsonAssertion(path="$.headers['x-api-key']", op="contains", value="invalid"),)
    )
    result = await run_one(environment, stripped, malformed)
    assert (result.status, result.error_message) == ("Passed", None)


async def test_evidence_shows_no_secret(environment: Environment) -> None:
    body = {"password": "hunter-2", "note": target.TOKEN}
    sent = step("POST", "/private", body_kind="json", body=body,
                cookies={"sid": "cookie-secret"}, query={"api_key": "query-secret"})  # fmt: skip
    seen = step(path="/private", expect="200", assertions=(JsonAssertion(path="$.access_token", op="exists"),))
    wrong = (
        JsonAssertion(path="$.access_token", op="equals", value="x"),
        JsonAssertion(path="$", op="equals", value="x"),
        BodyAssertion(op="contains", value="not there"),
    )
    failing = step(path="/private", assertions=wrong)
    first, second = await run_all(environment, planned(sent, seen), planned(failing), concurrency=1)
    assert (first.status, second.status) == ("Passed", "Failed")
    shown = first.model_dump_json() + second.model_dump_json()
    for secret in (target.TOKEN, "hunter-2", "cookie-secret", "query-secret", "a-fresh-and-secret-token"):
        assert secret not in shown
    assert "Bearer ***" in shown


async def test_all_kinds_of_bodies_arrive(environment: Environment) -> None:
    def body_has(kind: str, body: object, *parts: str, **more: object):
        checks = tuple(JsonAssertion(path="$.body", op="contains", value=part) for part in parts)
        return step("POST", body_kind=kind, body=body, assertions=checks, **more)

    result = await run_one(
        environment,
        body_has("json", {"a": [1, None, "é"]}, '{"a":[1,null,"é"]}'),
        body_has("form", {"a": "1 2", "b": [1, True]}, "a=1+2&b=1&b=true"),
        body_has("text", "{not json", "{not json", content_type="application/json"),
        body_has("multipart", {"f": {"filename": "a.txt", "content": "hello"}, "n": 1}, 'filename="a.txt"', "hello"),
        body_has("json", 2**70, str(2**70)),
    )
    assert (result.status, result.error_message) == ("Passed", None)


async def test_paths_and_queries_are_encoded(environment: Environment) -> None:
    result = await run_one(
        environment,
        step(
            path="/echo/{a}/{b}",
            path_params={"a": "x/y?#", "b": ".."},
            query={"q": "a b&c=d", "many": [1, 2], "no": None, "yes": True, "deep": {"k": "v"}},
            assertions=(
                JsonAssertion(
                    path="$.raw_path",
                    op="equals",
                    value="/echo/x%2Fy%3F%23/%2E%2E?q=a+b%26c%3Dd&many=1&many=2&yes=true&deep%5Bk%5D=v",
                ),
            ),
        ),
    )
    assert (result.status, result.error_message) == ("Passed", None)


async def test_every_kind_of_assertion_can_pass_and_fail(environment: Environment) -> None:
    good = (
        StatusAssertion(one_of=("404", "2XX")),
        HeaderAssertion(name="x-request", op="matches", value="^ec.o$"),
        HeaderAssertion(name="x-none", op="absent"),
        JsonAssertion(path="$.query", op="length", value=0),
        JsonAssertion(path="$.headers.*", op="contains", value="*/*"),
        JsonAssertion(path="$.method", op="type", value="string"),
        SchemaAssertion(json_schema={"type": "object", "required": ["method"]}),
        BodyAssertion(op="not_contains", value="Traceback"),
        TimeAssertion(max_ms=60_000),
    )
    bad = (
        StatusAssertion(one_of=("4XX",)),
        HeaderAssertion(name="x-request", op="equals", value="other"),
        JsonAssertion(path="$.nothing", op="exists"),
        JsonAssertion(path="$.method", op="not_equals", value="GET"),
        SchemaAssertion(json_schema={"required": ["nothing"]}),
        SchemaAssertion(json_schema={"$ref": "http://127.0.0.1:9/schema"}),
        BodyAssertion(op="matches", value="(unclosed"),
        JsonAssertion(path="$[", op="exists"),
        JsonAssertion(path="$.method", op="equals", value="{{unset}}"),
        TimeAssertion(max_ms=0),
    )
    passed, failed = await run_all(
        environment, planned(step(assertions=good)), planned(step(assertions=bad), test_id="TC-00002"), concurrency=1
    )
    assert [outcome.passed for outcome in passed.assertions] == [True] * len(good), passed.error_message
    assert [outcome.passed for outcome in failed.assertions] == [False] * len(bad)


async def test_compressed_and_odd_text_answers_are_read(environment: Environment) -> None:
    result = await run_one(
        environment,
        step(path="/gzip", assertions=(JsonAssertion(path="$.packed", op="equals", value=True),)),
        step(path="/raw", assertions=(BodyAssertion(op="contains", value="café"),)),
    )
    assert (result.status, result.error_message) == ("Passed", None)
    assert "\0" not in result.model_dump_json()


@pytest.mark.parametrize("broken", [{"path": "/{missing}"}, {"path": "/{{unset}}"}, {"headers": {"X-A": "a\r\nb: c"}}])
async def test_a_request_that_cannot_be_built_fails_with_the_reason(environment: Environment, broken: dict) -> None:
    result = await run_one(environment, step(**broken))
    assert result.status == "Failed"
    assert result.error_message


async def test_a_load_profile_is_sent_in_full_and_measured(environment: Environment, api: target.Target) -> None:
    judged = step(path="/echo", expect="200", assertions=(LoadAssertion(percentile=95, max_ms=60_000),))
    result = await run_one(environment, judged, load=LoadProfile(requests=50, concurrency=5))
    assert (result.status, result.error_message) == ("Passed", None)
    assert (result.metrics["requests"], result.metrics["errors"], len(api.state.seen)) == (50, 0, 50)
    assert 0 < result.metrics["p50"] <= result.metrics["p95"] <= result.metrics["p99"] <= result.metrics["max"]
    assert len(result.exchanges) == 1


async def test_a_load_with_errors_over_the_limit_fails(environment: Environment) -> None:
    judged = step(path="/fail/503", expect="200", assertions=(LoadAssertion(max_error_rate=0.5),))
    result = await run_one(environment, judged, load=LoadProfile(requests=10, concurrency=2))
    assert (result.status, result.metrics["error_rate"]) == ("Failed", 1.0)
    assert "100.0% errors" in (result.error_message or "")


@pytest.mark.req("TG-37")
async def test_a_run_has_no_more_tests_under_way_than_its_concurrency(
    environment: Environment, api: target.Target
) -> None:
    """Two shards of one run share the limit; the per-host limit is the engine's."""
    engine = HttpEngine(LOOPBACK)
    shards = [
        [planned(step(path="/held", expect="200"), test_id=f"TC-{shard}{number:04}") for number in range(10)]
        for shard in range(2)
    ]
    running = [asyncio.create_task(run_all(environment, *shard, engine=engine, concurrency=3)) for shard in shards]
    await api.state.has_active(3)
    api.state.hold.set()
    results = [result for batch in await asyncio.gather(*running) for result in batch]
    assert len(results) == 20
    assert {result.status for result in results} == {"Passed"}
    assert api.state.most_active == 3


@pytest.mark.req("TG-37")
async def test_a_host_gets_no_more_requests_at_once_than_its_limit(
    environment: Environment, api: target.Target
) -> None:
    engine = HttpEngine(LOOPBACK, per_host=2)
    tests = [planned(step(path="/held", expect="200"), test_id=f"TC-{number:05}") for number in range(6)]
    running = asyncio.create_task(run_all(environment, *tests, engine=engine, concurrency=6))
    await api.state.has_active(2)
    api.state.hold.set()
    assert {result.status for result in await running} == {"Passed"}
    assert api.state.most_active == 2


@pytest.mark.req("TG-18")
async def test_tests_really_run_at_the_same_time(environment: Environment, api: target.Target) -> None:
    """All five must be at the target together before any is answered: sequential execution could never end."""
    tests = [planned(step(path="/held", expect="200"), test_id=f"TC-{number:05}") for number in range(5)]
    running = asyncio.create_task(run_all(environment, *tests, concurrency=5))
    await api.state.has_active(5)
    api.state.hold.set()
    assert len(await running) == 5


async def test_closing_the_run_stops_it_and_cleans_up(environment: Environment, api: target.Target) -> None:
    test = planned(CREATE, step(path="/held"), REMOVE)
    results = HttpEngine(LOOPBACK).execute([test], environment, RunLimits(run_id="run_00001"))

    async def consume() -> list[TestResult]:
        try:
            return [result async for result in results]
        finally:
            await results.aclose()

    consuming = asyncio.create_task(consume())
    await api.state.has_active(1)
    consuming.cancel()
    with pytest.raises(asyncio.CancelledError):
        await consuming
    assert "DELETE /items/1" in api.state.seen
    assert api.state.items == {}
