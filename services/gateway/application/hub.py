"""Hands contract events to the WebSocket clients that follow their project."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

from prometheus_client import Counter

from services.gateway.errors import TooManySubscriptions
from shared.messaging import Received
from shared.security.principal import Principal

MAX_PROJECTS = 100
SENT = Counter("testgen_gateway_websocket_events_total", "Events handed to WebSocket clients")
SLOW = Counter("testgen_gateway_websocket_slow_total", "WebSocket clients disconnected because they were too slow")

_Topic = tuple[str, int]
"""Organisation and project."""


class Follower:
    """One client: the events that wait for it, and whether it must go."""

    def __init__(self, principal: Principal, capacity: int) -> None:
        self.principal = principal
        self.waiting: asyncio.Queue[dict[str, Any]] = asyncio.Queue(capacity)
        self.projects: set[int] = set()
        self.too_slow = asyncio.Event()
        self.revoked = asyncio.Event()

    def offer(self, message: dict[str, Any]) -> None:
        """Queues a message; a full queue ends the connection, since a gap would go unnoticed."""
        try:
            self.waiting.put_nowait(message)
        except asyncio.QueueFull:
            self.too_slow.set()


class Hub:
    """For the event loop's one thread."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._followers: set[Follower] = set()
        self._topics: defaultdict[_Topic, set[Follower]] = defaultdict(set)

    def join(self, principal: Principal) -> Follower:
        follower = Follower(principal, self._capacity)
        self._followers.add(follower)
        return follower

    def leave(self, follower: Follower) -> None:
        for project_id in list(follower.projects):
            self.unsubscribe(follower, project_id)
        self._followers.discard(follower)

    def subscribe(self, follower: Follower, project_id: int) -> None:
        """Events of the project, in the follower's own organisation, from now on. Raises `TooManySubscriptions`."""
        if len(follower.projects) >= MAX_PROJECTS and project_id not in follower.projects:
            raise TooManySubscriptions(details={"limit": MAX_PROJECTS})
        follower.projects.add(project_id)
        self._topics[follower.principal.org_id, project_id].add(follower)

    def unsubscribe(self, follower: Follower, project_id: int) -> None:
        follower.projects.discard(project_id)
        topic = follower.principal.org_id, project_id
        self._topics[topic].discard(follower)
        if not self._topics[topic]:
            del self._topics[topic]

    def hand_out(self, received: Received) -> None:
        """Gives an event to everybody who follows its project."""
        project_id, org_id = received.event.project_id, received.meta.org_id
        followers = self._topics.get((org_id or "", project_id or 0))
        if not followers:
            return
        message = as_message(received)
        for follower in tuple(followers):
            follower.offer(message)
            SENT.inc()

    def revoke(self, key_id: int) -> None:
        """Ends the connections that were opened with an API key."""
        for follower in self._followers:
            if follower.principal.session == f"ak:{key_id}":
                follower.revoked.set()


def as_message(received: Received) -> dict[str, Any]:
    """What a client gets of an event. `sequence` grows within one `context`."""
    return {
        "type": received.event.name,
        "id": received.id,
        "context": received.context,
        "sequence": received.position,
        "project_id": received.event.project_id,
        "time": received.time.isoformat(),
        "correlation_id": received.meta.correlation_id,
        "data": received.event.model_dump(mode="json"),
    }
