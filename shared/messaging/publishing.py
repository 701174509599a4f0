"""Getting contract events and jobs into JetStream, safely against a second publisher."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import orjson
from nats.errors import NoRespondersError
from nats.js.errors import NoStreamResponseError
from opentelemetry import trace

from shared.eventstore import Recorded
from shared.messaging.cloudevents import Outgoing, token
from shared.messaging.connection import Connection
from shared.messaging.errors import StaleLeader
from shared.messaging.messages import Enqueue
from shared.messaging.streams import ensure, jobs_of

BATCH_MESSAGES = 500
BATCH_BYTES = 2_000_000
_WRONG_LAST_SEQUENCE = 10071
_DUPLICATE_IN_BATCH = 10201
_PUBLISH_TIMEOUT_S = 5.0
_TRACER = trace.get_tracer("testgen.messaging")


class PublishRefused(Exception):
    """The server refused a publish for a reason that is neither a race nor a duplicate."""


def chunks(messages: Sequence[Outgoing]) -> Iterator[list[Outgoing]]:
    """Pieces that go as one atomic batch each."""
    chunk: list[Outgoing] = []
    size = 0
    for message in messages:
        if chunk and (len(chunk) >= BATCH_MESSAGES or size + message.size > BATCH_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(message)
        size += message.size
    if chunk:
        yield chunk


async def publish_events(connection: Connection, messages: Sequence[Outgoing], expected: int) -> int:
    """All or none, and only if the stream's last sequence is `expected`; returns the new last one.

    Raises `StaleLeader` where it is not. That check, not the deduplication window, keeps events from being stored
    twice, so a refill within the window (the server then rejects the batch) goes without the ids.
    """
    with _TRACER.start_as_current_span("publish events", kind=trace.SpanKind.PRODUCER):
        answer = await _publish(connection, messages, expected)
        if answer.get("error", {}).get("err_code") == _DUPLICATE_IN_BATCH or answer.get("duplicate"):
            bare = [
                Outgoing(m.subject, {k: v for k, v in m.headers.items() if k != "Nats-Msg-Id"}, m.body, m.order)
                for m in messages
            ]
            answer = await _publish(connection, bare, expected)
    if error := answer.get("error"):
        if error.get("err_code") == _WRONG_LAST_SEQUENCE:
            raise StaleLeader(error.get("description", ""))
        raise PublishRefused(f"{error.get('err_code')}: {error.get('description')}")
    return int(answer["seq"])


async def _publish(connection: Connection, messages: Sequence[Outgoing], expected: int) -> dict[str, Any]:
    client = connection.client
    batch_id = uuid.uuid4().hex
    for number, message in enumerate(messages, 1):
        headers = dict(message.headers)
        if number == 1:
            headers["Nats-Expected-Last-Sequence"] = str(expected)
        if len(messages) > 1:
            headers |= {"Nats-Batch-Id": batch_id, "Nats-Batch-Sequence": str(number)}
        if number < len(messages):
            await client.publish(message.subject, message.body, headers=headers)
            continue
        if len(messages) > 1:
            headers["Nats-Batch-Commit"] = "1"
        try:
            answer = await client.request(message.subject, message.body, timeout=_PUBLISH_TIMEOUT_S, headers=headers)
        except NoRespondersError as error:
            raise StaleLeader("the stream is gone") from error
        return dict(orjson.loads(answer.data))
    raise ValueError("nothing to publish")


async def publish_jobs(connection: Connection, jobs: Sequence[tuple[Enqueue, Recorded]]) -> None:
    """Puts jobs on their queues, in any order; stored jobs are not stored again within the window."""
    await asyncio.gather(*(_publish_job(connection, job, recorded) for job, recorded in jobs))


async def _publish_job(connection: Connection, job: Enqueue, recorded: Recorded) -> None:
    meta = recorded.meta
    body = orjson.dumps(
        {
            "id": job.job_id,
            "kind": job.kind,
            "payload": job.payload,
            "meta": {
                "org_id": meta.org_id,
                "actor": meta.actor,
                "correlation_id": meta.correlation_id,
                "causation_id": recorded.event_id,
                "traceparent": meta.traceparent,
            },
        }
    )
    subject = f"jobs.{job.queue}.{job.priority}.{token(meta.org_id)}"
    headers = {"Nats-Msg-Id": job.job_id}
    try:
        await connection.js.publish(subject, body, headers=headers)
    except NoStreamResponseError:
        await ensure(connection.js, jobs_of(job.queue))
        await connection.js.publish(subject, body, headers=headers)
