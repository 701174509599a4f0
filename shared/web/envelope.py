"""Errors on the wire: one envelope for every failure, or `application/problem+json` for whoever asks for it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.requests import HTTPConnection
from starlette.responses import Response

from shared.errors import ApiError
from shared.eventstore.metadata import current_metadata

PROBLEM_JSON = "application/problem+json"


class ErrorBody(BaseModel):
    """What went wrong; `code` is stable, `message` is for people."""

    code: str = Field(examples=["VAL_001"])
    message: str
    details: dict[str, Any] = {}
    correlation_id: str
    timestamp: datetime


class ErrorEnvelope(BaseModel):
    """The body of every answer that is not a success."""

    error: ErrorBody


def envelope_of(error: ApiError) -> dict[str, Any]:
    """The envelope as JSON data, stamped with the request's correlation id and the time."""
    return {
        "error": {
            "code": error.code,
            "message": error.message,
            "details": error.details,
            "correlation_id": current_metadata().correlation_id,
            "timestamp": datetime.now(UTC).isoformat(),
        }
    }


def error_response(connection: HTTPConnection, error: ApiError) -> Response:
    """The answer for an error, in the format that the request's Accept header asks for."""
    headers: dict[str, str] = {}
    if error.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    content = envelope_of(error)
    if not _wants_problem(connection.headers.get("accept", "")):
        return JSONResponse(content, error.status, headers)
    return JSONResponse(_problem_of(error, content["error"]), error.status, headers, media_type=PROBLEM_JSON)


def _wants_problem(accept: str) -> bool:
    for entry in accept.lower().split(","):
        media_type, _, parameters = entry.partition(";")
        if media_type.strip() == PROBLEM_JSON:
            return parameters.replace(" ", "") not in {"q=0", "q=0.0"}
    return False


def _problem_of(error: ApiError, body: dict[str, Any]) -> dict[str, Any]:
    """RFC 9457; the envelope's own members stay as extensions."""
    return {
        "type": f"urn:testgen:error:{error.code}",
        "title": type(error).message,
        "status": error.status,
        "detail": error.message,
        "instance": f"urn:testgen:request:{body['correlation_id']}",
        **{name: body[name] for name in ("code", "details", "correlation_id", "timestamp")},
    }


def error_responses(*errors: type[ApiError]) -> dict[int | str, dict[str, Any]]:
    """For a route's `responses=`: documents these errors by status. the general ones are added by themselves."""
    by_status: dict[int, list[type[ApiError]]] = {}
    for error in errors:
        by_status.setdefault(error.status, []).append(error)
    return {status: documented(classes) for status, classes in sorted(by_status.items())}


def documented(classes: Iterable[type[ApiError]]) -> dict[str, Any]:
    """The OpenAPI Response Object of error classes that share a status."""
    description = " ".join(f"`{error.code}`: {error.message}" for error in classes)
    return {"model": ErrorEnvelope, "description": description}
