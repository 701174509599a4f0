"""Wires analytics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from services.analytics import inbox
from services.analytics.adapters.past import ReplayedPast
from services.analytics.adapters.projects import AskedProjects
from services.analytics.adapters.rebuild import Rebuild, Rebuilt
from services.analytics.api import analytics_router, projects_router
from services.analytics.views import AnalyticsModel
from shared.hosting import Infra, Module
from shared.settings import InfraSettings
from shared.web import service_app

NAME = "analytics"


def build(settings: InfraSettings, infra: Infra) -> Module:
    """The service on the given infrastructure."""
    del settings
    model = AnalyticsModel(infra.engine)
    past = ReplayedPast(infra.engine, infra.messaging)
    directory = AskedProjects(infra.messaging)
    inbox.listen(infra.messaging, model)
    routers = [projects_router(model, past, directory), analytics_router(model, past, directory)]
    app = service_app(NAME, routers, ready=infra.ready, verifier=infra.verifier)
    return Module(NAME, app, start=[lambda: asyncio.to_thread(model.ensure_built)])


async def rebuild(infra: Infra, progress: Callable[[int], None] = lambda _: None) -> Rebuilt:
    """Rebuilds the read model while the service serves; `infra.messaging` must be started."""
    return await Rebuild(AnalyticsModel(infra.engine), infra.messaging, progress).run()
