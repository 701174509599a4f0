"""Messaging: contract events to JetStream and back, work queues, and queries between services."""

from shared.messaging.deadletter import DeadLetter
from shared.messaging.errors import PermanentFailure, QueryFailed, QueryUnavailable, RetryLater
from shared.messaging.jobs import Job
from shared.messaging.messages import Enqueue, Publish, Received
from shared.messaging.messaging import Messaging
from shared.messaging.relay import Relay
from shared.messaging.tail import EventTail

__all__ = [
    "DeadLetter",
    "Enqueue",
    "EventTail",
    "Job",
    "Messaging",
    "PermanentFailure",
    "Publish",
    "QueryFailed",
    "QueryUnavailable",
    "Received",
    "Relay",
    "RetryLater",
]
