"""Wires the service; nothing else does."""

from __future__ import annotations

from services.healer.adapters.queries import AskedEvidence, AskedProjects
from services.healer.api import routes
from services.healer.application import Healings
from services.healer.inbox import register
from services.healer.published import publisher
from services.healer.settings import HealerSettings
from services.healer.views import HealingProjection, HealingQueries
from shared.hosting import Infra, Module
from shared.settings import InfraSettings
from shared.web import service_app


def build(_settings: InfraSettings, infra: Infra) -> Module:
    """The healer on `infra`."""
    own = HealerSettings()
    store = infra.event_store("healer", HealingProjection())
    healings = Healings(store, AskedEvidence(infra.messaging), own.least_confidence)
    queries = HealingQueries(store.views)
    register(infra.messaging, healings, queries, concurrency=own.concurrency)
    infra.messaging.relay("healer", store, publisher(store))
    router = routes(queries, AskedProjects(infra.messaging))
    app = service_app("healer", [router], ready=infra.ready, verifier=infra.verifier)
    return Module("healer", app, start=[store.start], stop=[store.stop])
