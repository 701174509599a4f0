"""Tables of the read model.

A column's `merge` says what a later event does to it: `latest` (the default; an event that knows nothing of it leaves
it), `first` (the first known value stays) or `replace` (every event decides, also to null).
"""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    Index,
    Integer,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from shared.eventstore import PLACEHOLDER

Merge = Literal["latest", "first", "replace"]

metadata = MetaData(schema=PLACEHOLDER)


def _column(name: str, kind: Any, merge: Merge = "latest") -> Column[Any]:
    return Column(name, kind, info={"merge": merge}, nullable=True)


def _always(name: str, kind: Any) -> Column[Any]:
    return Column(name, kind, info={"merge": "replace"}, nullable=False)


def _moment(name: str, merge: Merge) -> Column[Any]:
    return _column(name, DateTime(timezone=True), merge)


projects = Table(
    "projects",
    metadata,
    _always("project_id", BigInteger),
    _always("org_id", Text),
    _column("name", Text),
    _column("coverage_threshold", Float),
    _moment("created_at", "first"),
    _always("deleted", Boolean),
    _always("position", BigInteger),
    PrimaryKeyConstraint("project_id"),
)
"""A deleted project's row stays as a tombstone: what other publishers still say of it is dropped."""

endpoints = Table(
    "endpoints",
    metadata,
    _always("project_id", BigInteger),
    _always("endpoint_id", BigInteger),
    _always("org_id", Text),
    _column("method", Text),
    _column("path", Text),
    _moment("discovered_at", "first"),
    _moment("removed_at", "replace"),
    _always("position", BigInteger),
    PrimaryKeyConstraint("project_id", "endpoint_id"),
)

endpoint_states = Table(
    "endpoint_states",
    metadata,
    _always("project_id", BigInteger),
    _always("endpoint_id", BigInteger),
    _always("position", BigInteger),
    _always("org_id", Text),
    _always("alive", Boolean),
    _always("at", DateTime(timezone=True)),
    PrimaryKeyConstraint("project_id", "endpoint_id", "position"),
)
"""When endpoints came and went: what coverage in the past is computed from."""

test_cases = Table(
    "test_cases",
    metadata,
    _always("project_id", BigInteger),
    _always("test_id", Text),
    _always("org_id", Text),
    _column("endpoint_id", BigInteger),
    _column("test_type", Text),
    _column("category", Text),
    _column("priority", Text),
    _column("status", Text),
    _column("needs_review", Boolean),
    _always("deleted", Boolean),
    _always("position", BigInteger),
    PrimaryKeyConstraint("project_id", "test_id"),
    Index("test_cases_endpoint", "project_id", "endpoint_id"),
)

test_case_states = Table(
    "test_case_states",
    metadata,
    _always("project_id", BigInteger),
    _always("test_id", Text),
    _always("position", BigInteger),
    _always("org_id", Text),
    _column("endpoint_id", BigInteger, "replace"),
    _always("approved", Boolean),
    _always("at", DateTime(timezone=True)),
    PrimaryKeyConstraint("project_id", "test_id", "position"),
)
"""When test cases were approved and when no longer."""

runs = Table(
    "runs",
    metadata,
    _always("project_id", BigInteger),
    _always("run_id", Text),
    _always("org_id", Text),
    _column("status", Text),
    _column("total", Integer),
    _column("passed", Integer),
    _column("failed", Integer),
    _column("skipped", Integer),
    _column("healed", Integer),
    _column("healing_attempts", Integer),
    _column("duration_s", Float),
    _moment("requested_at", "first"),
    _moment("finished_at", "latest"),
    _always("position", BigInteger),
    PrimaryKeyConstraint("project_id", "run_id"),
    Index("runs_finished", "project_id", "finished_at"),
)

results = Table(
    "results",
    metadata,
    _always("project_id", BigInteger),
    _always("run_id", Text),
    _always("test_id", Text),
    _always("org_id", Text),
    _always("endpoint_id", BigInteger),
    _always("test_type", Text),
    _always("status", Text),
    _always("duration_s", Float),
    _always("position", BigInteger),
    PrimaryKeyConstraint("project_id", "run_id", "test_id"),
)

TABLES: tuple[Table, ...] = tuple(metadata.sorted_tables)
