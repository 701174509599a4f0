"""Rebuilding a service's read model from the events, beside the live one, while the service runs elsewhere."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Callable
from dataclasses import dataclass, field

from shared.eventstore import EventStore, Projection, ReadModel
from shared.hosting.host import HostError
from shared.hosting.infra import Infra
from shared.hosting.module import builder, service_names
from shared.settings import InfraSettings

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Replayed:
    """`before` and `after` are digests of all rows of the old and the new tables."""

    events: int
    before: str
    after: str

    @property
    def equal(self) -> bool:
        """Whether the rebuilt tables hold what the live ones held. Writes in between may make a difference."""
        return self.before == self.after


@dataclass(frozen=True)
class _Noting(Infra):
    """Notes which event stores a module makes; nothing is started."""

    stores: list[EventStore] = field(default_factory=list)

    def event_store(self, service: str, projection: Projection | None = None) -> EventStore:
        store = super().event_store(service, projection)
        self.stores.append(store)
        return store


async def replay(settings: InfraSettings, service: str, progress: Progress = lambda _: None) -> Replayed:
    """Rebuilds the read model and flips to it.

    A service whose read model follows its own log needs nothing more; one that follows the others' events has an
    `async rebuild(infra, progress)` in its module. Raises HostError where there is nothing to rebuild.
    """
    if service not in service_names():
        raise HostError(f"no such service: {service}; known are {', '.join(service_names())}")
    infra = _Noting.of(settings, f"replay {service}")
    try:
        own = getattr(importlib.import_module(f"services.{service}.module"), "rebuild", None)
        if own is not None:
            await infra.messaging.start()
            try:
                done = await own(infra, progress)
            finally:
                await infra.messaging.stop()
            return Replayed(done.events, done.before, done.after)
        return await asyncio.to_thread(_rebuild, _read_model(settings, service, infra), progress)
    finally:
        await infra.close()


def _read_model(settings: InfraSettings, service: str, infra: _Noting) -> ReadModel:
    builder(service)(settings, infra)
    models = [store.read_model for store in infra.stores if store.read_model is not None]
    if not models:
        raise HostError(f"{service} has no read model")
    return models[0]


def _rebuild(model: ReadModel, progress: Progress) -> Replayed:
    before = model.checksum()
    events = model.rebuild(progress)
    return Replayed(events, before, model.checksum())
