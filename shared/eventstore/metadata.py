"""Who and what an event belongs to: carried in a context variable from the edge to the stored event."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Metadata:
    """`org_id` is the tenant; `actor` a user id or a service's name; `traceparent` as in W3C Trace Context."""

    org_id: str | None = None
    actor: str | None = None
    correlation_id: str = ""
    causation_id: str | None = None
    traceparent: str | None = None

    def as_json(self) -> dict[str, str]:
        """The fields that are set."""
        return {key: value for key, value in asdict(self).items() if value}

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> Self:
        """The reverse of `as_json`; unknown keys of a newer version are ignored."""
        return cls(**{key: state[key] for key in cls.__slots__ if key in state})


_CURRENT: ContextVar[Metadata | None] = ContextVar("testgen_metadata", default=None)


def current_metadata() -> Metadata:
    """The metadata of the request, message or job that is being handled; a fresh correlation id outside of any."""
    return _CURRENT.get() or Metadata(correlation_id=str(uuid.uuid4()))


@contextmanager
def use_metadata(metadata: Metadata) -> Iterator[Metadata]:
    """Makes `metadata` the current one inside the block, in this thread or task and those it starts."""
    token = _CURRENT.set(metadata)
    try:
        yield metadata
    finally:
        _CURRENT.reset(token)
