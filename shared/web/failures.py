"""Every exception that leaves a route becomes an `ApiError` here, once, and then the envelope."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import psycopg
import sqlalchemy.exc
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from shared.errors import (
    ApiError,
    Conflict,
    DatabaseUnavailable,
    Forbidden,
    Internal,
    InvalidCredentials,
    InvalidInput,
    MethodNotAllowed,
    NotFound,
    TooLarge,
    Unprocessable,
)
from shared.eventstore.errors import AggregateNotFound, Duplicate, StoreUnavailable, VersionConflict
from shared.observability.logs import get_logger
from shared.web.envelope import error_response

log = get_logger(__name__)

_DATABASE_AWAY: tuple[type[Exception], ...] = (
    sqlalchemy.exc.OperationalError,
    sqlalchemy.exc.InterfaceError,
    sqlalchemy.exc.TimeoutError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
)
_BY_STATUS: Mapping[int, type[ApiError]] = {
    error.status: error
    for error in (
        InvalidInput,
        InvalidCredentials,
        Forbidden,
        NotFound,
        MethodNotAllowed,
        Conflict,
        TooLarge,
        Unprocessable,
    )
}


def install_error_handlers(app: FastAPI) -> None:
    """Maps the exceptions that are expected; what is left is caught by `RequestContext`."""
    _map(app, ApiError, lambda error: error)
    _map(app, RequestValidationError, _invalid)
    _map(app, HTTPException, _of_status)
    _map(app, VersionConflict, lambda _: Conflict())
    _map(app, Duplicate, lambda _: Conflict())
    _map(app, StoreUnavailable, lambda _: DatabaseUnavailable())
    _map(app, AggregateNotFound, lambda _: NotFound())
    _map(app, sqlalchemy.exc.IntegrityError, _integrity)
    _map(app, sqlalchemy.exc.DataError, _data)
    for away in _DATABASE_AWAY:
        _map(app, away, _database_away)


def _map(app: FastAPI, kind: type[Exception], to_api_error: Callable[[Any], ApiError]) -> None:
    async def handle(request: Request, error: Exception) -> Response:
        api_error = to_api_error(error)
        if api_error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.warning("request failed", code=api_error.code, reason=str(error), path=request.url.path)
        return error_response(request, api_error)

    app.add_exception_handler(kind, handle)


def _invalid(error: RequestValidationError) -> InvalidInput:
    """Field errors without the input itself, which may be a password."""
    fields = [
        {"field": ".".join(str(part) for part in entry["loc"]), "message": entry["msg"], "type": entry["type"]}
        for entry in error.errors()
    ]
    return InvalidInput(details={"fields": fields})


def _of_status(error: HTTPException) -> ApiError:
    kind = _BY_STATUS.get(error.status_code)
    if kind is None:
        kind = Internal if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR else InvalidInput
    return kind()


def _integrity(error: sqlalchemy.exc.IntegrityError) -> ApiError:
    """A foreign key or a unique rule of the database said no: the caller hears which, without the SQL."""
    if isinstance(error.orig, psycopg.errors.ForeignKeyViolation):
        constraint = error.orig.diag.constraint_name or ""
        return Conflict(
            "Something that this refers to does not exist, or is still referred to.", {"constraint": constraint}
        )
    return Conflict()


def _data(error: sqlalchemy.exc.DataError) -> ApiError:
    """A value that no column can hold, such as a number of twenty digits; the log has which."""
    log.info("value refused by the database", reason=str(error.orig))
    return InvalidInput("A value is out of the range that can be stored.")


def _database_away(error: Exception) -> ApiError:
    """`OperationalError` also covers refusals by the server that a second try won't cure; those are ours to fix."""
    original = getattr(error, "orig", None) or error.__cause__ or error
    state = getattr(original, "sqlstate", None)
    if state is not None and state[:2] not in {"08", "40", "53", "55", "57"}:
        log.error("database refused a statement", sqlstate=state, exc_info=error)
        return Internal()
    return DatabaseUnavailable()
