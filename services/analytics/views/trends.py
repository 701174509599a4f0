"""Trends: pass rate, coverage, healing rate and duration over a range of time, by run and by day (UTC).

Coverage at a moment of the past comes from when endpoints came and went and when tests were approved: each change
adds or takes one, running sums tell which endpoints were there and covered, and the moments asked for ride along.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Connection,
    DateTime,
    Integer,
    Select,
    case,
    cast,
    func,
    literal,
    select,
    union_all,
)

from services.analytics.views.coverage import Row, healing_rate, pass_rate, percentage, rows
from services.analytics.views.tables import endpoint_states, runs, test_case_states

RUN_LIMIT = 500
"""The newest runs of the range that are shown one by one."""
_Moment = DateTime(timezone=True)


@dataclass(frozen=True)
class TimeRange:
    """From `since` (inclusive) to `until` (exclusive)."""

    since: datetime
    until: datetime


def trends(connection: Connection, org_id: str, project_id: int, span: TimeRange) -> Row:
    """Trend points of a project by run (of the newest finished ones) and by day, oldest first."""
    head = {"project_id": project_id, "since": span.since, "until": span.until}
    by_run = rows(connection, _by_run(org_id, project_id, span))
    return {**head, "runs": by_run, "days": rows(connection, _by_day(org_id, project_id, span))}


def _finished(org_id: str, project_id: int, span: TimeRange) -> tuple[ColumnElement[bool], ...]:
    mine = (runs.c.org_id == org_id, runs.c.project_id == project_id)
    return (*mine, runs.c.finished_at >= span.since, runs.c.finished_at < span.until)


def _by_run(org_id: str, project_id: int, span: TimeRange) -> Select[Any]:
    newest = (
        select(runs.c.run_id, runs.c.finished_at, runs.c.status, runs.c.duration_s)
        .add_columns(pass_rate().label("pass_rate"), healing_rate().label("healing_rate"))
        .where(*_finished(org_id, project_id, span))
        .group_by(runs.c.project_id, runs.c.run_id)
        .order_by(runs.c.finished_at.desc(), runs.c.run_id.desc())
        .limit(RUN_LIMIT)
        .cte("newest")
    )
    past = _coverage_at(org_id, project_id, select(newest.c.finished_at.label("at")))
    at = newest.c.finished_at
    return (
        select(newest.c.run_id, at, newest.c.status, newest.c.pass_rate, past.c.coverage, newest.c.healing_rate)
        .add_columns(newest.c.duration_s)
        .join(past, past.c.at == at)
        .order_by(at, newest.c.run_id)
    )


def _by_day(org_id: str, project_id: int, span: TimeRange) -> Select[Any]:
    day = _day_of(runs.c.finished_at)
    daily = (
        select(day.label("day"), func.count().label("runs"), func.avg(runs.c.duration_s).label("duration_s"))
        .add_columns(pass_rate().label("pass_rate"), healing_rate().label("healing_rate"))
        .where(*_finished(org_id, project_id, span))
        .group_by(day)
        .cte("daily")
    )
    last = literal(span.until - timedelta(microseconds=1), _Moment)
    days = func.generate_series(_day_of(literal(span.since, _Moment)), _day_of(last), timedelta(days=1))
    calendar = select(days.column_valued("day")).cte("calendar")
    end = func.least(_utc(calendar.c.day + timedelta(days=1)), literal(span.until, _Moment))
    past = _coverage_at(org_id, project_id, select(end.label("at")), before=True)
    return (
        select(func.to_char(calendar.c.day, "YYYY-MM-DD").label("day"), func.coalesce(daily.c.runs, 0).label("runs"))
        .add_columns(daily.c.pass_rate, past.c.coverage, daily.c.healing_rate, daily.c.duration_s)
        .select_from(calendar.join(past, past.c.at == end).outerjoin(daily, daily.c.day == calendar.c.day))
        .order_by(calendar.c.day)
    )


def _utc(moment: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.timezone("UTC", moment)


def _day_of(moment: ColumnElement[Any]) -> ColumnElement[Any]:
    return func.date_trunc("day", _utc(moment))


def _coverage_at(org_id: str, project_id: int, moments: Select[Any], *, before: bool = False) -> CTE:
    """Rows (`at`, `coverage` in percent or null without endpoints), one for each distinct moment.

    With `before`, what happens at the very moment does not count yet.
    """
    asked = moments.distinct().cte()
    changes = union_all(*_changes(org_id, project_id)).cte()
    steps = _steps(changes)
    nothing = literal(0, Integer)
    rank = 0 if before else 2
    all_steps = union_all(
        select(steps.c.at, literal(1).label("rank"), steps.c.alive, steps.c.covered),
        select(asked.c.at, literal(rank), nothing, nothing),
    ).cte()
    over: dict[str, Any] = {"order_by": (all_steps.c.at, all_steps.c.rank)}
    share = percentage(func.sum(all_steps.c.covered).over(**over), func.sum(all_steps.c.alive).over(**over))
    summed = select(all_steps.c.at, all_steps.c.rank, share.label("coverage")).cte()
    return select(summed.c.at, summed.c.coverage).where(summed.c.rank == rank).cte()


def _changes(org_id: str, project_id: int) -> list[Select[Any]]:
    """Rows (endpoint_id, at, alive, approved) with what each state adds; a state ends the one before it."""
    came, tests = endpoint_states.c, test_case_states.c
    was_there = func.coalesce(func.lag(cast(came.alive, Integer)).over(**_before(came, came.endpoint_id)), 0)
    here = select(came.endpoint_id, came.at, (cast(came.alive, Integer) - was_there).label("alive"), _zero("approved"))
    here = here.where(came.org_id == org_id, came.project_id == project_id)
    earlier = _before(tests, tests.test_id)
    states = (
        select(
            tests.endpoint_id,
            tests.at,
            tests.approved,
            func.lag(tests.endpoint_id).over(**earlier).label("old_endpoint_id"),
            func.lag(tests.approved).over(**earlier).label("was_approved"),
        )
        .where(tests.org_id == org_id, tests.project_id == project_id)
        .cte()
    )
    begun = select(states.c.endpoint_id, states.c.at, _zero("alive"), literal(1)).where(states.c.approved)
    ended = select(states.c.old_endpoint_id, states.c.at, _zero("alive"), literal(-1)).where(states.c.was_approved)
    return [here, begun, ended]


def _before(columns: Any, key: ColumnElement[Any]) -> dict[str, Any]:
    return {"partition_by": key, "order_by": columns.position}


def _zero(name: str) -> ColumnElement[int]:
    return literal(0, Integer).label(name)


def _steps(changes: CTE) -> CTE:
    """How the numbers of endpoints and of covered ones move: rows (at, alive, covered), both as differences."""
    by_endpoint = (
        select(changes.c.endpoint_id, changes.c.at)
        .add_columns(func.sum(changes.c.alive).label("alive"), func.sum(changes.c.approved).label("approved"))
        .group_by(changes.c.endpoint_id, changes.c.at)
        .cte()
    )
    so_far: dict[str, Any] = {"partition_by": by_endpoint.c.endpoint_id, "order_by": by_endpoint.c.at}
    there = func.sum(by_endpoint.c.alive).over(**so_far) > 0
    approved = func.sum(by_endpoint.c.approved).over(**so_far) > 0
    on = case((there & approved, 1), else_=0).label("on")
    flags = select(by_endpoint.c.endpoint_id, by_endpoint.c.at, by_endpoint.c.alive, on).cte()
    was_on = func.lag(flags.c.on).over(partition_by=flags.c.endpoint_id, order_by=flags.c.at)
    return select(flags.c.at, flags.c.alive, (flags.c.on - func.coalesce(was_on, 0)).label("covered")).cte()
