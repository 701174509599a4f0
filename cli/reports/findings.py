"""Red tests put together by their cause: one defect is one finding, however many tests it breaks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

from cli.reports.model import ReportedTest


@dataclass(frozen=True)
class Finding:
    """Red tests that fail in the same way at the same handler (or endpoint, where the handler is not known)."""

    tests: tuple[ReportedTest, ...]
    """The most important first; it stands for the others."""

    @property
    def first(self) -> ReportedTest:
        return self.tests[0]

    @property
    def alike(self) -> tuple[ReportedTest, ...]:
        """The other tests."""
        return self.tests[1:]

    @property
    def endpoints(self) -> tuple[str, ...]:
        """As `GET /path`, each once."""
        return tuple(dict.fromkeys(f"{test.method} {test.path}" for test in self.tests))

    @property
    def categories(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(test.category for test in self.tests if test.category))

    @property
    def test_ids(self) -> tuple[str, ...]:
        return tuple(test.test_id for test in self.tests)


def findings_of(tests: Iterable[ReportedTest]) -> tuple[Finding, ...]:
    """The tests by cause, in the order in which the causes first appear."""
    groups: dict[tuple[object, ...], list[ReportedTest]] = {}
    for test in tests:
        groups.setdefault((*_place(test), *_cause(test)), []).append(test)
    return tuple(Finding(tuple(group)) for group in groups.values())


def _place(test: ReportedTest) -> tuple[object, ...]:
    if test.source_file and test.source_line:
        return test.source_file, test.source_line
    return test.method, test.path


def _cause(test: ReportedTest) -> tuple[object, ...]:
    """Server errors are one cause whatever was expected; other answers differ by whether success was expected."""
    broken = next((check for check in test.assertions if not check.passed), None)
    if test.error_code or broken is None:
        return "error", test.error_code or test.reason
    answered = test.answered or 0
    if answered >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return "answer", answered
    if broken.kind == "status" or answered >= HTTPStatus.BAD_REQUEST:
        return "answer", answered, broken.kind != "status" or broken.expected.startswith("2")
    return "check", broken.kind, broken.description
