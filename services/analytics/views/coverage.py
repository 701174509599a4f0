"""Coverage: which endpoints have approved tests, and which ones a run exercised. Percentages are 0..100."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import CTE, ColumnElement, Connection, Executable, Select, case, cast, func, or_, select
from sqlalchemy.types import Float

from services.analytics.views.tables import endpoints, projects, results, runs, test_cases

Row = dict[str, Any]
DEFAULT_THRESHOLD = 80.0
"""Of a project whose own events are not here yet, percent."""
TEST_TYPES = ("Functional", "Security", "Performance")


def percentage(part: ColumnElement[Any], whole: ColumnElement[Any]) -> ColumnElement[Any]:
    """`part` of `whole` in percent; null where there is no whole."""
    return 100.0 * cast(part, Float) / func.nullif(cast(whole, Float), 0.0)


def rows(connection: Connection, statement: Executable) -> list[Row]:
    """The rows of a query as dictionaries."""
    return [dict(row) for row in connection.execute(statement).mappings()]


def live_endpoints(org_id: str, project_ids: Sequence[int] | None = None) -> CTE:
    """Endpoints that are there now, each with the number of its tests and of its approved tests (whole, by type)."""
    approved = test_cases.c.status == "Approved"
    by_type = [
        func.count(test_cases.c.test_id).filter(approved, test_cases.c.test_type == each).label(_type_label(each))
        for each in TEST_TYPES
    ]
    own = (
        (test_cases.c.project_id == endpoints.c.project_id)
        & (test_cases.c.endpoint_id == endpoints.c.endpoint_id)
        & ~test_cases.c.deleted
    )
    of = (endpoints.c.project_id, endpoints.c.endpoint_id, endpoints.c.method, endpoints.c.path)
    statement = (
        select(
            *of,
            func.count(test_cases.c.test_id).label("tests"),
            func.count(test_cases.c.test_id).filter(approved).label("approved"),
            *by_type,
        )
        .select_from(endpoints.outerjoin(test_cases, own))
        .where(endpoints.c.org_id == org_id, endpoints.c.removed_at.is_(None), endpoints.c.method.is_not(None))
        .group_by(*of)
    )
    if project_ids is not None:
        statement = statement.where(endpoints.c.project_id.in_(project_ids))
    return statement.cte("live")


def _type_label(test_type: str) -> str:
    return f"approved_{test_type.lower()}"


def counted(live: CTE) -> tuple[ColumnElement[Any], ColumnElement[Any], ColumnElement[Any]]:
    """Columns `total_endpoints`, `tested_endpoints` and `percentage` over rows of `live`."""
    total, tested = func.count(), func.count().filter(live.c.approved > 0)
    share = func.coalesce(percentage(tested, total), 0.0)
    return total.label("total_endpoints"), tested.label("tested_endpoints"), share.label("percentage")


def project_thresholds(connection: Connection, org_id: str, project_ids: Sequence[int]) -> dict[int, float]:
    """Coverage thresholds in percent, of the projects that are known and not deleted."""
    statement = select(projects.c.project_id, projects.c.coverage_threshold).where(
        projects.c.org_id == org_id, projects.c.project_id.in_(project_ids), ~projects.c.deleted
    )
    return {row.project_id: row.coverage_threshold for row in connection.execute(statement)}


def coverage_report(connection: Connection, org_id: str, project_id: int) -> Row:
    """Coverage of a project now: whole, by method, by test type, and the endpoints without an approved test.

    `warning` is true when the project has endpoints and their coverage is under its threshold.
    """
    live = live_endpoints(org_id, [project_id])
    whole = rows(connection, select(*counted(live)).select_from(live))[0]
    threshold = project_thresholds(connection, org_id, [project_id]).get(project_id, DEFAULT_THRESHOLD)
    return {
        "project_id": project_id,
        **whole,
        "threshold": threshold,
        "warning": whole["total_endpoints"] > 0 and whole["percentage"] < threshold,
        "by_method": by_method(connection, live),
        "by_test_type": by_test_type(connection, live),
        "untested": _untested(connection, live),
    }


def by_method(connection: Connection, live: CTE) -> list[Row]:
    """Coverage by HTTP method."""
    return rows(connection, select(live.c.method, *counted(live)).group_by(live.c.method).order_by(live.c.method))


def by_test_type(connection: Connection, live: CTE) -> list[Row]:
    """For each test type: endpoints with an approved test of it, their share, and the number of such tests."""
    columns: list[ColumnElement[Any]] = []
    for each in TEST_TYPES:
        approved = live.c[_type_label(each)]
        tested = func.count().filter(approved > 0)
        columns += [tested, func.coalesce(percentage(tested, func.count()), 0.0), func.coalesce(func.sum(approved), 0)]
    values = connection.execute(select(*columns).select_from(live)).one()
    return [
        {
            "test_type": each,
            "tested_endpoints": values[3 * i],
            "percentage": values[3 * i + 1],
            "tests": int(values[3 * i + 2]),
        }
        for i, each in enumerate(TEST_TYPES)
    ]


def _untested(connection: Connection, live: CTE) -> list[Row]:
    columns = (live.c.endpoint_id, live.c.method, live.c.path, live.c.tests.label("unapproved_tests"))
    statement = select(*columns).where(live.c.approved == 0).order_by(live.c.path, live.c.method, live.c.endpoint_id)
    return rows(connection, statement)


def run_coverage(connection: Connection, org_id: str, project_id: int, run_id: str) -> Row | None:
    """Which endpoints a run tested and which it skipped; None where the run is not known.

    An endpoint counts as tested when at least one of its tests was executed. Skipped are those with skipped tests
    only, and those that were there when the run was asked for but had no test in it.
    """
    mine = (runs.c.org_id == org_id, runs.c.project_id == project_id, runs.c.run_id == run_id)
    run = connection.execute(select(runs.c.status, runs.c.requested_at).where(*mine)).one_or_none()
    if run is None:
        return None
    each = rows(connection, _endpoints_of_run(org_id, project_id, run_id))
    tested = [row for row in each if row["executed"] > 0]
    skipped = [_skipped(row) for row in each if row["executed"] == 0]
    whole = {"total_endpoints": len(each), "tested_endpoints": len(tested), "skipped_endpoints": len(skipped)}
    share = 100.0 * len(tested) / len(each) if each else 0.0
    head = {"project_id": project_id, "run_id": run_id, "status": run.status}
    return {**head, **whole, "percentage": share, "tested": tested, "skipped": skipped}


def _skipped(row: Row) -> Row:
    reason = "every test was skipped" if row["skipped"] else "no test in this run"
    kept = {name: row[name] for name in ("endpoint_id", "method", "path")}
    return kept | {"reason": reason}


def _endpoints_of_run(org_id: str, project_id: int, run_id: str) -> Select[Any]:
    executed = results.c.status != "Skipped"
    outcomes = (
        select(
            results.c.endpoint_id,
            func.count().filter(executed).label("executed"),
            func.count().filter(results.c.status == "Passed").label("passed"),
            func.count().filter(results.c.status == "Failed").label("failed"),
            func.count().filter(results.c.status == "Healed").label("healed"),
            func.count().filter(~executed).label("skipped"),
        )
        .where(results.c.org_id == org_id, results.c.project_id == project_id, results.c.run_id == run_id)
        .group_by(results.c.endpoint_id)
        .subquery("outcomes")
    )
    names = ("executed", "passed", "failed", "healed", "skipped")
    counts = [func.coalesce(outcomes.c[name], 0).label(name) for name in names]
    requested = select(runs.c.requested_at).where(runs.c.project_id == project_id, runs.c.run_id == run_id)
    since = requested.scalar_subquery()
    there = (endpoints.c.discovered_at <= since) & or_(endpoints.c.removed_at.is_(None), endpoints.c.removed_at > since)
    joined = endpoints.outerjoin(outcomes, outcomes.c.endpoint_id == endpoints.c.endpoint_id)
    return (
        select(endpoints.c.endpoint_id, endpoints.c.method, endpoints.c.path, *counts)
        .select_from(joined)
        .where(endpoints.c.org_id == org_id, endpoints.c.project_id == project_id)
        .where(or_(outcomes.c.endpoint_id.is_not(None), there))
        .order_by(endpoints.c.path, endpoints.c.method, endpoints.c.endpoint_id)
    )


def pass_rate() -> ColumnElement[Any]:
    """Over rows of `runs`: passed and healed of the executed tests in percent; null where none was executed."""
    good = func.sum(runs.c.passed + runs.c.healed)
    return percentage(good, func.sum(runs.c.passed + runs.c.healed + runs.c.failed))


def healing_rate() -> ColumnElement[Any]:
    """Over rows of `runs`: healed of the tests whose healing was attempted in percent; null where none was.

    A run's attempts are at least its healed tests, however the two counts arrived.
    """
    attempts = func.greatest(func.coalesce(runs.c.healing_attempts, 0), func.coalesce(runs.c.healed, 0))
    return percentage(func.sum(runs.c.healed), func.sum(attempts))


def executed_tests() -> ColumnElement[Any]:
    """Over rows of `runs`: how many tests were executed (skipped ones are not)."""
    return func.coalesce(func.sum(runs.c.passed + runs.c.healed + runs.c.failed), 0)


def warned(share: ColumnElement[Any], total: ColumnElement[Any], threshold: ColumnElement[Any]) -> ColumnElement[Any]:
    """Whether a project's coverage is under its threshold."""
    return case((total > 0, share < threshold), else_=False)
