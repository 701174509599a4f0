"""Follows the events of all services, for as long as the process lives."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from services.gateway.application.hub import Hub
from services.gateway.application.keys import ApiKeys
from shared.contracts import CONTRACT_EVENTS
from shared.contracts.auth import ApiKeyRevoked
from shared.messaging import Messaging, Received
from shared.observability import get_logger

_PAUSE_SECONDS = 1.0
log = get_logger(__name__)


def follower_of_events(messaging: Messaging, hub: Hub, keys: ApiKeys) -> Callable[[], Awaitable[None]]:
    """A task that hands every event of a project to the hub and every revoked key to whoever holds it."""
    events = [event for event in CONTRACT_EVENTS.values() if event.context() != "auth"]

    def handle(received: Received) -> None:
        if isinstance(received.event, ApiKeyRevoked):
            keys.revoke(received.event.key_id)
            hub.revoke(received.event.key_id)
        else:
            hub.hand_out(received)

    async def follow() -> None:
        while True:
            try:
                async with messaging.tail([*events, ApiKeyRevoked]) as tail:
                    async for received in tail:
                        handle(received)
            except Exception as error:  # noqa: BLE001 - whatever NATS does, the gateway goes on
                log.warning("following events starts again", error=repr(error))
                await asyncio.sleep(_PAUSE_SECONDS)

    return follow
