"""Wires the service; nothing else does."""

from __future__ import annotations

from services.generator.adapters.catalogue import RemoteCatalogue
from services.generator.adapters.code.pytest_file import PytestFile
from services.generator.adapters.rules.writer import RuleWriter
from services.generator.api import bulk_routes, generation_routes, list_routes, test_case_routes
from services.generator.application import Generation, TestCases
from services.generator.inbox import register
from services.generator.published import published
from services.generator.settings import GeneratorSettings
from services.generator.views import GeneratorProjection, TestCaseQueries
from shared.hosting import Infra, Module
from shared.settings import InfraSettings
from shared.web import service_app


def build(settings: InfraSettings, infra: Infra) -> Module:
    """The generator service on `infra`."""
    del settings
    own = GeneratorSettings()
    messaging = infra.messaging
    store = infra.event_store("generator", GeneratorProjection())
    queries = TestCaseQueries(store.views)
    catalogue = RemoteCatalogue(messaging)
    generation = Generation(store, queries, catalogue, RuleWriter())
    cases = TestCases(store, queries)
    register(messaging, generation, cases, queries, concurrency=own.concurrency)
    messaging.relay("generator", store, published)

    def project_exists(org_id: str, project_id: int) -> bool:
        return catalogue.project(org_id, project_id) is not None

    routers = [
        generation_routes(generation, queries, messaging.cancel_sync),
        bulk_routes(cases),
        list_routes(queries, project_exists),
        test_case_routes(cases, queries, PytestFile()),
    ]
    app = service_app("generator", routers, ready=infra.ready, verifier=infra.verifier)
    return Module("generator", app, start=[store.start], stop=[store.stop])
