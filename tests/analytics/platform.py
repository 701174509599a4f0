"""Analytics as it is hosted, with the other services' logs beside it as lists."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
from joserfc import jwt
from joserfc.jwk import OKPKey
from sqlalchemy import Engine

from services.analytics.module import build
from services.analytics.views import AnalyticsModel
from shared.contracts import ContractEvent
from shared.contracts.projects import GetProject, ProjectFound
from shared.eventstore import Metadata, Recorded
from shared.eventstore.migrations import upgrade
from shared.hosting import Infra
from shared.messaging import Messaging, Publish
from shared.messaging.positions import Positions
from shared.security import ALGORITHM, StaticKeySource, TokenVerifier
from shared.security.tokens import AUDIENCE, ISSUER
from shared.settings import InfraSettings
from shared.web import HttpClients
from tests.messaging.support import Happened, MemoryLog, published
from tests.support.waiting import eventually

KEY = OKPKey.generate_key("Ed25519", {"kid": "k"})


@dataclass
class Publishers:
    """The logs of the services whose events analytics reads."""

    logs: dict[str, MemoryLog] = field(
        default_factory=lambda: {name: MemoryLog() for name in ("projects", "scanner", "generator", "executor")}
    )

    def say(self, *events: ContractEvent, org_id: str = "org-a", at: datetime | None = None) -> None:
        for event in events:
            log = self.logs[event.context()]
            position = len(log.records) + 1
            happened = Happened((Publish(event, "thing", "1"),), position, timestamp=at or datetime.now(UTC))
            meta = Metadata(org_id=org_id, actor="ann", correlation_id="c")
            log.records.append(Recorded(position, "t.happened.v1", happened, meta))
            log._changed.set()

    def answer(self, query: GetProject) -> ProjectFound:
        """Knows no project but what the events say."""
        return ProjectFound()


@dataclass
class Running:
    """The hosted service: its HTTP interface as one organisation's owner, and its tables."""

    app: Any
    infra: Infra
    model: AnalyticsModel
    publishers: Publishers

    async def get(self, path: str, org_id: str = "org-a", **params: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token(org_id)}"}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://a") as client:
            return await client.get(path, headers=headers, params=params or None)

    async def settled(self) -> None:
        """Waits until every published event is in the tables."""
        expected = {name: len(log.records) for name, log in self.publishers.logs.items() if log.records}
        await eventually(lambda: self._positions() == expected)

    def _positions(self) -> dict[str, int]:
        with self.model.engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT source, sequence FROM analytics.consumer_positions").all()
        return {source: sequence for source, sequence in rows if sequence}


@asynccontextmanager
async def hosted(settings: InfraSettings, engine: Engine, publishers: Publishers) -> AsyncIterator[Running]:
    """Analytics with relays of the four publishers, all over the real NATS."""
    await asyncio.to_thread(upgrade, engine, "analytics")
    await asyncio.to_thread(Positions(engine, "analytics").prepare)
    messaging = Messaging(settings.nats_url, engine, grace_s=2.0)
    http = HttpClients(settings.service_url)
    infra = Infra(settings, engine, messaging, http, TokenVerifier(StaticKeySource(KEY)))
    module = build(settings, infra)
    for name, log in publishers.logs.items():
        messaging.relay(name, log, published)
    messaging.answer(GetProject, publishers.answer)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(http.close)
        for step in module.start:
            await step()
        await messaging.start()
        stack.push_async_callback(messaging.stop)
        yield Running(module.app, infra, AnalyticsModel(engine), publishers)


def token(org_id: str) -> str:
    """An owner's access token."""
    now = int(time.time())
    times = {"iat": now, "nbf": now, "exp": now + 600}
    who = {"iss": ISSUER, "aud": AUDIENCE, "sub": "u-1", "org": org_id, "role": "owner", "sid": "s-1", "jti": "j"}
    return jwt.encode({"alg": ALGORITHM, "kid": "k"}, who | times, KEY, algorithms=[ALGORITHM])


def flattened(streams: dict[str, Sequence[Any]]) -> list[Any]:
    return [event for stream in streams.values() for event in stream]
