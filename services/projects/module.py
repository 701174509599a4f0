"""Wires the service; nothing else does."""

from __future__ import annotations

from services.projects.api import routes
from services.projects.application import Projects
from services.projects.inbox import register
from services.projects.published import published
from services.projects.views import ProjectQueries, ProjectsProjection
from shared.hosting import Infra, Module
from shared.settings import InfraSettings
from shared.web import service_app


def build(settings: InfraSettings, infra: Infra) -> Module:
    """The projects service on `infra`."""
    store = infra.event_store("projects", ProjectsProjection())
    projects = Projects(store)
    queries = ProjectQueries(store.views)
    register(infra.messaging, projects, queries)
    infra.messaging.relay("projects", store, published)
    app = service_app("projects", [routes(projects, queries)], ready=infra.ready, verifier=infra.verifier)
    return Module("projects", app, start=[store.start], stop=[store.stop])
