"""HTML for people: the landing page and the reference. Rendered here, so that no script and no other host is needed."""

from __future__ import annotations

import json
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from services.gateway.domain.openapi import Document, operations

_TEMPLATES = Environment(
    loader=PackageLoader("services.gateway.api"),
    autoescape=select_autoescape(default=True, default_for_string=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def landing_page() -> str:
    """What is here, and where to go."""
    return _TEMPLATES.get_template("landing.html").render()


def reference_page(document: Document) -> str:
    """Every operation with its parameters, bodies and answers."""
    rows = [_row(path, method, operation) for path, method, operation in operations(document)]
    rows.sort(key=lambda row: (row["tag"], row["path"], row["method"]))
    groups = [(tag, list(members)) for tag, members in groupby(rows, key=lambda row: row["tag"])]
    schemas = [
        (name, json.dumps(schema, indent=2, ensure_ascii=False))
        for name, schema in sorted(document.get("components", {}).get("schemas", {}).items())
    ]
    return _TEMPLATES.get_template("reference.html").render(info=document["info"], groups=groups, schemas=schemas)


def _row(path: str, method: str, operation: Document) -> dict[str, Any]:
    content = operation.get("requestBody", {}).get("content", {})
    return {
        "path": path,
        "method": method.upper(),
        "tag": next(iter(operation.get("tags", [])), "other"),
        "summary": operation.get("summary", ""),
        "description": operation.get("description", ""),
        "authenticated": bool(operation.get("security")),
        "parameters": [
            {
                "name": parameter["name"],
                "place": parameter["in"],
                "required": parameter.get("required", False),
                "type": _type(parameter.get("schema", {})),
                "description": parameter.get("description", ""),
            }
            for parameter in operation.get("parameters", [])
        ],
        "bodies": [(media_type, _type(body.get("schema", {}))) for media_type, body in content.items()],
        "responses": [
            (status, response.get("description", ""), _answer(response))
            for status, response in sorted(operation.get("responses", {}).items())
        ],
    }


def _answer(response: Document) -> str:
    return next((_type(body.get("schema", {})) for body in response.get("content", {}).values()), "")


def _type(schema: Any) -> str:
    """A schema in a word or two; named ones by their name."""
    if not isinstance(schema, dict):
        return "any"
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return " | ".join(_type(choice) for choice in schema[several])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    return str(schema.get("type", "any"))
