"""Wires the service; nothing else does."""

from __future__ import annotations

from services.scanner.adapters.process import ProcessScanner
from services.scanner.adapters.projects import AskedProjects
from services.scanner.api import routes
from services.scanner.application import Scans
from services.scanner.inbox import register
from services.scanner.published import published
from services.scanner.settings import ScannerSettings
from services.scanner.views import ScannerProjection, ScannerQueries
from shared.hosting import Infra, Module
from shared.settings import InfraSettings
from shared.web import service_app


def build(settings: InfraSettings, infra: Infra) -> Module:
    """The scanner on `infra`."""
    own = ScannerSettings()
    store = infra.event_store("scanner", ScannerProjection())
    queries = ScannerQueries(store.views)
    projects = AskedProjects(infra.messaging)
    scans = Scans(store, projects, queries)
    register(infra.messaging, scans, queries, ProcessScanner(own), concurrency=own.concurrency)
    infra.messaging.relay("scanner", store, published)
    router = routes(scans, queries, projects, infra.messaging.cancel_sync)
    app = service_app("scanner", [router], ready=infra.ready, verifier=infra.verifier)
    return Module("scanner", app, start=[store.start], stop=[store.stop])
