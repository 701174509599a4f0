"""A finished run as the platform tells it, put together for the reports."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from cli.client import Client
from cli.reports.model import (
    CoverageSummary,
    HealedChange,
    ReportedAssertion,
    ReportedStep,
    ReportedTest,
    RunReport,
    TrendPoint,
)
from cli.transport import Json


def report_of(
    client: Client, project_id: int, run_id: str, *, source: str = "", base_url: str = "", warnings: Sequence[str] = ()
) -> RunReport:
    """Everything about a run that has ended; waits until analytics has seen it."""
    coverage = client.settled_coverage(project_id, run_id)
    project, run = client.project(project_id), client.run(project_id, run_id)
    endpoints = {each["id"]: each for each in client.endpoints(project_id)}
    priorities = {each["id"]: each["priority"] for each in client.test_cases(project_id)}
    verdicts = {each["test_id"]: each for each in client.healing(project_id, run_id) if each.get("verdict")}
    results = [
        _test(result, endpoints.get(result["endpoint_id"]), priorities.get(result["test_id"], ""), verdicts)
        for result in client.results(project_id, run_id)
    ]
    return RunReport(
        title=str(project["name"]),
        source=source,
        base_url=base_url or str(project.get("api_base_url") or ""),
        started_at=_moment(run.get("started_at")),
        duration_s=float(run.get("duration_s") or 0.0),
        run_id=run_id,
        status=str(run["status"]),
        endpoints=len(endpoints),
        tests=len(results),
        **{name: int(run[name]) for name in ("passed", "failed", "skipped", "healed")},
        coverage=_coverage(coverage),
        results=tuple(sorted(results, key=lambda test: test.test_id)),
        trend=tuple(_trend(client.trends(project_id)["runs"])),
        warnings=tuple(warnings),
    )


def _moment(text: Any) -> datetime:
    if not text:
        return datetime.now(UTC)
    return datetime.fromisoformat(str(text))


def _coverage(coverage: Json) -> CoverageSummary:
    untested = tuple(f"{each['method']} {each['path']}" for each in coverage["untested"])
    return CoverageSummary(
        float(coverage["percentage"]), int(coverage["total_endpoints"]), int(coverage["tested_endpoints"]), untested
    )


def _trend(points: Iterable[Json]) -> Iterable[TrendPoint]:
    for point in points:
        yield TrendPoint(
            run_id=point["run_id"],
            at=_moment(point["finished_at"]),
            pass_rate=point["pass_rate"] or 0.0,
            coverage=point["coverage"] or 0.0,
            healing_rate=point["healing_rate"],
            duration_s=point["duration_s"] or 0.0,
        )


def _test(result: Json, endpoint: Json | None, priority: str, verdicts: dict[str, Json]) -> ReportedTest:
    operation = endpoint["operation"] if endpoint else {}
    source = operation.get("source") or {}
    red = result["status"] == "Failed"
    verdict = verdicts.get(result["test_id"], {}) if red else {}
    return ReportedTest(
        **{name: result.get(name) or "" for name in ("test_id", "title", "test_type", "category")},
        method=operation.get("method", ""),
        path=operation.get("path", ""),
        priority=priority,
        status=result["status"],
        duration_s=float(result.get("duration_s") or 0.0),
        reason=_reason(result),
        error_code=result.get("error_code"),
        curl=curl_of(result),
        source_file=source.get("file"),
        source_line=source.get("line"),
        steps=tuple(_step(exchange) for exchange in result.get("exchanges", ())),
        assertions=tuple(_assertion(outcome) for outcome in result.get("assertions", ())),
        healing=tuple(_change(change) for change in result.get("changes") or ()),
        verdict=verdict.get("verdict", ""),
        verdict_reason=verdict.get("reason", ""),
    )


def _reason(result: Json) -> str:
    if result["status"] in {"Passed", "Healed"}:
        return ""
    if result.get("error_message"):
        return str(result["error_message"])
    broken = [outcome for outcome in result.get("assertions", ()) if not outcome["passed"]]
    return "; ".join(_sentence(outcome) for outcome in broken)


def _sentence(outcome: Json) -> str:
    said = outcome.get("description") or outcome.get("kind", "assertion")
    if not outcome.get("expected") and not outcome.get("actual"):
        return str(said)
    return f"{said}: expected {outcome.get('expected')}, got {outcome.get('actual')}"


def _step(exchange: Json) -> ReportedStep:
    request, response = exchange["request"], exchange.get("response") or {}
    return ReportedStep(
        name=f"step {exchange['step'] + 1}",
        method=request["method"],
        url=request["url"],
        request_headers=request.get("headers") or {},
        request_body=request.get("body"),
        status=response.get("status"),
        response_headers=response.get("headers") or {},
        response_body=response.get("body"),
        duration_ms=float(exchange.get("duration_ms") or 0.0),
        error=exchange.get("error"),
    )


def _assertion(outcome: Json) -> ReportedAssertion:
    text = {name: str(outcome.get(name) or "") for name in ("expected", "actual")}
    return ReportedAssertion(
        str(outcome.get("description") or outcome.get("kind", "")), bool(outcome["passed"]), **text
    )


def _change(change: Json) -> HealedChange:
    return HealedChange(**{name: str(change[name]) for name in ("change_type", "old_value", "new_value", "reason")})


def curl_of(result: Json) -> str:
    """A line for a shell that sends the judged request again; empty where nothing was sent.

    The judged request is the one of the first failed assertion, else the last one that was sent.
    """
    exchanges = result.get("exchanges") or ()
    if not exchanges:
        return ""
    broken = {outcome["step"] for outcome in result.get("assertions", ()) if not outcome["passed"]}
    judged = next((each for each in exchanges if each["step"] in broken), exchanges[-1])
    request = judged["request"]
    words = ["curl", "-i", "-X", request["method"], request["url"]]
    for name, value in (request.get("headers") or {}).items():
        if name.lower() not in {"content-length", "host", "accept-encoding", "connection"}:
            words += ["-H", f"{name}: {value}"]
    if request.get("body"):
        words += ["--data-raw", request["body"]]
    return shlex.join(words)
