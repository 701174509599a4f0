"""What is one finding, and what is no finding without credentials."""

from dataclasses import replace

import pytest

from cli.collect import locked_tests
from cli.reports.findings import findings_of
from cli.reports.model import ReportedAssertion, ReportedTest
from tests.cli.report_samples import FINDING


def _red(number: int, answered: int, *, expected: str = "2XX", kind: str = "status", **fields: object) -> ReportedTest:
    check = ReportedAssertion(f"holds ({kind})", False, expected, str(answered), kind)
    plain = replace(FINDING, source_file=None, category="valid", assertions=(check,), answered=answered)
    return replace(plain, test_id=f"TC-{number:05d}", **fields)  # type: ignore[arg-type]


def _ids(*tests: ReportedTest) -> list[tuple[str, ...]]:
    return [finding.test_ids for finding in findings_of(tests)]


def test_a_server_error_is_one_finding_whatever_was_expected() -> None:
    assert _ids(_red(1, 500), _red(2, 500, expected="4XX"), _red(3, 500, kind="schema")) == [
        ("TC-00001", "TC-00002", "TC-00003")
    ]


def test_other_answers_differ_by_whether_success_was_expected() -> None:
    assert _ids(_red(1, 200, expected="4XX"), _red(2, 404), _red(3, 200, expected="400 or 422"), _red(4, 404)) == [
        ("TC-00001", "TC-00003"),
        ("TC-00002", "TC-00004"),
    ]


def test_a_check_of_the_body_is_a_cause_of_its_own() -> None:
    body = _red(2, 200, kind="json")
    assert _ids(_red(1, 200, expected="4XX"), body, replace(body, test_id="TC-00003")) == [
        ("TC-00001",),
        ("TC-00002", "TC-00003"),
    ]


def test_endpoints_are_apart_but_for_those_of_one_handler() -> None:
    get, put = _red(1, 500, method="GET"), _red(2, 500, method="PUT")
    assert len(findings_of((get, put))) == 2
    (finding,) = findings_of(replace(each, source_file="core.py", source_line=12) for each in (get, put))
    assert finding.endpoints == ("GET /members/{member_id}", "PUT /members/{member_id}")


def test_no_answer_is_told_apart_from_a_wrong_one() -> None:
    silent = _red(1, 0, error_code="EXEC_001")
    assert _ids(silent, _red(2, 500), replace(silent, test_id="TC-00003")) == [("TC-00001", "TC-00003"), ("TC-00002",)]


@pytest.mark.parametrize("status", [401, 403])
def test_an_endpoint_that_refuses_every_call_is_locked(status: int) -> None:
    refused = [_red(1, status), _red(2, status, expected="422"), _red(3, 200, category="auth_missing")]
    passed = replace(_red(4, status), status="Passed")
    assert locked_tests([*refused, passed]) == ("TC-00001", "TC-00002")


def test_a_malformed_request_that_is_rejected_before_authentication_opens_nothing() -> None:
    rejected = replace(_red(2, 422, category="invalid"), status="Passed")
    assert locked_tests([_red(1, 401), rejected]) == ("TC-00001",)
    assert locked_tests([_red(1, 401), replace(rejected, answered=200)]) == ()
    assert locked_tests([_red(1, 401), replace(rejected, category="not_found", answered=404)]) == ()


def test_an_endpoint_that_answers_any_call_is_not_locked() -> None:
    answered = replace(_red(2, 200), status="Passed")
    assert locked_tests([_red(1, 401), answered]) == ()
    assert locked_tests([_red(1, 401), replace(answered, path="/other")]) == ("TC-00001",)
