"""What FastAPI's generated OpenAPI says about errors, corrected to what our services answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from shared.errors import (
    ApiError,
    DatabaseUnavailable,
    Forbidden,
    Internal,
    InvalidCredentials,
    InvalidInput,
    ServiceUnavailable,
    TokenExpired,
)
from shared.web.envelope import ErrorEnvelope

_METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
_ENVELOPE = {"$ref": "#/components/schemas/ErrorEnvelope"}
_STOCK = ("HTTPValidationError", "ValidationError")
"""FastAPI's own error schemas, which we never answer."""


def install_openapi(app: FastAPI) -> None:
    """Makes `app.openapi()` document the envelope for every error that any route can answer."""

    def build() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, routes=app.routes, tags=app.openapi_tags)
            _document_errors(document)
            app.openapi_schema = document
        return app.openapi_schema

    app.openapi = build  # type: ignore[method-assign]


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(path, method, operation) of every operation in a document."""
    for path, item in document.get("paths", {}).items():
        for method, operation in item.items():
            if method in _METHODS:
                yield path, method, operation


def _document_errors(document: dict[str, Any]) -> None:
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(_envelope_schemas())
    for _, _, operation in operations(document):
        responses = operation.setdefault("responses", {})
        if "HTTPValidationError" in str(responses.get("422", "")):
            del responses["422"]
        for status, description in _general(operation).items():
            content = {"application/json": {"schema": _ENVELOPE}}
            responses.setdefault(status, {"description": description, "content": content})
    for name in _STOCK:
        schemas.pop(name, None)


def _general(operation: dict[str, Any]) -> dict[str, str]:
    """The errors that an operation can answer because of what it takes, whatever it does."""
    errors: dict[str, list[type[ApiError]]] = {"500": [Internal], "503": [DatabaseUnavailable, ServiceUnavailable]}
    if operation.get("parameters") or "requestBody" in operation:
        errors["400"] = [InvalidInput]
    if operation.get("security"):
        errors["401"] = [InvalidCredentials, TokenExpired]
        errors["403"] = [Forbidden]
    return {status: " ".join(f"`{kind.code}`: {kind.message}" for kind in kinds) for status, kinds in errors.items()}


def _envelope_schemas() -> dict[str, Any]:
    schema = ErrorEnvelope.model_json_schema(ref_template="#/components/schemas/{model}")
    nested = schema.pop("$defs", {})
    return {"ErrorEnvelope": schema, **nested}
