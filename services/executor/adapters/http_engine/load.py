"""A load profile: one step sent many times by several clients (closed model), judged on the whole."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from services.executor.adapters.http_engine.answers import Answer
from services.executor.adapters.http_engine.assertions import judge, percentile, status_is
from services.executor.adapters.http_engine.requests import UnsendableRequest
from services.executor.adapters.http_engine.steps import CODES, Failure, StepRunner, Trace, explain
from services.executor.adapters.http_engine.templates import UndefinedVariable
from services.executor.adapters.http_engine.transport import Sent
from shared.contracts.executor import AssertionOutcome
from shared.contracts.testcase import LoadAssertion, LoadProfile, StatusAssertion, Step

_KEPT_ERRORS = 3


@dataclass(slots=True)
class _Tally:
    durations: list[float] = field(default_factory=list)
    errors: int = 0
    first: Answer | None = None
    first_ms: float = 0.0
    problem: str | None = None
    elapsed_s: float = 0.0


async def perform_load(
    runner: StepRunner, index: int, step: Step, profile: LoadProfile, trace: Trace
) -> tuple[Failure | None, dict[str, Any]]:
    """The failure, if any, and the metrics (times in ms)."""
    tally = _Tally()
    pending = iter(range(profile.requests))
    started = time.perf_counter()
    unsendable: Exception | None = None
    try:
        async with asyncio.TaskGroup() as clients:
            for _ in range(min(profile.concurrency, profile.requests)):
                clients.create_task(_client(runner, index, step, pending, trace, tally))
    except* (UndefinedVariable, UnsendableRequest) as problems:
        unsendable = problems.exceptions[0]
    if unsendable is not None:
        return Failure(runner.masker.value(str(unsendable))), {}
    tally.elapsed_s = time.perf_counter() - started
    metrics = _metrics(tally)
    return _verdict(runner, index, step, profile, trace, tally, metrics), metrics


async def _client(runner: StepRunner, index: int, step: Step, pending: Any, trace: Trace, tally: _Tally) -> None:
    accepted = [one.one_of for one in step.assertions if isinstance(one, StatusAssertion)]
    for _ in pending:
        if trace.remaining() <= 0:
            return
        request = runner.prepare(step, trace.variables)
        sent = await runner.send(request, trace)
        failed = sent.answer is None or not all(status_is(sent.answer.status, codes) for codes in accepted)
        if not tally.durations or (failed and tally.errors < _KEPT_ERRORS):
            trace.exchanges.append(runner.evidence(index, request, sent))
        _count(tally, sent, failed)


def _count(tally: _Tally, sent: Sent, failed: bool) -> None:
    tally.durations.append(sent.duration_ms)
    tally.errors += failed
    tally.problem = sent.problem or tally.problem
    if sent.answer is not None and tally.first is None:
        tally.first, tally.first_ms = sent.answer, sent.duration_ms


def _metrics(tally: _Tally) -> dict[str, Any]:
    ordered = sorted(tally.durations)
    count = len(ordered)
    return {
        "requests": count,
        "errors": tally.errors,
        "error_rate": round(tally.errors / count, 4) if count else 1.0,
        **{f"p{percent}": round(percentile(ordered, percent), 3) for percent in (50, 95, 99)},
        "max": round(percentile(ordered, 100), 3),
        "throughput": round(count / tally.elapsed_s, 1) if tally.elapsed_s else 0.0,
    }


def _verdict(
    runner: StepRunner,
    index: int,
    step: Step,
    profile: LoadProfile,
    trace: Trace,
    tally: _Tally,
    metrics: dict[str, Any],
) -> Failure | None:
    if tally.first is None:
        return Failure("no request of the load was answered", CODES.get(tally.problem or "timeout"))
    trace.answered = True
    outcomes = [
        judge(index, one, tally.first, tally.first_ms, trace.variables, runner.masker)
        for one in step.assertions
        if not isinstance(one, (StatusAssertion, LoadAssertion))
    ]
    loads = [one for one in step.assertions if isinstance(one, LoadAssertion)] or [LoadAssertion()]
    outcomes += [_load_outcome(index, one, sorted(tally.durations), metrics) for one in loads]
    trace.assertions.extend(outcomes)
    if len(tally.durations) < profile.requests:
        return Failure(f"time limit reached after {len(tally.durations)} of {profile.requests} requests", "EXEC_001")
    failed = next((outcome for outcome in outcomes if not outcome.passed), None)
    return None if failed is None else Failure(explain(failed))


def _load_outcome(
    index: int, assertion: LoadAssertion, ordered: list[float], metrics: dict[str, Any]
) -> AssertionOutcome:
    measured = percentile(ordered, assertion.percentile)
    expected = f"at most {assertion.max_error_rate:.1%} errors"
    in_time = True
    if assertion.max_ms is not None:
        in_time = measured <= assertion.max_ms
        expected += f" and p{assertion.percentile:g} of at most {assertion.max_ms:g} ms"
    actual = f"{metrics['error_rate']:.1%} errors of {metrics['requests']}"
    return AssertionOutcome(
        step=index,
        kind="load",
        description=assertion.description or "holds under load",
        passed=in_time and metrics["error_rate"] <= assertion.max_error_rate,
        expected=expected,
        actual=f"{actual}, p{assertion.percentile:g} {measured:.1f} ms",
    )
