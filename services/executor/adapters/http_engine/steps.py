"""One step: build the request, send it, keep the evidence, judge the answer, extract from it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from services.executor.adapters.http_engine.answers import Answer
from services.executor.adapters.http_engine.assertions import judge
from services.executor.adapters.http_engine.auth import AuthMode, Credentials, credentials, secrets_of
from services.executor.adapters.http_engine.evidence import Masker
from services.executor.adapters.http_engine.json_paths import InvalidPath, compiled
from services.executor.adapters.http_engine.requests import Prepared, UnsendableRequest, prepare
from services.executor.adapters.http_engine.templates import UndefinedVariable, Variables
from services.executor.adapters.http_engine.transport import Sent, Transport
from services.executor.ports import Environment
from shared.contracts.executor import AssertionOutcome, Exchange
from shared.contracts.testcase import Extract, Step

CODES = {"timeout": "EXEC_001", "unreachable": "EXEC_002"}
_SETUP_LIMIT = 400


@dataclass(slots=True)
class Trace:
    """What one test execution has left so far."""

    variables: Variables
    deadline: float
    """On the clock of `time.monotonic`."""
    assertions: list[AssertionOutcome] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)
    answered: bool = False

    def remaining(self) -> float:
        return self.deadline - time.monotonic()


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a step did not succeed."""

    reason: str
    code: str | None = None


class StepRunner:
    """Performs steps against one environment."""

    def __init__(self, transport: Transport, environment: Environment, step_timeout_s: float) -> None:
        self._transport = transport
        self._environment = environment
        self._base = environment.base_url.rstrip("/")
        self._step_timeout_s = step_timeout_s
        self._identities: dict[AuthMode, Credentials] = {}
        self.masker = Masker(secrets_of(environment))

    async def perform(self, index: int, step: Step, trace: Trace) -> Failure | None:
        """None when the step succeeded."""
        try:
            request = self.prepare(step, trace.variables)
        except (UndefinedVariable, UnsendableRequest) as problem:
            return Failure(self.masker.value(str(problem)))
        sent = await self.send(request, trace)
        trace.exchanges.append(self.evidence(index, request, sent))
        if sent.answer is None:
            return Failure(self.masker.value(sent.error or ""), CODES.get(sent.problem or ""))
        trace.answered = True
        return self._judge(index, step, sent.answer, sent.duration_ms, trace)

    def prepare(self, step: Step, variables: Variables) -> Prepared:
        """Raises `UndefinedVariable` and `UnsendableRequest`."""
        return prepare(step.request, self._base, variables, self._identity)

    async def send(self, request: Prepared, trace: Trace) -> Sent:
        remaining = trace.remaining()
        if remaining <= 0:
            return Sent(None, 0.0, "timeout", "the test's time limit was reached before this step")
        return await self._transport.send(request, min(self._step_timeout_s, remaining))

    def evidence(self, index: int, request: Prepared, sent: Sent) -> Exchange:
        return self.masker.exchange(index, request, sent.answer, sent.duration_ms, sent.error)

    def _identity(self, mode: AuthMode) -> Credentials:
        found = self._identities.get(mode)
        if found is None:
            found = self._identities[mode] = credentials(self._environment, mode)
        return found

    def _judge(self, index: int, step: Step, answer: Answer, duration_ms: float, trace: Trace) -> Failure | None:
        outcomes = [
            judge(index, assertion, answer, duration_ms, trace.variables, self.masker) for assertion in step.assertions
        ]
        if step.role == "setup" and not step.assertions:
            outcomes.append(_setup_outcome(index, answer))
        extracted = [self._extract(index, extract, answer, trace.variables) for extract in step.extract]
        outcomes.extend(outcome for outcome in extracted if outcome is not None)
        trace.assertions.extend(outcomes)
        failed = next((outcome for outcome in outcomes if not outcome.passed), None)
        return None if failed is None else Failure(explain(failed))

    def _extract(self, index: int, extract: Extract, answer: Answer, variables: Variables) -> AssertionOutcome | None:
        """Sets the variable; an outcome only where that failed."""
        try:
            found = _taken(extract, answer)
        except (InvalidPath, ValueError) as problem:
            found, actual = [], f"no JSON: {problem}" if isinstance(problem, ValueError) else str(problem)
        else:
            actual = answer.text[:1200]
        if found:
            variables.set(extract.name, found[0])
            return None
        return AssertionOutcome(
            step=index,
            kind="extract",
            description=f"{extract.name} is taken from {extract.source} {extract.path}",
            passed=False,
            expected=f"a value at {extract.path}",
            actual=self.masker.value(self.masker.body(actual.encode("utf-8", "replace"))[0]),
        )


def _taken(extract: Extract, answer: Answer) -> list[object]:
    if extract.source == "status":
        return [answer.status]
    if extract.source == "header":
        return [answer.headers[extract.path]] if extract.path in answer.headers else []
    return list(compiled(extract.path).find(answer.json()))


def _setup_outcome(index: int, answer: Answer) -> AssertionOutcome:
    return AssertionOutcome(
        step=index,
        kind="status",
        description="the set-up step succeeds",
        passed=answer.status < _SETUP_LIMIT,
        expected="a status below 400",
        actual=str(answer.status),
    )


def explain(outcome: AssertionOutcome) -> str:
    """A failed outcome as one sentence."""
    return f"{outcome.description}: expected {outcome.expected}, got {outcome.actual}"
