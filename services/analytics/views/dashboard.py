"""Numbers over all projects of an organisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import CTE, Connection, and_, func, select

from services.analytics.views.coverage import (
    DEFAULT_THRESHOLD,
    Row,
    by_method,
    by_test_type,
    counted,
    executed_tests,
    healing_rate,
    live_endpoints,
    pass_rate,
    rows,
    warned,
)
from services.analytics.views.tables import endpoints, projects, runs, test_cases


def project_coverage(org_id: str, project_ids: Sequence[int] | None = None) -> CTE:
    """One row a project: name, threshold, `total_endpoints`, `tested_endpoints`, `percentage` and `warning`."""
    live = live_endpoints(org_id, project_ids)
    covered = select(live.c.project_id, *counted(live)).group_by(live.c.project_id).cte("covered")
    total, tested = func.coalesce(covered.c.total_endpoints, 0), func.coalesce(covered.c.tested_endpoints, 0)
    share = func.coalesce(covered.c.percentage, 0.0)
    threshold = func.coalesce(projects.c.coverage_threshold, DEFAULT_THRESHOLD)
    statement = (
        select(projects.c.project_id, projects.c.name, threshold.label("threshold"))
        .add_columns(total.label("total_endpoints"), tested.label("tested_endpoints"), share.label("percentage"))
        .add_columns(warned(share, total, threshold).label("warning"))
        .select_from(projects.outerjoin(covered, covered.c.project_id == projects.c.project_id))
        .where(projects.c.org_id == org_id, ~projects.c.deleted)
    )
    if project_ids is not None:
        statement = statement.where(projects.c.project_id.in_(project_ids))
    return statement.cte("per_project")


def dashboard(connection: Connection, org_id: str) -> Row:
    """Totals of the organisation. `average_coverage` is the mean over its projects that have endpoints.

    `rl_efficiency` stays null until tests are selected by reinforcement learning.
    """
    each = project_coverage(org_id)
    over_projects = select(
        func.count().label("total_projects"),
        func.coalesce(func.avg(each.c.percentage).filter(each.c.total_endpoints > 0), 0.0).label("average_coverage"),
        func.count().filter(each.c.warning).label("projects_under_threshold"),
    )
    totals = rows(connection, over_projects)[0]
    return {**totals, **_inventory(connection, org_id), **_runs(connection, org_id), "rl_efficiency": None}


def global_coverage(connection: Connection, org_id: str) -> Row:
    """Coverage of all endpoints of the organisation: whole, by method, by test type and by project."""
    live = live_endpoints(org_id, None)
    each = project_coverage(org_id)
    return {
        **rows(connection, select(*counted(live)).select_from(live))[0],
        "by_method": by_method(connection, live),
        "by_test_type": by_test_type(connection, live),
        "projects": rows(connection, select(each).order_by(each.c.project_id)),
    }


def _inventory(connection: Connection, org_id: str) -> dict[str, Any]:
    there = and_(endpoints.c.removed_at.is_(None), endpoints.c.method.is_not(None))
    approved = func.count().filter(test_cases.c.status == "Approved").label("approved_tests")
    needing = func.count().filter(test_cases.c.needs_review).label("tests_needing_review")
    tests = select(func.count().label("total_tests"), approved, needing)
    tests = tests.where(test_cases.c.org_id == org_id, ~test_cases.c.deleted)
    known = select(func.count().label("total_endpoints")).where(endpoints.c.org_id == org_id, there)
    return rows(connection, known)[0] | rows(connection, tests)[0]


def _runs(connection: Connection, org_id: str) -> dict[str, Any]:
    statement = select(
        func.count().label("total_runs"),
        func.count().filter(runs.c.status == "Running").label("active_runs"),
        executed_tests().label("tests_executed"),
        func.coalesce(func.sum(runs.c.healed), 0).label("tests_healed"),
        pass_rate().label("pass_rate"),
        healing_rate().label("healing_rate"),
        func.avg(runs.c.duration_s).label("average_duration_s"),
    ).where(runs.c.org_id == org_id)
    return rows(connection, statement)[0]
