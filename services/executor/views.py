"""Read model: a row per run, and a row per test of a run (there from planning on, so that no test can have two)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import (
    TIMESTAMP,
    BigInteger,
    Boolean,
    Column,
    Connection,
    Float,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import JSONB, UUID

from services.executor.domain import Run, Shard, is_healable, public_id
from shared.eventstore import PLACEHOLDER, ReadModel, Recorded

metadata = MetaData(schema=PLACEHOLDER)
runs = Table(
    "runs",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False, unique=True),
    Column("aggregate_id", UUID, nullable=False, unique=True),
    Column("org_id", Text, nullable=False),
    Column("project_id", BigInteger, nullable=False),
    Column("requested_by", Text, nullable=False),
    Column("phase", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("options", JSONB, nullable=False),
    Column("base_url", Text),
    Column("total", Integer, nullable=False, default=0),
    Column("passed", Integer, nullable=False, default=0),
    Column("failed", Integer, nullable=False, default=0),
    Column("skipped", Integer, nullable=False, default=0),
    Column("healed", Integer, nullable=False, default=0),
    Column("healing_attempted", Integer, nullable=False, default=0),
    Column("requested_at", TIMESTAMP(timezone=True), nullable=False),
    Column("started_at", TIMESTAMP(timezone=True)),
    Column("completed_at", TIMESTAMP(timezone=True)),
    Column("duration_s", Float),
    Column("error_code", Text),
    Column("error_message", Text),
)
Index("runs_project", runs.c.org_id, runs.c.project_id, runs.c.number)

results = Table(
    "results",
    metadata,
    Column("run_id", Text, primary_key=True),
    Column("test_id", Text, primary_key=True),
    Column("org_id", Text, nullable=False),
    Column("project_id", BigInteger, nullable=False),
    Column("endpoint_id", BigInteger, nullable=False),
    Column("title", Text, nullable=False),
    Column("test_type", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("definition", Text, nullable=False),
    Column("status", Text),
    Column("healable", Boolean, nullable=False, default=False),
    Column("duration_s", Float),
    Column("error_code", Text),
    Column("error_message", Text),
    Column("assertions", JSONB(none_as_null=True)),
    Column("exchanges", JSONB(none_as_null=True)),
    Column("metrics", JSONB(none_as_null=True)),
    Column("changes", JSONB(none_as_null=True)),
    Column("healing_action", Text),
    Column("healing_tried", Boolean, nullable=False, default=False),
    Column("recorded_at", TIMESTAMP(timezone=True)),
)
Index("results_status", results.c.run_id, results.c.status, results.c.test_id)
_OUTCOME = (
    "status", "duration_s", "error_code", "error_message", "assertions", "exchanges", "metrics", "changes",
    "healing_action",
)  # fmt: skip
_DESCRIPTION = ("test_id", "endpoint_id", "title", "test_type", "category", "definition")


class ExecutorProjection:
    """Events of runs and shards → tables `runs` and `results`."""

    name = "runs"
    version = 1
    metadata = metadata

    def apply(self, connection: Connection, events: Sequence[Recorded]) -> None:
        for recorded in events:
            match recorded.event:
                case Run.Event() as event:
                    _apply_run(connection, event)
                case Shard.Created(kind="tests") as event:
                    connection.execute(insert(results), [_planned(event, test) for test in event.tests])
                case Shard.ResultsRecorded() as event:
                    _apply_results(connection, event)


def _apply_run(connection: Connection, event: Run.Event) -> None:
    match event:
        case Run.Created():
            connection.execute(insert(runs).values(_created(event)))
            return
        case Run.Deleted():
            gone = select(runs.c.id).where(runs.c.aggregate_id == event.originator_id).scalar_subquery()
            connection.execute(delete(results).where(results.c.run_id == gone))
            connection.execute(delete(runs).where(runs.c.aggregate_id == event.originator_id))
            return
        case Run.Planned():
            values: dict[str, Any] = {
                "phase": "planned",
                "total": event.total,
                "started_at": event.started_at,
                "base_url": event.base_url,
            }
        case Run.HealingRequested():
            values = {"phase": "healing", "healing_attempted": event.failures}
        case Run.Finished():
            values = _finished(event)
        case _:
            return
    connection.execute(update(runs).where(runs.c.aggregate_id == event.originator_id).values(values))


def _created(event: Run.Created) -> dict[str, Any]:
    return {
        "number": event.number,
        "id": public_id(event.number),
        "aggregate_id": event.originator_id,
        "org_id": event.org_id,
        "project_id": event.project_id,
        "requested_by": event.requested_by,
        "phase": "requested",
        "status": "Running",
        "options": event.options,
        "requested_at": event.requested_at,
    }


def _finished(event: Run.Finished) -> dict[str, Any]:
    return {
        "phase": "ended",
        "status": event.status,
        **{name.lower(): event.counts.get(name, 0) for name in ("Passed", "Failed", "Skipped", "Healed")},
        "started_at": event.started_at,
        "completed_at": event.completed_at,
        "duration_s": event.duration_s,
        "error_code": event.error_code,
        "error_message": event.error_message,
    }


def _planned(event: Shard.Created, test: Mapping[str, Any]) -> dict[str, Any]:
    own = {"run_id": event.run_id, "org_id": event.org_id, "project_id": event.project_id}
    # as text: a definition may hold NUL characters (tests of bad input do), which JSONB refuses
    described = {name: test[name] for name in _DESCRIPTION}
    return own | described | {"definition": orjson.dumps(test["definition"]).decode()}


def _apply_results(connection: Connection, event: Shard.ResultsRecorded) -> None:
    change: Counter[str] = Counter()
    for result in event.results:
        change[result["status"].lower()] += 1
        if result["status"] == "Healed":
            change[result["was"].lower()] -= 1
    if event.results:
        statement = (
            update(results)
            .where(results.c.run_id == event.run_id, results.c.test_id == bindparam("of_test"))
            .values({name: bindparam(f"new_{name}") for name in (*_OUTCOME, "healable", "recorded_at")})
        )
        connection.execute(statement, [_outcome(result, event) for result in event.results])
        counted = {name: runs.c[name] + number for name, number in change.items()}
        connection.execute(update(runs).where(runs.c.id == event.run_id).values(counted))
    if event.tried:
        connection.execute(
            update(results)
            .where(results.c.run_id == event.run_id, results.c.test_id.in_(event.tried))
            .values(healing_tried=True)
        )


def _outcome(result: Mapping[str, Any], event: Shard.ResultsRecorded) -> dict[str, Any]:
    values = {f"new_{name}": result.get(name) for name in _OUTCOME}
    return values | {
        "of_test": result["test_id"],
        "new_healable": is_healable(result),
        "new_recorded_at": event.timestamp,
    }


class RunQueries:
    """Reads the tables; every method is for one organisation."""

    def __init__(self, views: ReadModel) -> None:
        self._views = views

    def get(self, org_id: str, project_id: int, run_id: str) -> Mapping[str, Any] | None:
        """The run's row, or None."""
        with self._views.read() as connection:
            query = select(runs).where(runs.c.id == run_id, runs.c.org_id == org_id, runs.c.project_id == project_id)
            row = connection.execute(query).mappings().one_or_none()
            return None if row is None else dict(row)

    def find(
        self, org_id: str, project_id: int, *, status: str | None, before: int | None, limit: int
    ) -> tuple[Sequence[Mapping[str, Any]], int]:
        """Rows by falling number, under `before`, at most `limit`; and how many match in all."""
        conditions = [runs.c.org_id == org_id, runs.c.project_id == project_id]
        if status is not None:
            conditions.append(runs.c.status == status)
        page = list(conditions) if before is None else [*conditions, runs.c.number < before]
        with self._views.read() as connection:
            total = connection.execute(select(func.count()).select_from(runs).where(*conditions)).scalar_one()
            rows = connection.execute(select(runs).where(*page).order_by(runs.c.number.desc()).limit(limit))
            return [dict(row) for row in rows.mappings()], total

    def of_project(self, org_id: str, project_id: int) -> Sequence[str]:
        """The ids of a project's runs."""
        with self._views.read() as connection:
            query = select(runs.c.id).where(runs.c.org_id == org_id, runs.c.project_id == project_id)
            return connection.execute(query.order_by(runs.c.number)).scalars().all()

    def results(
        self, org_id: str, run_id: str, *, status: str | None, after: str, limit: int
    ) -> tuple[Sequence[Mapping[str, Any]], int]:
        """Results with a test id over `after`, by test id, at most `limit`; and how many match in all."""
        conditions = [results.c.org_id == org_id, results.c.run_id == run_id, results.c.status.is_not(None)]
        if status is not None:
            conditions.append(results.c.status == status)
        shown = [column for column in results.c if column.name not in ("definition", "org_id", "healable")]
        with self._views.read() as connection:
            total = connection.execute(select(func.count()).select_from(results).where(*conditions)).scalar_one()
            page = select(*shown).where(*conditions, results.c.test_id > after)
            rows = connection.execute(page.order_by(results.c.test_id).limit(limit))
            return [dict(row) for row in rows.mappings()], total

    def failures(
        self, org_id: str, run_id: str, *, after: str = "", tests: Sequence[str] | None = None, limit: int = 50
    ) -> Sequence[Mapping[str, Any]]:
        """What the healer may look at, by test id, with definitions; `tests` names some of them."""
        conditions = [results.c.org_id == org_id, results.c.run_id == run_id, results.c.healable]
        if tests is not None:
            conditions.append(results.c.test_id.in_(tests))
        with self._views.read() as connection:
            page = select(results).where(*conditions, results.c.test_id > after)
            rows = connection.execute(page.order_by(results.c.test_id).limit(limit)).mappings()
            return [dict(row) for row in rows]
