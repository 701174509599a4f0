"""What analytics listens to: the events of scanner, generator, executor and projects, straight into the tables."""

from __future__ import annotations

from services.analytics.views import CONSUMER, EVENTS, AnalyticsModel
from shared.messaging import Messaging

_BATCH = 500


def listen(messaging: Messaging, model: AnalyticsModel) -> None:
    """Registers the projection; rows and positions are written in one transaction."""
    messaging.subscribe("analytics", CONSUMER, EVENTS, model.write, batch=_BATCH)
