"""All services behind the gateway: one document, every route where it says, nobody in without credentials."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from openapi_spec_validator import validate

from services.gateway.domain.openapi import Document, merged, operations
from services.gateway.domain.routing import SERVICES, service_for
from shared.settings import InfraSettings
from shared.web import HttpClients
from tests.support.hosting import hosted

PUBLIC = {"/api/auth/register", "/api/auth/login", "/api/auth/refresh", "/api/auth/jwks.json"}
PASSWORD = "correct horse battery"
SAMPLES = {"integer": 1, "string": "x", "boolean": True, "number": 1.0, "array": [], "object": {}}


@dataclass
class Whole:
    """The platform, its document, and somebody with a project as well as somebody without."""

    clients: HttpClients
    parts: dict[str, Document]
    owner: dict[str, str]
    stranger: dict[str, str]
    project_id: int

    async def call(self, method: str, path: str, headers: dict[str, str], body: Any = None) -> tuple[int, bytes]:
        client = self.clients.to("gateway")
        sent = {**headers, "Content-Type": "application/json"}
        data = json.dumps(body).encode() if body is not None else None
        async with client.stream(method, client.url_of(path), headers=sent, data=data) as response:
            return response.status, await response.read()


async def _register(clients: HttpClients, email: str) -> dict[str, str]:
    body = {"email": email, "password": PASSWORD}
    answer = await clients.to("gateway").request("POST", "/api/auth/register", json=body)
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.fixture(scope="module")
async def whole(infra_settings: InfraSettings, unused_tcp_port_factory: Any) -> AsyncIterator[Whole]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TESTGEN_GATEWAY_URL", f"http://127.0.0.1:{unused_tcp_port_factory()}")
        async with hosted(infra_settings, [*SERVICES, "gateway"]) as clients:
            parts = {service: await clients.to(service).get_json("/openapi.json") for service in SERVICES}
            owner, stranger = [await _register(clients, f"{name}@example.com") for name in ("owner", "stranger")]
            body = {"name": "p", "api_base_url": "http://127.0.0.1:9"}
            made = await clients.to("gateway").request("POST", "/api/projects", json=body, headers=owner)
            yield Whole(clients, parts, owner, stranger, made.json()["id"])


def calls(whole: Whole) -> Iterator[tuple[str, str, Document]]:
    """(method, path with the project's number, operation) of every documented route."""
    for part in whole.parts.values():
        for path, method, operation in operations(part):
            filled = path.replace("{project_id}", str(whole.project_id))
            yield method.upper(), re.sub(r"\{[^}]+\}", "1", filled), operation


@pytest.mark.req("DC-3")
async def test_the_gateway_sends_every_documented_route_to_the_service_that_has_it(whole: Whole) -> None:
    for service, part in whole.parts.items():
        for path, _, _ in operations(part):
            assert service_for(re.sub(r"\{[^}]+\}", "1", path)) == service, path


async def test_the_document_of_the_whole_is_valid_and_complete(whole: Whole) -> None:
    document = await whole.clients.to("gateway").get_json("/api/openapi.json")
    validate(document)
    assert document == json.loads(json.dumps(merged(whole.parts, document["info"])))
    assert sum(1 for _ in operations(document)) == sum(1 for _ in calls(whole))
    assert "HTTPValidationError" not in json.dumps(document)
    for path, method, operation in operations(document):
        documented = set(operation["responses"])
        assert {"500", "503"} <= documented, (method, path)
        if path not in PUBLIC:
            assert "401" in documented, (method, path)


@pytest.mark.req("TG-2", "DC-6")
async def test_every_route_wants_credentials(whole: Whole) -> None:
    wrong = [{}, {"Authorization": "Bearer x.y.z"}, {"X-API-Key": "ak_nobody"}, {"Authorization": "Basic YTpi"}]
    for method, path, _ in calls(whole):
        if path in PUBLIC:
            continue
        for headers in wrong:
            status, body = await whole.call(method, path, headers, {})
            assert (status, json.loads(body)["error"]["code"]) == (401, "AUTH_001"), (method, path, headers)


@pytest.mark.req("DC-6")
async def test_a_project_of_somebody_else_is_not_there(whole: Whole) -> None:
    for method, path, operation in calls(whole):
        if "/api/projects/" not in path:
            continue
        status, body = await whole.call(method, path, whole.stranger, _body(whole, operation))
        # an empty list says as little as 404
        empty = method == "GET" and status == 200 and json.loads(body).get("items") == []
        assert empty or status in {400, 403, 404}, (method, path, status, body)
    assert (await whole.call("GET", f"/api/projects/{whole.project_id}", whole.owner))[0] == 200


@pytest.mark.parametrize("number", ["0", "-1", "x", "1e3", "99999999999999999999", "%00", "1%2F2", "%F0%9F%90%B4"])
async def test_odd_numbers_never_break_a_service(whole: Whole, number: str) -> None:
    for part in whole.parts.values():
        for path, method, operation in operations(part):
            if "{" in path:
                odd = re.sub(r"\{[^}]+\}", number, path)
                status, body = await whole.call(method.upper(), odd, whole.owner, _body(whole, operation))
                assert status < 500, (method, odd, body)


@pytest.mark.parametrize("body", [None, [], "x", {}, {"unknown": 1}, {"name": None}, 10**400, {"a": {"b": [[]] * 50}}])
async def test_odd_bodies_never_break_a_service(whole: Whole, body: Any) -> None:
    for method, path, operation in calls(whole):
        if "requestBody" in operation and not path.endswith("/logout"):
            status, answer = await whole.call(method, path, whole.owner, body)
            assert status < 500, (method, path, answer)


@pytest.mark.parametrize("query", ["cursor=x", "cursor=WyJhIl0", "cursor=WzFd", "limit=0", "limit=100000", "limit=-1",
                                   "cursor=WyJcdTAwMDAiXQ", "project_id=x", "days=-1", "days=99999999999",
                                   "since=%00", "as_of=never", "as_of=9999-12-31T23:59:59Z", "project_ids=%00,a",
                                   "status=%00", "status=nope", "endpoint_id=99999999999999999999"])  # fmt: skip
async def test_odd_queries_never_break_a_service(whole: Whole, query: str) -> None:
    for method, path, _ in calls(whole):
        if method == "GET":
            status, answer = await whole.call(method, f"{path}", whole.owner)
            assert status < 500, (method, path, answer)
            client = whole.clients.to("gateway")
            async with client.stream(method, client.url_of(path, query), headers=whole.owner) as response:
                assert response.status < 500, (method, path, query, await response.read())


def _body(whole: Whole, operation: Document) -> Any:
    """A body of about the documented shape."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    whole_document = merged(whole.parts, {})
    schema = content["schema"]
    name = schema.get("$ref", "").rpartition("/")[2]
    schema = whole_document["components"]["schemas"].get(name, schema)
    required = schema.get("required", [])
    return {name: SAMPLES.get(schema["properties"][name].get("type", "string"), "x") for name in required}
