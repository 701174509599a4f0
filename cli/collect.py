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

_REFUSALS = frozenset({401, 403})
_MALFORMED = ("invalid", "injection", "edge")
"""Categories of tests that send what no client should."""


def report_of(
    client: Client,
    project_id: int,
    run_id: str,
    *,
    source: str = "",
    base_url: str = "",
    warnings: Sequence[str] = (),
    anonymous: bool = False,
) -> RunReport:
    """Everything about a run that has ended; waits until analytics has seen it.

    `anonymous`: the run had no credentials, so that endpoints which refuse every call are told once (`locked`).
    """
    coverage = client.settled_coverage(project_id, run_id)
    project, run = client.project(project_id), client.run(project_id, run_id)
    endpoints = {each["id"]: each for each in client.endpoints(project_id)}
    priorities = {each["id"]: each["priority"] for each in client.test_cases(project_id)}
    verdicts = {each["test_id"]: each for each in client.healing(project_id, run_id) if each.get("verdict")}
    results = [
        _test(result, endpoints.get(result["endpoint_id"]), priorities.get(result["test_id"], ""), verdicts)
        for result in client.results(project_id, run_id)
    ]
    locked = locked_tests(results) if anonymous else ()
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
        warnings=(*warnings, *_locked_note(results, locked)),
        locked=locked,
    )


def locked_tests(results: Sequence[ReportedTest]) -> tuple[str, ...]:
    """Ids of the red tests that were refused (401, 403) at endpoints where every call without credentials was.

    Many frameworks refuse a malformed request before they ask who sends it: such an answer does not open an endpoint.
    """
    answers: dict[tuple[str, str], list[ReportedTest]] = {}
    for test in results:
        if test.status != "Skipped" and not test.category.startswith("auth"):
            answers.setdefault((test.method, test.path), []).append(test)
    locked = (tests for tests in answers.values() if all(_is_refused(test) for test in tests))
    return tuple(sorted(test.test_id for tests in locked for test in tests if test.status == "Failed"))


def _is_refused(test: ReportedTest) -> bool:
    if test.answered in _REFUSALS:
        return True
    rejected = test.answered is not None and 400 <= test.answered < 500  # noqa: PLR2004 - client errors
    return rejected and test.status == "Passed" and test.category.startswith(_MALFORMED)


def _locked_note(results: Sequence[ReportedTest], locked: Sequence[str]) -> Iterable[str]:
    if not locked:
        return
    endpoints = {(test.method, test.path) for test in results if test.test_id in locked}
    yield (
        f"{len(endpoints)} endpoints answered every call with 401 or 403, and no credentials were given: "
        f"{len(locked)} of the failed tests say no more than that and are not listed as findings. Give "
        "--auth-bearer, --auth-basic, --auth-key or --header to test what is behind."
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
        answered=_answered(result),
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
        str(outcome.get("description") or outcome.get("kind", "")),
        bool(outcome["passed"]),
        kind=str(outcome.get("kind", "")),
        **text,
    )


def _change(change: Json) -> HealedChange:
    return HealedChange(**{name: str(change[name]) for name in ("change_type", "old_value", "new_value", "reason")})


def curl_of(result: Json) -> str:
    """A line for a shell that sends the judged request again; empty where nothing was sent."""
    judged = _judged(result)
    if judged is None:
        return ""
    request = judged["request"]
    words = ["curl", "-i", "-X", request["method"], request["url"]]
    for name, value in (request.get("headers") or {}).items():
        if name.lower() not in {"content-length", "host", "accept-encoding", "connection"}:
            words += ["-H", f"{name}: {value}"]
    if request.get("body"):
        words += ["--data-raw", request["body"]]
    return shlex.join(words)


def _judged(result: Json) -> Json | None:
    """The exchange of the first failed assertion, else the last one; None where nothing was sent."""
    exchanges = result.get("exchanges") or ()
    broken = {outcome["step"] for outcome in result.get("assertions", ()) if not outcome["passed"]}
    last = exchanges[-1] if exchanges else None
    return next((each for each in exchanges if each["step"] in broken), last)


def _answered(result: Json) -> int | None:
    status = ((_judged(result) or {}).get("response") or {}).get("status")
    return int(status) if status else None
