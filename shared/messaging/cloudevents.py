"""Contract events as CloudEvents 1.0 in NATS binary mode: attributes in `ce-` headers, the contract's JSON as body."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote, unquote

from nats.aio.msg import Msg
from pydantic import ValidationError

from shared.contracts import CONTRACT_EVENTS, ContractEvent
from shared.eventstore import Metadata, Recorded
from shared.messaging.errors import Undecodable
from shared.messaging.messages import Order, Publish, Received

_PLAIN = "".join(sorted(set(string.printable) - set("%\r\n\t\x0b\x0c")))
_NOT_A_TOKEN = re.compile(r"[^A-Za-z0-9_\-]")
NO_ORG = "-"
"""Subject token of events that belong to no organisation."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message as it goes to the stream."""

    subject: str
    headers: dict[str, str]
    body: bytes
    order: Order

    @property
    def size(self) -> int:
        """Bytes on the wire, roughly."""
        return len(self.body) + len(self.subject) + sum(len(k) + len(v) + 4 for k, v in self.headers.items())


def token(text: str | None) -> str:
    """Any text as one token of a subject."""
    return _NOT_A_TOKEN.sub("_", text) if text else NO_ORG


def event_token(name: str) -> str:
    """`executor.run_finished.v1` is `run_finished-v1` at the end of its subject."""
    return name.split(".", 1)[1].replace(".", "-")


def subject_filter(event: type[ContractEvent], org_id: str | None = None) -> str:
    """The subjects of an event class, of every organisation unless one is named."""
    org = token(org_id) if org_id else "*"
    return f"testgen.{org}.{event.context()}.*.*.{event_token(event.name)}"


def encode(publish: Publish, recorded: Recorded, index: int, service: str) -> Outgoing:
    """`index` counts the contract events that one domain event gives."""
    meta, event = recorded.meta, publish.event
    event_id = recorded.event_id if index == 0 else f"{recorded.event_id}-{index}"
    attributes = {
        "ce-specversion": "1.0",
        "ce-id": event_id,
        "ce-source": f"/testgen/{service}",
        "ce-type": event.name,
        "ce-time": recorded.event.timestamp.astimezone(UTC).isoformat(),
        "ce-subject": f"{publish.aggregate}/{publish.aggregate_id}",
        "ce-sequence": str(recorded.position),
        "ce-sequenceindex": str(index),
        "ce-orgid": meta.org_id,
        "ce-actor": meta.actor,
        "ce-correlationid": meta.correlation_id,
        "ce-causationid": meta.causation_id,
        "traceparent": meta.traceparent,
        "content-type": "application/json",
        "Nats-Msg-Id": event_id,
    }
    aggregate = f"{token(publish.aggregate)}.{token(publish.aggregate_id)}"
    subject = f"testgen.{token(meta.org_id)}.{event.context()}.{aggregate}.{event_token(event.name)}"
    headers = {key: quote(value, safe=_PLAIN) for key, value in attributes.items() if value}
    return Outgoing(subject, headers, event.model_dump_json().encode(), (recorded.position, index))


def order_of(headers: Mapping[str, str] | None) -> Order:
    """The publisher's log position in a message's headers; raises `Undecodable`."""
    try:
        return int((headers or {})["ce-sequence"]), int((headers or {}).get("ce-sequenceindex", "0"))
    except (KeyError, ValueError) as error:
        raise Undecodable(f"no usable ce-sequence: {error}") from error


def decode(message: Msg) -> Received:
    """Raises `Undecodable` with the reason."""
    headers = {key: unquote(value) for key, value in (message.headers or {}).items()}
    position, index = order_of(headers)
    event_class = CONTRACT_EVENTS.get(headers.get("ce-type", ""))
    if event_class is None:
        raise Undecodable(f"unknown event type {headers.get('ce-type')!r}")
    try:
        event = event_class.model_validate_json(message.data)
        time = datetime.fromisoformat(headers["ce-time"])
    except (ValidationError, KeyError, ValueError) as error:
        raise Undecodable(f"not a {event_class.name}: {error}") from error
    return Received(
        event=event,
        meta=_metadata(headers),
        position=position,
        id=headers.get("ce-id", ""),
        time=time,
        subject=message.subject,
        index=index,
        stream_sequence=message.metadata.sequence.stream if message.reply else 0,
    )


def _metadata(headers: Mapping[str, str]) -> Metadata:
    return Metadata(
        org_id=headers.get("ce-orgid"),
        actor=headers.get("ce-actor"),
        correlation_id=headers.get("ce-correlationid") or headers.get("ce-id", ""),
        causation_id=headers.get("ce-causationid"),
        traceparent=headers.get("traceparent"),
    )
