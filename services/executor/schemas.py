"""Bodies of requests and answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from services.executor.application import RunRequest
from services.executor.domain import COLORS, pass_rate, spoken_duration
from services.executor.ports import AuthProfile, Environment
from shared.contracts.executor import AssertionOutcome, Exchange, ResultStatus, RunStatus
from shared.contracts.healer import Change

Url = Annotated[str, Field(max_length=2000, pattern=r"^https?://[^\s?#]+$", examples=["http://127.0.0.1:9000"])]
Names = Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=100)]
TestIds = Annotated[list[Annotated[str, Field(max_length=32)]], Field(min_length=1, max_length=10_000)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class EnvironmentIn(_Body):
    """Where and as whom. Stored encrypted; never shown again."""

    base_url: Annotated[Url | None, Field(description="By default the project's api_base_url.")] = None
    auth: AuthProfile = AuthProfile()
    other_auth: Annotated[AuthProfile | None, Field(description="The second identity, for authorization tests.")] = None
    headers: Annotated[dict[str, str], Field(max_length=50)] = {}
    variables: Annotated[dict[str, Any], Field(max_length=200)] = {}
    verify_tls: bool = True


class Filter(_Body):
    test_types: Names = []
    categories: Names = []


class RunCreate(_Body):
    """What to run, by default all approved test cases."""

    test_case_ids: TestIds | None = None
    environment: EnvironmentIn = EnvironmentIn()
    concurrency: Annotated[int, Field(ge=1, le=100, description="Tests at the same time.")] = 10
    time_limit_s: Annotated[float | None, Field(gt=0, le=86_400, description="Tests that are late are Skipped.")] = None
    healing: bool = True
    include: Filter = Filter()
    exclude: Filter = Filter()

    def request(self, project_id: int) -> RunRequest:
        given = self.environment.model_dump()
        options = self.model_dump(include={"concurrency", "time_limit_s", "healing", "include", "exclude"})
        environment = Environment.model_validate({**given, "base_url": given["base_url"] or ""})
        return RunRequest(project_id, environment, self.test_case_ids, options)


class HealingSummary(BaseModel):
    attempted: int
    healed: int
    healing_rate: Annotated[float | None, Field(description="Percent; null when nothing was attempted.")]


class RunOut(BaseModel):
    """A run. `progress` is percent of its tests; `pass_rate` percent of those executed (null when none was)."""

    id: str
    project_id: int
    status: RunStatus
    phase: Literal["requested", "planned", "healing", "ended"]
    status_color: str
    progress: int
    total: int
    passed: int
    failed: int
    skipped: int
    healed: int
    pass_rate: float | None
    duration: str
    duration_s: float
    base_url: str | None
    healing: bool
    self_healing_summary: HealingSummary
    requested_by: str
    requested_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    error_code: str | None
    error_message: str | None

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> RunOut:
        counts = {name.capitalize(): row[name] for name in ("passed", "failed", "skipped", "healed")}
        seconds = row["duration_s"]
        if seconds is None:
            seconds = (datetime.now(UTC) - (row["started_at"] or row["requested_at"])).total_seconds()
        attempted, healed = row["healing_attempted"], row["healed"]
        return cls.model_validate(
            {
                **row,
                "status_color": COLORS[row["status"]],
                "progress": _progress(row, sum(counts.values())),
                "pass_rate": pass_rate(counts),
                "duration": spoken_duration(seconds),
                "duration_s": round(seconds, 3),
                "healing": row["options"].get("healing", True),
                "self_healing_summary": HealingSummary(
                    attempted=attempted,
                    healed=healed,
                    healing_rate=round(100 * healed / attempted, 2) if attempted else None,
                ),
            }
        )


class ResultOut(BaseModel):
    """The outcome of one test, with what was sent, received and judged. Secrets are masked."""

    test_id: str
    endpoint_id: int
    title: str
    test_type: str
    category: str
    status: ResultStatus
    duration_s: float
    error_code: str | None
    error_message: str | None
    assertions: list[AssertionOutcome]
    exchanges: list[Exchange]
    metrics: dict[str, Any]
    healing_action: str | None
    changes: list[Change]
    recorded_at: datetime

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> ResultOut:
        empty: dict[str, Any] = {"assertions": [], "exchanges": [], "metrics": {}, "changes": [], "duration_s": 0.0}
        return cls.model_validate({**row, **{name: row[name] or value for name, value in empty.items()}})


def _progress(row: Mapping[str, Any], recorded: int) -> int:
    if row["phase"] == "ended":
        return 100
    return min(99, int(100 * recorded / row["total"])) if row["total"] else 0
