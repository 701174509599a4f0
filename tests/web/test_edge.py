"""The HTTP edge of a service: errors, callers, correlation ids, pages, probes."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any
from uuid import uuid4

import httpx
import psycopg
import pytest
import sqlalchemy.exc
import structlog
from fastapi import APIRouter, HTTPException, Query
from joserfc import jwt
from joserfc.jwk import OKPKey
from pydantic import BaseModel, SecretStr

from shared.errors import Conflict, NotFound
from shared.eventstore import AggregateNotFound, Duplicate, StoreUnavailable, VersionConflict, current_metadata
from shared.messaging.errors import QueryUnavailable
from shared.security import ALGORITHM, StaticKeySource, TokenVerifier
from shared.security.tokens import AUDIENCE, ISSUER
from shared.web import Administrator, ApiError, Caller, Editor, Page, PageQuery, error_responses, service_app

KEY = OKPKey.generate_key("Ed25519", {"kid": "k"})


class WidgetNotFound(NotFound):
    code = "WIDG_001"
    message = "The widget does not exist."


class NewWidget(BaseModel):
    name: str
    password: SecretStr
    size: int


class Widget(BaseModel):
    id: int


FAILURES: dict[str, BaseException] = {
    "expected": WidgetNotFound(details={"id": 7}),
    "conflict": VersionConflict("moved on"),
    "duplicate_row": Duplicate("widgets_name"),
    "store": StoreUnavailable("away"),
    "aggregate": AggregateNotFound("Widget", uuid4()),
    "query": QueryUnavailable("scanner"),
    "database": sqlalchemy.exc.OperationalError("SELECT 1", {}, psycopg.OperationalError("connection refused")),
    "duplicate": sqlalchemy.exc.IntegrityError("INSERT", {}, psycopg.errors.UniqueViolation("duplicate")),
    "foreign": sqlalchemy.exc.IntegrityError("INSERT", {}, psycopg.errors.ForeignKeyViolation("no parent")),
    "framework": HTTPException(400),
    "bug": RuntimeError("the database password is hunter2"),
}
router = APIRouter(prefix="/api/widgets")


@router.get("/failing/{kind}", responses=error_responses(WidgetNotFound, Conflict))
def fail(kind: str) -> None:
    raise FAILURES[kind]


@router.post("", status_code=201)
def create(widget: NewWidget, caller: Editor) -> dict[str, Any]:
    metadata = current_metadata()
    return {"org": metadata.org_id, "actor": metadata.actor, "correlation": metadata.correlation_id}


@router.delete("")
def clear(caller: Administrator) -> None: ...


@router.get("/mine")
def mine(caller: Caller, colour: Annotated[str, Query(max_length=5)] = "red") -> dict[str, str | None]:
    return {"org": current_metadata().org_id, "role": caller.role}


@router.get("")
def listing(page: PageQuery) -> Page[Widget]:
    start = page.number_after(100)
    rows = [Widget(id=number) for number in range(start + 1, 8)][: page.limit + 1]
    return Page.of(rows, page, total=7, key=lambda widget: [widget.id])


HEALTH: dict[str, bool] = {"database": True}


async def ready() -> Mapping[str, bool]:
    return HEALTH


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = service_app("widgets", [router], ready, verifier=TokenVerifier(StaticKeySource(KEY)))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://widgets") as opened:
        yield opened


def bearer(role: str = "owner", org: str = "org-1", **changes: Any) -> dict[str, str]:
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "user-1", "org": org, "role": role, "nbf": now, "exp": now + 60}
    token = jwt.encode({"alg": ALGORITHM, "kid": "k"}, {**claims, **changes}, KEY, algorithms=[ALGORITHM])
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.req("TG-35")
@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("expected", 404, "WIDG_001"),
        ("conflict", 409, "RES_002"),
        ("duplicate_row", 409, "RES_002"),
        ("store", 503, "SYS_001"),
        ("aggregate", 404, "RES_001"),
        ("query", 503, "SYS_003"),
        ("database", 503, "SYS_001"),
        ("duplicate", 409, "RES_002"),
        ("foreign", 409, "RES_002"),
        ("framework", 400, "VAL_001"),
        ("bug", 500, "SYS_002"),
    ],
)
async def test_every_failure_is_the_envelope(client: httpx.AsyncClient, kind: str, status: int, code: str) -> None:
    response = await client.get(f"/api/widgets/failing/{kind}", headers={"X-Correlation-ID": "trace-me"})
    assert response.status_code == status
    error = response.json()["error"]
    assert set(error) == {"code", "message", "details", "correlation_id", "timestamp"}
    assert (error["code"], error["correlation_id"]) == (code, "trace-me")
    assert response.headers["X-Correlation-ID"] == "trace-me"
    assert "hunter2" not in response.text


@pytest.mark.req("TG-35", "BO-30")
async def test_an_unexpected_error_is_logged_under_the_id_that_the_client_gets(client: httpx.AsyncClient) -> None:
    with structlog.testing.capture_logs() as logs:
        error = (await client.get("/api/widgets/failing/bug")).json()["error"]
    entry = next(entry for entry in logs if entry["event"] == "unexpected error")
    assert entry["error_id"] == error["details"]["error_id"]
    assert entry["error_type"] == "RuntimeError"


async def test_problem_json_for_whoever_asks(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/widgets/failing/expected", headers={"Accept": "application/problem+json"})
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert (problem["status"], problem["code"], problem["type"]) == (404, "WIDG_001", "urn:testgen:error:WIDG_001")


async def test_invalid_input_is_400_with_fields_and_without_the_values(client: httpx.AsyncClient) -> None:
    body = {"name": 5, "password": "hunter2"}
    response = await client.post("/api/widgets", json=body, headers=bearer())
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["code"] == "VAL_001"
    assert {field["field"] for field in error["details"]["fields"]} == {"body.name", "body.size"}
    assert "hunter2" not in response.text


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[]", b"null", b""])
async def test_malformed_bodies_are_400(client: httpx.AsyncClient, body: bytes) -> None:
    headers = {**bearer(), "Content-Type": "application/json"}
    response = await client.post("/api/widgets", content=body, headers=headers)
    assert (response.status_code, response.json()["error"]["code"]) == (400, "VAL_001")


async def test_unknown_routes_and_methods(client: httpx.AsyncClient) -> None:
    missing = await client.get("/api/nothing")
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "RES_001")
    wrong = await client.put("/api/widgets")
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (405, "RES_003")


async def test_the_thread_of_a_route_knows_who_and_why(client: httpx.AsyncClient) -> None:
    headers = {**bearer(), "X-Correlation-ID": "c-1"}
    body = {"name": "a", "password": "b", "size": 1}
    response = await client.post("/api/widgets", json=body, headers=headers)
    assert response.json() == {"org": "org-1", "actor": "user-1", "correlation": "c-1"}


async def test_concurrent_requests_keep_their_own_organisation(client: httpx.AsyncClient) -> None:
    calls = [client.get("/api/widgets/mine", headers=bearer(org=f"org-{number}")) for number in range(20)]
    answers = await asyncio.gather(*calls)
    assert [answer.json()["org"] for answer in answers] == [f"org-{number}" for number in range(20)]


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "AUTH_001"),
        ({"Authorization": "Basic YTpi"}, "AUTH_001"),
        ({"Authorization": "Bearer nonsense"}, "AUTH_001"),
        (bearer(exp=int(time.time()) - 60), "AUTH_002"),
    ],
)
async def test_without_a_valid_token_401(client: httpx.AsyncClient, headers: dict[str, str], code: str) -> None:
    response = await client.get("/api/widgets/mine", headers=headers)
    assert (response.status_code, response.json()["error"]["code"]) == (401, code)
    assert response.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("role", "create_status", "clear_status"),
    [("owner", 201, 200), ("admin", 201, 200), ("member", 201, 403), ("viewer", 403, 403)],
)
async def test_roles(client: httpx.AsyncClient, role: str, create_status: int, clear_status: int) -> None:
    body = {"name": "a", "password": "b", "size": 1}
    assert (await client.post("/api/widgets", json=body, headers=bearer(role))).status_code == create_status
    assert (await client.delete("/api/widgets", headers=bearer(role))).status_code == clear_status


@pytest.mark.req("BO-31")
@pytest.mark.parametrize("given", ["", "a b", "x" * 129, 'a"b', "-x", "a\tb"])
async def test_a_correlation_id_that_is_not_one_is_replaced(client: httpx.AsyncClient, given: str) -> None:
    response = await client.get("/health/live", headers={"X-Correlation-ID": given})
    assert response.headers["X-Correlation-ID"] not in {"", given}


@pytest.mark.req("BO-4", "BO-13")
async def test_pages_cover_a_list_exactly_once(client: httpx.AsyncClient) -> None:
    seen: list[int] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (await client.get("/api/widgets", params={"limit": 3, **({"cursor": cursor} if cursor else {})})).json()
        seen += [item["id"] for item in page["items"]]
        assert (page["total_count"], page["page_size"]) == (7, len(page["items"]))
        assert page["has_more"] is (page["next_cursor"] is not None)
        cursor = page["next_cursor"]
    assert seen == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    "query",
    [
        "cursor=%00",
        "cursor=abc",
        "cursor=bnVsbA",
        "cursor=e30",
        "cursor=WyJhIl0",
        "cursor=WzEwMV0",
        "cursor=W3RydWVd",
        "cursor=WzEsMl0",
        "limit=0",
        "limit=101",
        "limit=x",
    ],
)
async def test_bad_cursors_and_limits_are_400(client: httpx.AsyncClient, query: str) -> None:
    response = await client.get(f"/api/widgets?{query}")
    assert (response.status_code, response.json()["error"]["code"]) == (400, "VAL_001")


async def test_probes(client: httpx.AsyncClient) -> None:
    assert (await client.get("/health/live")).status_code == 200
    assert (await client.get("/health/ready")).json()["parts"] == {"database": True}
    HEALTH["database"] = False
    try:
        assert (await client.get("/health/ready")).status_code == 503
    finally:
        HEALTH["database"] = True


@pytest.mark.req("BO-21", "TG-36")
async def test_requests_are_counted_by_route_and_logged(client: httpx.AsyncClient) -> None:
    with structlog.testing.capture_logs() as logs:
        await client.get("/api/widgets/failing/expected")
    entry = next(entry for entry in logs if entry["event"] == "request")
    assert (entry["method"], entry["path"], entry["status"]) == ("GET", "/api/widgets/failing/expected", 404)
    assert entry["duration_ms"] >= 0
    metrics = (await client.get("/metrics")).text
    assert 'route="/api/widgets/failing/{kind}",service="widgets",status="404"' in metrics


@pytest.mark.req("TG-38")
async def test_a_slow_request_is_a_warning(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.web.context.SLOW_SECONDS", 0.0)
    with structlog.testing.capture_logs() as logs:
        await client.get("/api/widgets")
    assert ("slow request", "warning") in {(entry["event"], entry["log_level"]) for entry in logs}


async def test_openapi_documents_the_envelope(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
    assert "HTTPValidationError" not in json.dumps(document)
    created = document["paths"]["/api/widgets"]["post"]["responses"]
    assert set(created) == {"201", "400", "401", "403", "500", "503"}
    failing = document["paths"]["/api/widgets/failing/{kind}"]["get"]["responses"]
    assert {"404", "409"} <= set(failing)
    for status in failing.keys() - {"200"}:
        schema = failing[status]["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/ErrorEnvelope"}
    assert "/health/live" not in document["paths"]


async def test_api_error_carries_retry_after(client: httpx.AsyncClient) -> None:
    response = await client.get("/api/widgets/failing/database")
    assert response.headers["Retry-After"] == "1"
    assert issubclass(WidgetNotFound, ApiError)
