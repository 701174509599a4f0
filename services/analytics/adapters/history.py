"""The events of all publishers that the read model is made of, from their streams."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from services.analytics.views import EVENTS
from shared.contracts import ContractEvent
from shared.messaging import Messaging, Received
from shared.messaging.messages import BEGINNING, Order
from shared.messaging.tail import history

Reached = dict[str, Order]
"""How far each publisher's stream has been read."""
CONTEXTS: tuple[str, ...] = tuple(sorted({event.context() for event in EVENTS}))


async def history_of(
    messaging: Messaging, after: Mapping[str, Order], org_id: str | None = None
) -> AsyncIterator[list[Received]]:
    """Batches of what was published after the given positions, each batch of one publisher and in its order.

    With `org_id` only that organisation's events are read.
    """
    for context in CONTEXTS:
        wanted: list[type[ContractEvent]] = [event for event in EVENTS if event.context() == context]
        async for batch in history(messaging.connection, wanted, context, after.get(context, BEGINNING), org_id):
            yield batch
