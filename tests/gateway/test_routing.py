"""The route table, and several OpenAPI documents as one."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.gateway.domain.openapi import merged, operations
from services.gateway.domain.routing import SERVICES, service_for, unversioned

INFO = {"title": "whole", "version": "1"}


@pytest.mark.req("DC-3")
@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/api/auth/login", "auth"),
        ("/api/user/api-keys/3", "auth"),
        ("/api/projects", "projects"),
        ("/api/projects/7", "projects"),
        ("/api/projects/7/stats", "projects"),
        ("/api/projects/7/endpoints", "scanner"),
        ("/api/projects/7/endpoints/scan/abc", "scanner"),
        ("/api/projects/7/tests/generate", "generator"),
        ("/api/projects/7/test-cases/TC-00001", "generator"),
        ("/api/projects/7/runs", "executor"),
        ("/api/projects/7/runs/run_00001/results", "executor"),
        ("/api/projects/7/runs/run_00001/coverage", "analytics"),
        ("/api/projects/7/coverage", "analytics"),
        ("/api/projects/7/healing", "healer"),
        ("/api/dashboard/stats", "analytics"),
        ("/api/analytics/trends", "analytics"),
        ("/api/projects/7/%65ndpoints", "scanner"),
        ("/api/projectsx", None),
        ("/api/nothing", None),
        ("/api/auth/../projects", None),
        ("/api/auth/%2e%2e/projects", None),
        ("/api", None),
        ("/", None),
    ],
)
def test_where_a_path_goes(path: str, service: str | None) -> None:
    assert service_for(path) == service


@settings(max_examples=200)
@given(st.lists(st.sampled_from(["api", "v1", "projects", "7", "runs", "coverage", "tests", "auth", "x"]), max_size=7))
def test_both_names_of_a_path_go_to_the_same_service(segments: list[str]) -> None:
    path = "/api/" + "/".join(segments)
    if not path.startswith("/api/v1/"):
        assert unversioned("/api/v1/" + "/".join(segments)) == path
        assert unversioned(path) == path


names = st.sampled_from(["Page", "Item", "Job", "Error"])
schemas = st.one_of(
    st.sampled_from([{"type": "string"}, {"type": "integer"}, {"type": "object", "properties": {}}]),
    st.builds(lambda name: {"type": "array", "items": {"$ref": f"#/components/schemas/{name}"}}, names),
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """Documents whose services use the same few names, for the same or other things."""
    whole = {}
    for service in ("alpha", "beta", "gamma"):
        components = draw(st.fixed_dictionaries(dict.fromkeys(("Page", "Item", "Job", "Error"), schemas)))
        referred = draw(names)
        answer = {"content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{referred}"}}}}
        operation = {"operationId": service, "responses": {"200": {"description": "", **answer}}}
        whole[service] = {"paths": {f"/{service}": {"get": operation}}, "components": {"schemas": components}}
    return whole


def resolved(document: dict[str, Any], schema: Any, depth: int = 4) -> Any:
    """The schema with its references replaced by what they mean, some levels deep."""
    if isinstance(schema, dict) and "$ref" in schema:
        if depth == 0:
            return "..."
        name = schema["$ref"].rpartition("/")[2]
        return resolved(document, document["components"]["schemas"][name], depth - 1)
    if isinstance(schema, dict):
        return {key: resolved(document, value, depth) for key, value in schema.items()}
    return schema


def answer_of(document: dict[str, Any], path: str) -> Any:
    return document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]


@settings(max_examples=300)
@given(documents())
def test_after_merging_every_reference_means_what_it_meant(parts: dict[str, Any]) -> None:
    before = copy.deepcopy(parts)
    whole = merged(parts, INFO)
    assert parts == before
    for service, part in parts.items():
        path = f"/{service}"
        assert resolved(whole, answer_of(whole, path)) == resolved(part, answer_of(part, path))


def test_equal_components_are_shared_and_others_get_the_name_of_their_service() -> None:
    shared = {"type": "string"}
    parts = {
        "alpha": {"components": {"schemas": {"Same": shared, "Job": {"type": "string"}}}},
        "beta": {"components": {"schemas": {"Same": shared, "Job": {"type": "integer"}}}},
    }
    assert set(merged(parts, INFO)["components"]["schemas"]) == {"Same", "Job", "BetaJob"}


def test_a_key_or_a_token_opens_what_needs_one() -> None:
    part = {"paths": {"/a": {"get": {"security": [{"HTTPBearer": []}]}, "put": {}}}}
    whole = merged({"alpha": part}, INFO)
    found = {method: operation.get("security") for _, method, operation in operations(whole)}
    assert found == {"get": [{"HTTPBearer": []}, {"ApiKey": []}], "put": None}
    assert json.dumps(whole)


def test_every_service_is_known_once() -> None:
    assert len(SERVICES) == len(set(SERVICES))
