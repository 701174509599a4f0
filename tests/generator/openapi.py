"""Endpoints from an OpenAPI document, just enough for these tests: the scanner's own reader is not their business."""

import copy
from typing import Any

from shared.contracts.scanner import Endpoint, Operation, Parameter, RequestBody, Response

_METHODS = ("get", "post", "put", "patch", "delete")


def endpoints(document: dict[str, Any], project_id: int = 1) -> tuple[Endpoint, ...]:
    """Every operation of a document as an endpoint, numbered from 1."""
    found = []
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                operation = _operation(method, path, item[method], document)
                found.append(Endpoint(id=len(found) + 1, project_id=project_id, operation=operation))
    return tuple(found)


def _operation(method: str, path: str, raw: dict[str, Any], document: dict[str, Any]) -> Operation:
    defs = document.get("components", {}).get("schemas", {})
    body = raw.get("requestBody")
    return Operation(
        method=method.upper(),
        path=path,
        operation_id=raw.get("operationId"),
        summary=raw.get("summary", ""),
        parameters=tuple(
            Parameter(
                name=p["name"],
                location=p["in"],
                required=p.get("required", False),
                json_schema=_contained(p.get("schema", {}), defs),
            )
            for p in raw.get("parameters", ())
        ),
        request_body=RequestBody(required=body.get("required", False), content=_content(body, defs)) if body else None,
        responses={code: Response(content=_content(r, defs)) for code, r in raw.get("responses", {}).items()},
        security=tuple({key: tuple(scopes) for key, scopes in one.items()} for one in raw.get("security", ())),
    )


def _content(holder: dict[str, Any], defs: dict[str, Any]) -> dict[str, Any]:
    return {kind: _contained(media.get("schema", {}), defs) for kind, media in holder.get("content", {}).items()}


def _contained(schema: dict[str, Any], defs: dict[str, Any]) -> dict[str, Any]:
    text = copy.deepcopy(schema)
    return _renamed({**text, "$defs": defs} if "$ref" in str(schema) else text)


def _renamed(node: Any) -> Any:
    if isinstance(node, dict):
        return {
            k: v.replace("#/components/schemas/", "#/$defs/") if k == "$ref" else _renamed(v) for k, v in node.items()
        }
    return [_renamed(inner) for inner in node] if isinstance(node, list) else node
