"""CloudEvents on the wire: whatever goes in comes out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.aio.client import Client
from nats.aio.msg import Msg

from shared.contracts.scanner import ScanProgressed
from shared.eventstore import Metadata, Recorded
from shared.messaging import Publish
from shared.messaging.cloudevents import Outgoing, decode, encode, token
from shared.messaging.errors import Undecodable
from shared.messaging.publishing import BATCH_BYTES, BATCH_MESSAGES, chunks
from tests.messaging.support import Happened

TEXT = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
MAYBE = st.none() | TEXT
METADATA = st.builds(Metadata, org_id=MAYBE, actor=MAYBE, correlation_id=TEXT, causation_id=MAYBE, traceparent=MAYBE)
TIMES = st.datetimes(
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001  # hypothesis adds the zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


def received(outgoing: Outgoing) -> Msg:
    return Msg(_client=Client(), subject=outgoing.subject, headers=dict(outgoing.headers), data=outgoing.body)


@given(METADATA, TIMES, st.integers(1, 2**60), st.integers(0, 400), TEXT, TEXT)
def test_everything_survives_the_journey(
    meta: Metadata, at: datetime, position: int, index: int, message: str, aggregate_id: str
) -> None:
    event = ScanProgressed(project_id=1, job_id="j", progress=2, endpoints_found=3, message=message)
    recorded = Recorded(position, "t", Happened((), position, timestamp=at), meta)
    outgoing = encode(Publish(event, "job", aggregate_id), recorded, index, "scanner")
    got = decode(received(outgoing))
    assert (got.event, got.meta, got.time, got.order) == (event, meta, at, (position, index))
    assert len(outgoing.subject.split(".")) == 6
    assert all(ord(c) >= 32 for value in outgoing.headers.values() for c in value)


@given(MAYBE)
def test_any_text_is_one_token_of_a_subject(text: str | None) -> None:
    made = token(text)
    assert made
    assert not set(made) & set(" .*>\r\n\t")


@given(st.lists(st.integers(0, 700_000), max_size=1200))
def test_chunks_keep_order_and_limits(sizes: list[int]) -> None:
    body = b"x" * 700_000
    messages = [Outgoing("s", {}, body[:size], (number, 0)) for number, size in enumerate(sizes)]
    made = list(chunks(messages))
    assert [message for chunk in made for message in chunk] == messages
    for chunk in made:
        assert 1 <= len(chunk) <= BATCH_MESSAGES
        assert len(chunk) == 1 or sum(message.size for message in chunk) <= BATCH_BYTES


@pytest.mark.parametrize(
    "headers",
    [
        None,
        {},
        {"ce-sequence": "x"},
        {"ce-sequence": "1", "ce-type": "no.such.v1"},
        {"ce-sequence": "1", "ce-type": ScanProgressed.name},
        {"ce-sequence": "1", "ce-type": ScanProgressed.name, "ce-time": "yesterday"},
    ],
)
def test_what_is_no_event_is_refused(headers: dict[str, str] | None) -> None:
    body = b'{"project_id": 1, "job_id": "j", "progress": 1, "endpoints_found": 1}'
    with pytest.raises(Undecodable):
        decode(Msg(_client=Client(), subject="s", headers=headers, data=body))


def test_offsets_of_time_are_normalised() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=1)
    recorded = Recorded(1, "t", Happened((), 1, timestamp=at), Metadata(correlation_id="c"))
    event = ScanProgressed(project_id=1, job_id="j", progress=2, endpoints_found=3)
    assert encode(Publish(event, "job", "j"), recorded, 0, "scanner").headers["ce-time"].endswith("+00:00")
