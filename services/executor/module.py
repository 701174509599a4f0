"""Wires the service; nothing else does."""

from __future__ import annotations

from services.executor.adapters.catalogue import RemoteCatalogue
from services.executor.adapters.http_engine import HttpEngine
from services.executor.adapters.jobs import QueuedJobs
from services.executor.api import routes
from services.executor.application import Performer, Planner, Runs
from services.executor.domain import Run
from services.executor.inbox import register
from services.executor.published import publisher
from services.executor.settings import ExecutorSettings
from services.executor.views import ExecutorProjection, RunQueries
from shared.eventstore import EventStore, Recorded
from shared.hosting import Infra, Module
from shared.security import TargetPolicy
from shared.security.sealing import Sealer
from shared.settings import InfraSettings
from shared.web import service_app


def build(settings: InfraSettings, infra: Infra) -> Module:
    """The executor service on `infra`."""
    own = ExecutorSettings()
    store = infra.event_store("executor", ExecutorProjection())
    queries = RunQueries(store.views)
    catalogue = RemoteCatalogue(infra.messaging)
    sealer = Sealer.from_file(own.secrets_key_file or settings.data_dir / "executor" / "secrets.key")
    policy = TargetPolicy(allow_loopback=own.allow_loopback, allow_private=own.allow_private)
    engine = HttpEngine(policy, per_host=own.per_host)
    runs = Runs(store, catalogue, queries, sealer, QueuedJobs(infra.messaging))
    planner = Planner(store, catalogue, engine, sealer)
    performer = Performer(store, engine, sealer)
    register(infra.messaging, runs, planner, performer, queries, own.shards_at_once)
    infra.messaging.relay("executor", store, publisher(lambda recorded: _run_after(store, recorded)))
    app = service_app("executor", [routes(runs, queries)], ready=infra.ready, verifier=infra.verifier)
    return Module("executor", app, start=[store.start], stop=[store.stop])


def _run_after(store: EventStore, recorded: Recorded) -> Run:
    return store.load(Run, recorded.event.originator_id, recorded.event.originator_version)
