"""Read model: the healing log, a row for each edit of a test and for each failure that could not be healed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

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
    RowMapping,
    Table,
    Text,
    and_,
    delete,
    distinct,
    func,
    insert,
    literal,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import UUID

from services.healer.domain.healing import Healing
from shared.eventstore import PLACEHOLDER, ReadModel, Recorded

metadata = MetaData(schema=PLACEHOLDER)
healings = Table(
    "healings",
    metadata,
    Column("aggregate_id", UUID, primary_key=True),
    Column("org_id", Text, nullable=False),
    Column("project_id", BigInteger, nullable=False, index=True),
    Column("run_id", Text, nullable=False),
)
log = Table(
    "healing_log",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("line", Integer, primary_key=True, autoincrement=False),
    Column("aggregate_id", UUID, nullable=False),
    Column("org_id", Text, nullable=False),
    Column("project_id", BigInteger, nullable=False),
    Column("run_id", Text, nullable=False),
    Column("test_id", Text, nullable=False),
    Column("endpoint_id", BigInteger),
    Column("change_type", Text),
    Column("old_value", Text),
    Column("new_value", Text),
    Column("reason", Text, nullable=False),
    Column("confidence", Float),
    Column("success", Boolean),
    Column("verdict", Text),
    Column("created_at", TIMESTAMP(timezone=True), nullable=False),
)
Index("healing_log_project", log.c.org_id, log.c.project_id, log.c.position, log.c.line)
Index("healing_log_test", log.c.aggregate_id, log.c.test_id)
Key = tuple[int, int]
_FAILED_TOO = "Edited for the new contract, the test failed as well. "


class HealingProjection:
    """Healing events → tables `healings` and `healing_log`."""

    name = "healing"
    version = 1
    metadata = metadata

    def apply(self, connection: Connection, events: Sequence[Recorded]) -> None:
        for recorded in events:
            match recorded.event:
                case Healing.Created() as event:
                    connection.execute(
                        insert(healings).values(
                            aggregate_id=event.originator_id,
                            org_id=event.org_id,
                            project_id=event.project_id,
                            run_id=event.run_id,
                        )
                    )
                case Healing.Decided() as event:
                    self._write(connection, recorded, event)
                case Healing.Confirmed() as event:
                    connection.execute(update(log).where(_of_tests(event)).values(success=True))
                case Healing.Rejected() as event:
                    self._reject(connection, event)
                case Healing.Discarded() as event:
                    for table in (log, healings):
                        connection.execute(delete(table).where(table.c.aggregate_id == event.originator_id))

    def _write(self, connection: Connection, recorded: Recorded, event: Healing.Decided) -> None:
        head = connection.execute(select(healings).where(healings.c.aggregate_id == event.originator_id)).mappings()
        common = {**head.one(), "position": recorded.position, "created_at": recorded.recorded_at}
        rows = [{**common, **line, "line": number} for number, line in enumerate(_lines(event))]
        if rows:
            connection.execute(insert(log), rows)

    def _reject(self, connection: Connection, event: Healing.Rejected) -> None:
        values: dict[str, Any] = {"success": False}
        if event.tried:
            values |= {"verdict": "regression", "reason": literal(_FAILED_TOO) + log.c.reason}
        connection.execute(update(log).where(_of_tests(event)).values(values))


def _lines(event: Healing.Decided) -> Iterator[dict[str, Any]]:
    empty = dict.fromkeys(("endpoint_id", "change_type", "old_value", "new_value", "confidence", "success", "verdict"))
    for proposal in event.proposals:
        for change in proposal["changes"]:
            yield {**empty, **change, "test_id": proposal["test_id"]}
    for item in event.unhealable:
        yield {**empty, **item, "success": False}


def _of_tests(event: Healing.Confirmed | Healing.Rejected) -> Any:
    return and_(log.c.aggregate_id == event.originator_id, log.c.test_id.in_(event.test_ids))


@dataclass(frozen=True)
class Rate:
    """Failed tests that were given to the healer, and what became of them."""

    attempted: int
    healed: int
    needs_review: int


class HealingQueries:
    """Reads the tables; every method is for one organisation."""

    def __init__(self, views: ReadModel) -> None:
        self._views = views

    def find(
        self, org_id: str, project_id: int, *, run_id: str | None, test_id: str | None, after: Key, limit: int
    ) -> tuple[Sequence[RowMapping], int]:
        """Rows after a key, oldest first, at most `limit`; and how many match in all."""
        conditions = [log.c.org_id == org_id, log.c.project_id == project_id]
        conditions += [log.c.run_id == run_id] if run_id is not None else []
        conditions += [log.c.test_id == test_id] if test_id is not None else []
        columns = [column for column in log.c if column.name not in {"aggregate_id", "org_id"}]
        with self._views.read() as connection:
            total = connection.execute(select(func.count()).select_from(log).where(*conditions)).scalar_one()
            rows = connection.execute(
                select(*columns)
                .where(*conditions, tuple_(log.c.position, log.c.line) > tuple_(*after))
                .order_by(log.c.position, log.c.line)
                .limit(limit)
            )
            return rows.mappings().all(), total

    def rate(self, org_id: str, project_id: int) -> Rate:
        """Over all runs of the project; a test that failed in two runs counts twice."""
        failure = distinct(tuple_(log.c.run_id, log.c.test_id))
        query = select(
            func.count(failure),
            func.count(failure).filter(log.c.success.is_(True)),
            func.count(failure).filter(log.c.verdict.is_not(None), log.c.verdict != "environment"),
        ).where(log.c.org_id == org_id, log.c.project_id == project_id)
        with self._views.read() as connection:
            return Rate(*connection.execute(query).one())

    def runs_of(self, org_id: str, project_id: int) -> list[str]:
        """Runs of the project that were healed or tried to be."""
        query = select(healings.c.run_id).where(healings.c.org_id == org_id, healings.c.project_id == project_id)
        with self._views.read() as connection:
            return list(connection.execute(query.order_by(healings.c.run_id)).scalars())
