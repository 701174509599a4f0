"""Projects side by side over the standard metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import CTE, Connection, func, select

from services.analytics.views.coverage import Row, executed_tests, healing_rate, pass_rate, rows
from services.analytics.views.dashboard import project_coverage
from services.analytics.views.tables import runs, test_cases

METRICS: dict[str, bool] = {
    "coverage": True,
    "pass_rate": True,
    "healing_rate": True,
    "average_duration_s": False,
    "total_endpoints": True,
    "approved_tests": True,
    "tests_executed": True,
}
"""The metrics compared, and whether more is better."""


def compare(connection: Connection, org_id: str, project_ids: Sequence[int]) -> Row:
    """Each project's metrics, its rank in each (1 is best, equals share a rank) and its distance from the mean.

    Projects that the organisation does not have are left out.
    """
    figures = _figures(org_id, project_ids)
    columns: list[Any] = []
    for name, more_is_better in METRICS.items():
        value = figures.c[name]
        order = value.desc().nulls_last() if more_is_better else value.asc().nulls_last()
        rank = func.rank().over(order_by=order).label(f"{name}_rank")
        columns += [value, rank, (value - func.avg(value).over()).label(f"{name}_difference")]
    statement = select(figures.c.project_id, figures.c.name, figures.c.warning, *columns)
    compared = [_nested(row) for row in rows(connection, statement.order_by(figures.c.project_id))]
    return {"metrics": list(METRICS), "projects": compared}


def _nested(row: Row) -> Row:
    metrics = {
        name: {
            "value": row[name],
            "rank": row[f"{name}_rank"] if row[name] is not None else None,
            "difference_from_mean": None if row[name] is None else float(row[f"{name}_difference"]),
        }
        for name in METRICS
    }
    return {"project_id": row["project_id"], "name": row["name"], "warning": row["warning"], "metrics": metrics}


def _figures(org_id: str, project_ids: Sequence[int]) -> CTE:
    each = project_coverage(org_id, project_ids)
    ran = (
        select(runs.c.project_id, executed_tests().label("tests_executed"))
        .add_columns(pass_rate().label("pass_rate"), healing_rate().label("healing_rate"))
        .add_columns(func.avg(runs.c.duration_s).label("average_duration_s"))
        .where(runs.c.org_id == org_id, runs.c.project_id.in_(project_ids))
        .group_by(runs.c.project_id)
        .cte("ran")
    )
    approved = (
        select(test_cases.c.project_id, func.count().label("approved_tests"))
        .where(test_cases.c.org_id == org_id, test_cases.c.project_id.in_(project_ids))
        .where(test_cases.c.status == "Approved", ~test_cases.c.deleted)
        .group_by(test_cases.c.project_id)
        .cte("approved")
    )
    joined = each.outerjoin(ran, ran.c.project_id == each.c.project_id)
    joined = joined.outerjoin(approved, approved.c.project_id == each.c.project_id)
    return (
        select(each.c.project_id, each.c.name, each.c.warning, each.c.percentage.label("coverage"))
        .add_columns(each.c.total_endpoints)
        .add_columns(ran.c.pass_rate, ran.c.healing_rate, ran.c.average_duration_s)
        .add_columns(func.coalesce(approved.c.approved_tests, 0).label("approved_tests"))
        .add_columns(func.coalesce(ran.c.tests_executed, 0).label("tests_executed"))
        .select_from(joined)
        .cte("figures")
    )
