"""Reports to write in tests."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from cli.reports.model import (
    CoverageSummary,
    HealedChange,
    ReportedAssertion,
    ReportedStep,
    ReportedTest,
    RunReport,
    TrendPoint,
)

HOSTILE = "</script><img src=x onerror=alert(1)>&\"'\x00\x1b[31m{{ 7*7 }}"
START = datetime(2026, 11, 21, 13, 5, tzinfo=UTC)

_STEPS = (
    ReportedStep(
        "step 1",
        "POST",
        "http://127.0.0.1:8099/members",
        {"content-type": "application/json", "authorization": "Bearer ***"},
        '{"name": "Ada Lovelace", "email": "k2j4h5g6@example.org"}',
        201,
        {"content-type": "application/json"},
        '{"name":"Ada Lovelace","email":"k2j4h5g6@example.org","level":"standard","id":41,"joined_on":"2026-11-21"}',
        3.4,
    ),
    ReportedStep(
        "step 3",
        "GET",
        "http://127.0.0.1:8099/members/41",
        {"authorization": "Bearer ***"},
        None,
        200,
        {"content-type": "application/json", "date": "Sat, 21 Nov 2026 13:05:10 GMT"},
        '{"name":"Ada Lovelace","email":"k2j4h5g6@example.org","level":"standard","id":41,"joined_on":"2026-11-21"}',
        1.9,
    ),
)
FINDING = ReportedTest(
    "TC-00042",
    "PUT /members/{member_id}: what was written is read back",
    "PUT",
    "/members/{member_id}",
    "Functional",
    "state",
    "High",
    "Failed",
    0.021,
    reason="$.name equals what was sent: expected Grace Hopper, got Ada Lovelace",
    curl="curl -i -X GET http://127.0.0.1:8099/members/41 -H 'authorization: Bearer ***'",
    source_file="library_api/routers/members.py",
    source_line=39,
    steps=_STEPS,
    assertions=(
        ReportedAssertion("the status is 200", True),
        ReportedAssertion("$.name equals what was sent", False, "Grace Hopper", "Ada Lovelace"),
    ),
    verdict="regression",
    verdict_reason="The contract did not move, so there is nothing to heal: look at how the API behaves.",
)
_FIELD = HealedChange(
    "schema_change", "author", "creator", "the body of POST /books: `author` is `creator` now (contract revision 2)"
)
_PATH = HealedChange(
    "path_change", "GET /books/{book_id}/reviews", "GET /books/{book_id}/ratings", "the operation moved (revision 2)"
)


def sample_report() -> RunReport:
    """A run with a finding, healed tests and a past."""
    paths = ["GET /books", "POST /books", "GET /books/{book_id}", "PATCH /books/{book_id}", "GET /members/{member_id}"]
    paths += ["GET /auth/me", "DELETE /books/{book_id}"]
    passed = [_test(index, *path.split(" "), "Passed") for index, path in enumerate(paths * 3)]
    healed = [
        replace(_test(60 + index, "POST", "/books", "Healed"), healing=(_FIELD,) if index % 3 else (_FIELD, _PATH))
        for index in range(9)
    ]
    skipped = [replace(_test(80, "POST", "/loans", "Skipped"), reason="set-up: POST /loans answered 404")]
    trend = tuple(
        TrendPoint(f"run_{index + 1:05d}", START + timedelta(hours=index), rate, 60.0 + 5 * index, None, 1.2)
        for index, rate in enumerate([91.0, 100.0, 97.5, 98.9])
    )
    results = (FINDING, *passed, *healed, *skipped)
    return RunReport(
        "Lending library",
        "examples/library_api",
        "http://127.0.0.1:8099",
        START,
        4.13,
        "run_00004",
        "Failed",
        15,
        len(results),
        len(passed),
        1,
        1,
        len(healed),
        CoverageSummary(80.0, 10, 8, ("POST /auth/login", "POST /loans/{loan_id}/return")),
        results,
        trend,
    )


def hostile_report() -> RunReport:
    """Every text that comes from an API or its source tries to break out."""
    step = replace(
        _STEPS[0], url=HOSTILE, request_body=HOSTILE, response_body=HOSTILE, request_headers={HOSTILE: HOSTILE}
    )
    test = replace(
        FINDING,
        title=HOSTILE,
        path=HOSTILE,
        reason=HOSTILE,
        curl=HOSTILE,
        source_file=HOSTILE,
        category=HOSTILE,
        verdict_reason=HOSTILE,
        steps=(step,),
        assertions=(ReportedAssertion(HOSTILE, False, HOSTILE, HOSTILE),),
    )
    healed = replace(test, status="Healed", healing=(HealedChange("path_change", HOSTILE, HOSTILE, HOSTILE),))
    coverage = CoverageSummary(0, 1, 0, (HOSTILE,))
    return replace(
        sample_report(), title=HOSTILE, source=HOSTILE, results=(test, healed), coverage=coverage, warnings=(HOSTILE,)
    )


def _test(number: int, method: str, path: str, status: str) -> ReportedTest:
    title = f"{method} {path} answers as documented"
    return ReportedTest(f"TC-{number:05d}", title, method, path, "Functional", "valid", "Medium", status, 0.012)  # type: ignore[arg-type]
