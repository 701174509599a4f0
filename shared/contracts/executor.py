"""What the executor tells the others."""

from typing import Any, ClassVar, Literal

from shared.contracts.base import Contract, ContractEvent, Query
from shared.contracts.testcase import TestDefinition

ResultStatus = Literal["Passed", "Failed", "Skipped", "Healed"]
RunStatus = Literal["Running", "Success", "Failed", "Partial", "Cancelled"]


class RecordedRequest(Contract):
    method: str
    url: str
    headers: dict[str, str] = {}
    body: str | None = None


class RecordedResponse(Contract):
    status: int
    headers: dict[str, str] = {}
    body: str | None = None
    truncated: bool = False


class Exchange(Contract):
    """One request and what came back; secrets are masked, long bodies cut."""

    step: int
    request: RecordedRequest
    response: RecordedResponse | None = None
    duration_ms: float = 0.0
    error: str | None = None


class AssertionOutcome(Contract):
    step: int
    kind: str
    description: str
    passed: bool
    expected: str = ""
    actual: str = ""


class TestResult(Contract):
    """The outcome of one test case in one run. `error_code`: EXEC_001 (time-out) or EXEC_002 (unreachable) if apt."""

    __test__ = False
    test_id: str
    endpoint_id: int
    title: str = ""
    test_type: str = ""
    category: str = ""
    status: ResultStatus
    duration_s: float = 0.0
    error_code: str | None = None
    error_message: str | None = None
    assertions: tuple[AssertionOutcome, ...] = ()
    exchanges: tuple[Exchange, ...] = ()
    metrics: dict[str, Any] = {}
    """Of a load profile: requests, errors, and p50/p95/p99 in ms."""


class ResultSummary(Contract):
    test_id: str
    endpoint_id: int
    test_type: str = ""
    status: ResultStatus
    duration_s: float = 0.0


class RunRequested(ContractEvent):
    name: ClassVar[str] = "executor.run_requested.v1"
    project_id: int
    run_id: str


class RunPlanned(ContractEvent):
    name: ClassVar[str] = "executor.run_planned.v1"
    project_id: int
    run_id: str
    total: int
    shards: int


class ResultsRecorded(ContractEvent):
    """A batch of results. A later batch may name a test again only to turn Failed into Healed."""

    name: ClassVar[str] = "executor.results_recorded.v1"
    project_id: int
    run_id: str
    results: tuple[ResultSummary, ...]


class ShardFinished(ContractEvent):
    name: ClassVar[str] = "executor.shard_finished.v1"
    project_id: int
    run_id: str
    shard: int


class HealingRequested(ContractEvent):
    """The run has failed tests; the healer may read them with `ListFailures` and must answer for every one."""

    name: ClassVar[str] = "executor.healing_requested.v1"
    project_id: int
    run_id: str
    failures: int


class RunFinished(ContractEvent):
    name: ClassVar[str] = "executor.run_finished.v1"
    project_id: int
    run_id: str
    status: RunStatus
    total: int
    passed: int
    failed: int
    skipped: int
    healed: int
    duration_s: float
    started_at: str
    completed_at: str
    error_code: str | None = None
    error_message: str | None = None


class Failure(Contract):
    definition: TestDefinition
    result: TestResult


class FailurePage(Contract):
    """Failed tests of a run by ascending test id; `next_after` is None on the last page."""

    failures: tuple[Failure, ...] = ()
    next_after: str | None = None


class ListFailures(Query):
    subject: ClassVar[str] = "executor.failures"
    reply: ClassVar[type[Contract]] = FailurePage
    run_id: str
    after: str = ""
    limit: int = 50
