"""What the routes answer. Percentages are 0..100, durations seconds; null where there is nothing to compute from."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel


class Covered(BaseModel):
    """Endpoints in all, and those with at least one approved test."""

    total_endpoints: int
    tested_endpoints: int
    percentage: float


class MethodCoverage(Covered):
    method: str


class TypeCoverage(BaseModel):
    """Endpoints with an approved test of the type, and how many such tests there are."""

    test_type: str
    tested_endpoints: int
    percentage: float
    tests: int


class UntestedEndpoint(BaseModel):
    endpoint_id: int
    method: str
    path: str
    unapproved_tests: int


class CoverageReport(Covered):
    """`warning`: the coverage is under the project's `threshold`."""

    project_id: int
    threshold: float
    warning: bool
    by_method: list[MethodCoverage]
    by_test_type: list[TypeCoverage]
    untested: list[UntestedEndpoint]
    as_of: datetime | None = None


class TestedEndpoint(BaseModel):
    """An endpoint and the outcomes of its tests in the run."""

    endpoint_id: int
    method: str | None
    path: str | None
    executed: int
    passed: int
    failed: int
    healed: int
    skipped: int


class SkippedEndpoint(BaseModel):
    endpoint_id: int
    method: str | None
    path: str | None
    reason: str


class RunCoverage(BaseModel):
    """The endpoints that a run tested and the ones that it skipped. `status` is the run's."""

    project_id: int
    run_id: str
    status: str | None
    total_endpoints: int
    tested_endpoints: int
    skipped_endpoints: int
    percentage: float
    tested: list[TestedEndpoint]
    skipped: list[SkippedEndpoint]


class RunPoint(BaseModel):
    """A finished run; `coverage` is the project's at its end."""

    run_id: str
    finished_at: datetime
    status: str
    pass_rate: float | None
    coverage: float | None
    healing_rate: float | None
    duration_s: float | None


class DayPoint(BaseModel):
    """A day (UTC); `coverage` at its end, `duration_s` the mean of its runs."""

    day: str
    runs: int
    pass_rate: float | None
    coverage: float | None
    healing_rate: float | None
    duration_s: float | None


class Trends(BaseModel):
    """From `since` (inclusive) to `until` (exclusive)."""

    project_id: int
    since: datetime
    until: datetime
    runs: list[RunPoint]
    days: list[DayPoint]
    as_of: datetime | None = None


class ProjectCoverage(Covered):
    project_id: int
    name: str | None
    threshold: float
    warning: bool


class GlobalCoverage(Covered):
    """All endpoints of the organisation."""

    by_method: list[MethodCoverage]
    by_test_type: list[TypeCoverage]
    projects: list[ProjectCoverage]


class Dashboard(BaseModel):
    """Totals over all projects of the organisation. `rl_efficiency` is null while no test is selected by learning."""

    total_projects: int
    average_coverage: float
    projects_under_threshold: int
    total_endpoints: int
    total_tests: int
    approved_tests: int
    tests_needing_review: int
    total_runs: int
    active_runs: int
    tests_executed: int
    tests_healed: int
    pass_rate: float | None
    healing_rate: float | None
    average_duration_s: float | None
    rl_efficiency: float | None


class MetricValue(BaseModel):
    """`rank` 1 is the best of the projects compared."""

    value: float | None
    rank: int | None
    difference_from_mean: float | None


class ComparedProject(BaseModel):
    project_id: int
    name: str | None
    warning: bool
    metrics: dict[str, MetricValue]


class Comparison(BaseModel):
    metrics: list[str]
    projects: list[ComparedProject]


class RlInsights(BaseModel):
    """What test selection by reinforcement learning gained: nothing while it is not in use."""

    project_id: int
    efficiency: float | None
    gains: list[dict[str, Any]]
    insights: list[str]
