"""Performance tests: a time budget for one call, a small load, and what happens above a documented rate limit."""

from collections.abc import Iterator

from services.generator.adapters.rules.chains import Arranged
from services.generator.adapters.rules.subject import Expected, Subject
from services.generator.domain.draft import Draft
from shared.contracts.testcase import Assertion, LoadAssertion, LoadProfile, StatusAssertion, TimeAssertion

_BUDGET_MS = 2_000.0
_LOAD = LoadProfile(requests=20, concurrency=4)
_BURST = LoadProfile(requests=40, concurrency=10)
_UNLOADED = frozenset({"POST", "PUT", "PATCH", "DELETE"})


def performance(subject: Subject) -> Iterator[Draft]:
    """Response time for every operation; load only where repeating a call changes nothing."""
    target = subject.target
    if target.ends_session:
        return
    arranged = subject.arrange("minimal")
    expected = subject.expected(arranged)
    budget = TimeAssertion(max_ms=_BUDGET_MS, description=f"The answer comes within {_BUDGET_MS:g} ms")
    # without a sure success only the time is judged: the functional tests judge the rest
    checks: list[Assertion] = [expected.assertion(), budget] if arranged.certain else [budget]
    yield subject.simple(
        arranged,
        f"{target.name} answers in time",
        f"Calls the operation once and expects the answer within {_BUDGET_MS:g} ms.",
        "response_time",
        checks,
        test_type="Performance",
        positive=expected.positive,
    )
    if target.method in _UNLOADED:
        return
    served = expected.statuses if arranged.certain else ("2XX", "3XX", "4XX", "5XX")
    share = LoadAssertion(max_error_rate=0.0, percentile=95, max_ms=_BUDGET_MS, description="No errors under load")
    yield subject.simple(
        arranged,
        f"{target.name} under a small load",
        f"Sends {_LOAD.requests} requests, {_LOAD.concurrency} at a time, and expects no errors and steady times.",
        "load",
        [StatusAssertion(one_of=(*served, "429"), description="Every answer is no error"), share],
        test_type="Performance",
        load=_LOAD,
    )
    if "429" in target.documented:
        yield _burst(subject, arranged, expected)


def _burst(subject: Subject, arranged: Arranged, expected: Expected) -> Draft:
    limited = StatusAssertion(one_of=(*expected.statuses, "429"), description="Served, or refused with 429")
    none = LoadAssertion(max_error_rate=0.0, description="Nothing but success and 429 in a burst")
    return subject.simple(
        arranged,
        f"{subject.target.name} in a burst",
        f"Sends {_BURST.requests} requests at once: above its rate limit the API answers 429, and never crashes.",
        "rate_limit",
        [limited, none],
        test_type="Performance",
        load=_BURST,
    )
