"""What a report shows: filled from the REST answers of a run, written by the writers beside this module.

Times are aware datetimes, durations seconds (`_s`) or milliseconds (`_ms`), percentages 0..100.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

ReportStatus = Literal["Passed", "Failed", "Skipped", "Healed"]


@dataclass(frozen=True)
class ReportedStep:
    """One request that a test sent, and what came back; `status` is None where nothing did."""

    name: str
    method: str
    url: str
    request_headers: dict[str, str]
    request_body: str | None
    status: int | None
    response_headers: dict[str, str]
    response_body: str | None
    duration_ms: float
    error: str | None = None


@dataclass(frozen=True)
class ReportedAssertion:
    description: str
    passed: bool
    expected: str = ""
    actual: str = ""
    kind: str = ""


@dataclass(frozen=True)
class HealedChange:
    """One edit of a healed test."""

    change_type: str
    old_value: str
    new_value: str
    reason: str


@dataclass(frozen=True)
class ReportedTest:
    """One test of the run.

    `curl` repeats the judged request, `answered` is the status that it got (None: no answer); `verdict` says why a red
    test was not healed.
    """

    test_id: str
    title: str
    method: str
    path: str
    test_type: str
    category: str
    priority: str
    status: ReportStatus
    duration_s: float
    reason: str = ""
    error_code: str | None = None
    curl: str = ""
    source_file: str | None = None
    source_line: int | None = None
    steps: tuple[ReportedStep, ...] = ()
    assertions: tuple[ReportedAssertion, ...] = ()
    healing: tuple[HealedChange, ...] = ()
    verdict: str = ""
    verdict_reason: str = ""
    answered: int | None = None


@dataclass(frozen=True)
class CoverageSummary:
    """`untested` names endpoints as `GET /path`."""

    percentage: float
    total: int
    tested: int
    untested: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrendPoint:
    """One run of the past; `healing_rate` is None where nothing was given to the healer."""

    run_id: str
    at: datetime
    pass_rate: float
    coverage: float
    healing_rate: float | None
    duration_s: float


@dataclass(frozen=True)
class RunReport:
    """A finished run of a project."""

    title: str
    source: str
    base_url: str
    started_at: datetime
    duration_s: float
    run_id: str
    status: str
    endpoints: int
    tests: int
    passed: int
    failed: int
    skipped: int
    healed: int
    coverage: CoverageSummary
    results: tuple[ReportedTest, ...]
    trend: tuple[TrendPoint, ...] = ()
    warnings: tuple[str, ...] = ()
    locked: tuple[str, ...] = ()
    """Ids of red tests that no more than lack credentials: none were given, and the endpoint refused every call."""

    @property
    def findings(self) -> tuple[ReportedTest, ...]:
        """The red tests but for the locked ones, the most important first."""
        locked = set(self.locked)
        red = (test for test in self.results if test.status == "Failed" and test.test_id not in locked)
        return tuple(sorted(red, key=_weight))

    @property
    def healed_tests(self) -> tuple[ReportedTest, ...]:
        return tuple(test for test in self.results if test.status == "Healed")

    @property
    def skipped_tests(self) -> tuple[ReportedTest, ...]:
        return tuple(test for test in self.results if test.status == "Skipped")


def _weight(test: ReportedTest) -> tuple[int, str]:
    return {"High": 0, "Medium": 1}.get(test.priority, 2), test.test_id
