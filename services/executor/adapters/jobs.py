"""`Jobs` on the work queues of NATS."""

from __future__ import annotations

from shared.messaging import Messaging


class QueuedJobs:
    def __init__(self, messaging: Messaging) -> None:
        self._messaging = messaging

    def cancel(self, job_id: str) -> None:
        self._messaging.cancel_sync(job_id)
