"""Questions between services: core NATS request and reply, answered by whichever replica is free."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import orjson
import stamina
from faststream.nats import NatsMessage, NatsResponse
from nats.errors import ConnectionClosedError, NoRespondersError, NoServersError
from nats.errors import TimeoutError as NatsTimeout
from opentelemetry import trace
from pydantic import ValidationError

from shared.contracts import Contract, Query
from shared.errors import ApiError
from shared.eventstore import Metadata, current_metadata
from shared.messaging.calls import call, is_transient, span
from shared.messaging.connection import Connection
from shared.messaging.errors import QueryFailed, QueryUnavailable
from shared.messaging.loops import Threads
from shared.observability import get_logger, traceparent

log = get_logger(__name__)
Q = TypeVar("Q", bound=Query)
ANSWERS_AT_ONCE = 16
PATIENCE_S = 15.0
_ERROR = "testgen-error"
_TRACER = trace.get_tracer("testgen.messaging")
_UNREACHABLE = (NoRespondersError, NatsTimeout, ConnectionClosedError, NoServersError, asyncio.TimeoutError)


class _Unanswered(Exception):
    """One attempt brought no answer."""


def subject_of(query: type[Query]) -> str:
    return f"query.{query.subject}"


class Queries:
    """Both sides of queries for one process."""

    def __init__(self, connection: Connection, threads: Threads) -> None:
        self._connection = connection
        self._threads = threads

    def answer(self, query: type[Q], handler: Callable[[Q], Contract] | Callable[[Q], Awaitable[Contract]]) -> None:
        """Registers the handler; before the broker starts."""
        service = query.subject.split(".", 1)[0]
        subscriber = self._connection.broker.subscriber(
            subject_of(query), queue=service, decoder=_whole, max_workers=ANSWERS_AT_ONCE
        )

        async def respond(message: NatsMessage) -> NatsResponse:
            return await self._respond(query, handler, message)

        subscriber(respond)

    async def ask(self, query: Query, timeout: float = 5.0, meta: Metadata | None = None) -> Any:
        """The reply, an instance of `query.reply`. An attempt may take `timeout` seconds; unanswered ones are repeated.

        Raises `QueryUnavailable` when nobody answers within about 15 s, `QueryFailed` when the handler raised.
        """
        meta = meta or current_metadata()
        headers = _headers(query, meta)
        with _TRACER.start_as_current_span(f"ask {query.subject}", kind=trace.SpanKind.CLIENT):
            if parent := traceparent():
                headers["traceparent"] = parent
            try:
                async for attempt in stamina.retry_context(
                    on=_Unanswered, attempts=None, timeout=PATIENCE_S, wait_initial=0.1, wait_max=1.0, wait_jitter=0.2
                ):
                    with attempt:
                        message = await self._request(query, headers, timeout)
            except _Unanswered as error:
                raise QueryUnavailable(f"{query.subject.split('.')[0]} does not answer") from error
        return _reply(query, message)

    async def _request(self, query: Query, headers: dict[str, str], timeout: float) -> NatsMessage:
        body = query.model_dump_json().encode()
        try:
            message = await self._connection.broker.request(
                body, subject_of(type(query)), headers=headers, timeout=timeout
            )
        except _UNREACHABLE as error:
            raise _Unanswered from error
        if _error_of(message.headers).get("transient"):
            raise _Unanswered(_error_of(message.headers).get("message"))
        return message

    async def _respond(self, query: type[Q], handler: Callable[..., Any], message: NatsMessage) -> NatsResponse:
        meta = _metadata(message.headers)
        try:
            with span(f"answer {query.subject}", [meta.traceparent]):
                question = query.model_validate_json(bytes(message.body))
                reply: Contract = await call(self._threads, handler, meta, question)
            body = reply.model_dump_json().encode()
            if len(body) > self._connection.client.max_payload - 1024:
                raise ValueError(f"the reply of {len(body)} bytes is too large: ask for smaller pages")
            return NatsResponse(body)
        except Exception as error:
            if not isinstance(error, ApiError):
                log.exception("query handler failed", query=query.subject)
            return NatsResponse(b"", headers={_ERROR: orjson.dumps(_describe(error)).decode()})


def _describe(error: Exception) -> dict[str, Any]:
    transient = is_transient(error)
    if isinstance(error, ApiError):
        described = {"code": error.code, "status": error.status, "message": error.message, "details": error.details}
        return {**described, "transient": transient}
    if isinstance(error, ValidationError):
        return {"code": "VAL_001", "status": 400, "message": "The query is not valid.", "transient": False}
    return {"code": "SYS_002", "status": 500, "message": type(error).__name__, "transient": transient}


def _reply(query: Query, message: NatsMessage) -> Contract:
    if error := _error_of(message.headers):
        raise QueryFailed(error["code"], error["status"], error["message"], error.get("details"))
    return type(query).reply.model_validate_json(bytes(message.body))


def _error_of(headers: Mapping[str, str]) -> dict[str, Any]:
    text = headers.get(_ERROR)
    return dict(orjson.loads(text)) if text else {}


def _headers(query: Query, meta: Metadata) -> dict[str, str]:
    values = {
        "testgen-org": query.org_id or meta.org_id,
        "testgen-actor": meta.actor,
        "testgen-correlation": meta.correlation_id,
        "testgen-causation": meta.causation_id,
        "traceparent": meta.traceparent,
    }
    return {key: value for key, value in values.items() if value}


def _metadata(headers: Mapping[str, str]) -> Metadata:
    return Metadata(
        org_id=headers.get("testgen-org"),
        actor=headers.get("testgen-actor"),
        correlation_id=headers.get("testgen-correlation", ""),
        causation_id=headers.get("testgen-causation"),
        traceparent=headers.get("traceparent"),
    )


async def _whole(message: NatsMessage) -> NatsMessage:
    return message
