"""OpenAPI documents are read completely, and what is wrong with one is said."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import jsonschema_rs
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from services.scanner.adapters.openapi.reader import METHODS, read_openapi
from services.scanner.errors import MalformedSource, ScanError, ScanTooLarge, UnsupportedSource
from shared.contracts.scanner import Operation

NAMES = st.sampled_from(["id", "name", "page", "q", "limit"])
SCALARS = st.sampled_from(
    [{"type": "string"}, {"type": "integer", "minimum": 1}, {"type": "boolean"}, {"type": "string", "enum": ["a", "b"]}]
)
REFERENCES = st.sampled_from(["Node", "Leaf"]).map(lambda name: {"$ref": f"#/components/schemas/{name}"})
SCHEMAS = SCALARS | REFERENCES | SCALARS.map(lambda schema: {"type": "array", "items": schema})
COMPONENTS = {
    "Leaf": {"type": "object", "properties": {"value": {"type": "string"}}, "required": ["value"]},
    "Node": {
        "type": "object",
        "properties": {
            "children": {"type": "array", "items": {"$ref": "#/components/schemas/Node"}},
            "leaf": {"$ref": "#/components/schemas/Leaf"},
        },
    },
}


@st.composite
def operations(draw: st.DrawFn, path: str) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": place, "schema": draw(SCALARS), "required": draw(st.booleans())}
        for name, place in draw(
            st.lists(st.tuples(NAMES, st.sampled_from(["query", "header"])), max_size=3, unique=True)
        )
    ]
    if "{key}" in path:
        parameters.append({"name": "key", "in": "path", "required": True, "schema": {"type": "integer"}})
    made: dict[str, Any] = {
        "parameters": parameters,
        "tags": draw(st.lists(NAMES, max_size=2)),
        "summary": draw(st.sampled_from(["", "does it"])),
        "deprecated": draw(st.booleans()),
        "responses": {
            code: {"description": "d", "content": {"application/json": {"schema": draw(SCHEMAS)}}}
            for code in draw(st.lists(st.sampled_from(["200", "201", "404", "default"]), min_size=1, unique=True))
        },
    }
    if draw(st.booleans()):
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": draw(SCHEMAS)}}}
    if draw(st.booleans()):
        made["security"] = draw(st.sampled_from([[], [{"key": []}], [{"key": []}, {}], [{"oauth": ["read"]}]]))
    return made


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for path in draw(st.lists(st.sampled_from(["/a", "/a/{key}", "/b", "/b/{key}/c", "/"]), min_size=1, unique=True)):
        methods = draw(st.lists(st.sampled_from(METHODS), min_size=1, max_size=3, unique=True))
        paths[path] = {method: draw(operations(path)) for method in methods}
    schemes = {
        "key": {"type": "apiKey", "in": "header", "name": "X-Key"},
        "oauth": {"type": "oauth2", "flows": {"password": {"tokenUrl": "/token", "scopes": {"read": ""}}}},
    }
    return {
        "openapi": draw(st.sampled_from(["3.0.3", "3.1.0"])),
        "info": {"title": "T", "version": "1"},
        "security": draw(st.sampled_from([[], [{"key": []}]])),
        "paths": paths,
        "components": {"schemas": COMPONENTS, "securitySchemes": schemes},
    }


def inlined(schema: dict[str, Any], depth: int = 3) -> Any:
    """The schema with references followed to a depth: equal for a schema and its self-contained form."""

    def follow(node: Any, root: dict[str, Any], left: int) -> Any:
        if isinstance(node, list):
            return [follow(item, root, left) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            name = node["$ref"].rsplit("/", 1)[-1]
            return follow(root[name], root, left - 1) if left else "…"
        return {key: follow(value, root, left) for key, value in node.items() if key != "$defs"}

    return follow(schema, schema.get("$defs", COMPONENTS), depth)


@pytest.mark.req("TG-8")
@settings(max_examples=200, deadline=None)
@given(documents(), st.booleans())
def test_every_operation_comes_back_with_all_its_metadata(document: dict[str, Any], as_yaml: bool) -> None:
    text = yaml.safe_dump(document) if as_yaml else json.dumps(document)
    found = read_openapi(text.encode(), "api")
    by_key = {(item.method.lower(), item.path): item for item in found.operations}
    assert set(by_key) == {(method, path) for path, item in document["paths"].items() for method in item}
    for (method, path), operation in by_key.items():
        assert_same(operation, document["paths"][path][method], document["security"])
    assert found.security_schemes["oauth"].token_url == "/token"
    assert found.warnings == ()


def assert_same(found: Operation, written: dict[str, Any], security: list[dict[str, list[str]]]) -> None:
    parameters = {(item.name, item.location): (item.required, item.json_schema) for item in found.parameters}
    assert parameters == {(p["name"], p["in"]): (p["required"], p["schema"]) for p in written["parameters"]}
    assert (list(found.tags), found.summary, found.deprecated) == (
        written["tags"],
        written["summary"],
        written["deprecated"],
    )
    assert [{key: list(scopes) for key, scopes in item.items()} for item in found.security] == written.get(
        "security", security
    )
    for code, response in written["responses"].items():
        schema = found.responses[code].content["application/json"]
        jsonschema_rs.validator_for(schema)
        assert inlined(schema) == inlined(response["content"]["application/json"]["schema"])
    if "requestBody" in written:
        assert found.request_body is not None
        body = written["requestBody"]["content"]["application/json"]["schema"]
        assert inlined(found.request_body.content["application/json"]) == inlined(body)


def minimal(**schema: Any) -> dict[str, Any]:
    body = {"content": {"application/json": {"schema": schema}}}
    answers = {"200": {"description": ""}}
    return {"openapi": "3.0.0", "info": {}, "paths": {"/a": {"post": {"requestBody": body, "responses": answers}}}}


def body_of(document: dict[str, Any]) -> dict[str, Any]:
    operation = read_openapi(json.dumps(document).encode(), "api").operations[0]
    assert operation.request_body is not None
    return operation.request_body.content["application/json"]


@pytest.mark.req("TG-8")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": "string", "nullable": True, "enum": ["a"]}, {"type": ["string", "null"], "enum": ["a", None]}),
        ({"type": "integer", "minimum": 1, "exclusiveMinimum": True}, {"type": "integer", "exclusiveMinimum": 1}),
        ({"type": "integer", "maximum": 9, "exclusiveMaximum": False}, {"type": "integer", "maximum": 9}),
        ({"type": "string", "example": "x"}, {"type": "string", "examples": ["x"]}),
        ({"allOf": [{"type": "object"}], "nullable": True}, {"anyOf": [{"type": "object"}, {"type": "null"}]}),
    ],
)
def test_the_dialect_of_3_0_becomes_json_schema(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert body_of(minimal(**old)) == new


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("{", MalformedSource, "line 1"),
        ("openapi: 3.0.0\n  bad: [", MalformedSource, "line 2"),
        ("[]", MalformedSource, "a list"),
        ("{}", MalformedSource, "'openapi'"),
        ('{"openapi": "3.0.0", "paths": []}', MalformedSource, "#/paths"),
        ('{"openapi": "3.0.0", "paths": {"/a": {"get": 1}}}', MalformedSource, "#/paths/~1a/get"),
        ('{"swagger": "2.0"}', UnsupportedSource, "Swagger 2.0"),
        ('{"openapi": "4.0.0"}', UnsupportedSource, "4.0.0"),
        ("openapi: 3.0.0\na: &a [*a]", MalformedSource, "itself"),
        ("\x00", MalformedSource, ""),
    ],
)
def test_a_malformed_document_says_what_and_where(text: str, error: type[ScanError], said: str) -> None:
    with pytest.raises(error) as caught:
        read_openapi(text.encode(), "api.yaml")
    assert said in caught.value.message


def test_a_yaml_bomb_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(ScanTooLarge):
        read_openapi(("openapi: 3.0.0\n" + "\n".join(lines)).encode(), "bomb")


def test_circles_and_dead_ends_of_references_are_warnings() -> None:
    document = minimal(**{"$ref": "#/components/schemas/Loop"})
    document["components"] = {
        "schemas": {"Loop": {"$ref": "#/components/schemas/Loop"}},
        "parameters": {"p": {"$ref": "#/components/parameters/p"}},
    }
    operation = document["paths"]["/a"]["post"]
    operation["parameters"] = [{"$ref": "#/components/parameters/p"}, {"$ref": "other.yaml#/x"}]
    found = read_openapi(json.dumps(document).encode(), "api")
    assert len(found.operations) == 1
    assert len(found.warnings) == 3


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "get",
                        "post",
                        "parameters",
                        "schema",
                        "in",
                        "name",
                        "$ref",
                        "content",
                        "200",
                        "responses",
                        "requestBody",
                        "/a",
                        "allOf",
                        "properties",
                    ]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=20,
    )
)
def test_any_garbage_is_read_or_refused_cleanly(paths: Any) -> None:
    with contextlib.suppress(ScanError):
        read_openapi(json.dumps({"openapi": "3.1.0", "paths": paths}).encode(), "garbage")
