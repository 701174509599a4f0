"""Calling a service's handler: plain functions in a thread, under the metadata and trace of what caused the call."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from nats.errors import Error as NatsError
from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import Link, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from shared.eventstore import Metadata, StoreUnavailable, VersionConflict, use_metadata
from shared.messaging.errors import QueryUnavailable, RetryLater
from shared.messaging.loops import Threads

_TRACER = trace.get_tracer("testgen.messaging")
_PROPAGATOR = TraceContextTextMapPropagator()
_DATABASE = (OperationalError, InterfaceError, PoolTimeout, psycopg.OperationalError, psycopg.InterfaceError)
_SURROUNDINGS = (StoreUnavailable, VersionConflict, QueryUnavailable, ConnectionError, TimeoutError, NatsError)
_TRANSIENT = (RetryLater, *_DATABASE, *_SURROUNDINGS)


def is_transient(error: BaseException) -> bool:
    """True where the same message may well succeed later: the fault is in the surroundings, not in the message."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(error, _TRANSIENT)


async def call(threads: Threads, handler: Callable[..., Any], meta: Metadata, *args: Any) -> Any:
    """The handler's result; a coroutine function runs on the event loop, any other in a thread."""
    with use_metadata(meta):
        if inspect.iscoroutinefunction(handler):
            return await handler(*args)
        return await threads.run(handler, *args)


@contextmanager
def span(name: str, traceparents: Iterable[str | None], **attributes: str | int) -> Iterator[None]:
    """One span for a batch: the child of the only message's trace, or linked to those of several."""
    parents = [_PROPAGATOR.extract({"traceparent": parent}) for parent in dict.fromkeys(traceparents) if parent]
    links = [] if len(parents) == 1 else [Link(trace.get_current_span(p).get_span_context()) for p in parents]
    context = parents[0] if len(parents) == 1 else otel_context.get_current()
    with _TRACER.start_as_current_span(
        name, context=context, kind=SpanKind.CONSUMER, links=links, attributes=attributes
    ):
        yield
