"""JUnit, JSON and SARIF: the report for machines."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import sarif_pydantic as sarif  # type: ignore[import-untyped]  # it has types and no py.typed marker
from junitparser import Failure, JUnitXml, Properties, Property, Skipped, TestCase, TestSuite

from cli.reports.findings import findings_of
from cli.reports.model import ReportedTest, RunReport

_XML_ILLEGAL = dict.fromkeys([*range(9), 11, 12, *range(14, 32), 65534, 65535], "�")
_LEVELS = {"High": sarif.Level.ERROR, "Medium": sarif.Level.WARNING}


def write_junit(report: RunReport, path: Path) -> None:
    """One suite for each test type; a healed test passes and says so in its properties."""
    document = JUnitXml(_xml(report.title))
    for test_type in sorted({test.test_type for test in report.results}):
        suite = TestSuite(_xml(test_type or "Tests"))
        suite.timestamp = report.started_at.isoformat()
        for test in report.results:
            if test.test_type == test_type:
                suite.add_testcase(_junit_case(test))
        suite.update_statistics()  # type: ignore[no-untyped-call]
        document.add_testsuite(suite)
    document.update_statistics()  # type: ignore[no-untyped-call]
    path.parent.mkdir(parents=True, exist_ok=True)
    document.write(str(path), pretty=True)


def json_text(report: RunReport) -> str:
    """The whole report; times in RFC 3339. `findings` are the failed tests by cause."""
    return json.dumps(document_of(report), default=_plain, indent=2, ensure_ascii=False)


def document_of(report: RunReport) -> dict[str, Any]:
    """The report as a JSON object, but for its times."""
    findings = [
        {"endpoints": finding.endpoints, "reason": finding.first.reason, "test_ids": finding.test_ids}
        for finding in findings_of(report.findings)
    ]
    return {"findings": findings, **asdict(report)}


def write_json(report: RunReport, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json_text(report) + "\n", encoding="utf-8")


def write_sarif(report: RunReport, path: Path) -> None:
    """SARIF 2.1.0: one result for each finding, at the handler's source where it is known."""
    path.parent.mkdir(parents=True, exist_ok=True)
    document = sarif_log(report).model_dump(by_alias=True, exclude_none=True, mode="json")
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def sarif_log(report: RunReport) -> sarif.Sarif:
    rules = sorted({_rule(test) for test in report.findings})
    driver = sarif.ToolDriver(
        name="TestGen",
        rules=[
            sarif.ReportingDescriptor(id=rule, name=rule, short_description=sarif.Message(text=_sentence(rule)))
            for rule in rules
        ],
    )
    run = sarif.Run(
        tool=sarif.Tool(driver=driver),
        results=[_sarif_result(test, rules.index(_rule(test))) for test in report.findings],
    )
    return sarif.Sarif(version="2.1.0", runs=[run])


def _junit_case(test: ReportedTest) -> TestCase:
    case = TestCase(_xml(f"{test.test_id} {test.title}"), _xml(f"{test.method} {test.path}"), test.duration_s)
    if test.status == "Failed":
        failure = Failure(_xml(test.reason), test.error_code or "AssertionError")
        failure.text = _xml(_details(test))
        case.result = [failure]
    elif test.status == "Skipped":
        case.result = [Skipped(_xml(test.reason))]
    elif test.status == "Healed":
        properties = Properties()  # type: ignore[no-untyped-call]
        for change in test.healing:
            healed = Property("healed", _xml(f"{change.old_value} -> {change.new_value}: {change.reason}"))
            properties.append(healed)  # type: ignore[no-untyped-call]
        case.append(properties)  # type: ignore[no-untyped-call]
    return case


def _details(test: ReportedTest) -> str:
    lines = [test.reason]
    lines += [
        f"- {check.description}: expected {check.expected}, got {check.actual}"
        for check in test.assertions
        if not check.passed
    ]
    for step in test.steps:
        lines.append(f"{step.method} {step.url} -> {step.status or step.error}")
        lines += [f"  {text[:2000]}" for text in (step.request_body, step.response_body) if text]
    return "\n".join([*lines, test.verdict_reason, test.curl]).strip()


def _sarif_result(test: ReportedTest, rule_index: int) -> sarif.Result:
    location = sarif.Location(
        physical_location=_physical(test),
        logical_locations=[sarif.LogicalLocation(fully_qualified_name=f"{test.method} {test.path}", kind="resource")],
    )
    return sarif.Result(
        rule_id=_rule(test),
        rule_index=rule_index,
        level=_LEVELS.get(test.priority, sarif.Level.NOTE),
        message=sarif.Message(text=f"{test.title}: {test.reason}" if test.reason else test.title),
        locations=[location],
        partial_fingerprints={"testgen/v1": f"{test.test_id}:{_rule(test)}"},
        properties={"curl": test.curl, "verdict": test.verdict_reason, "testId": test.test_id},
    )


def _physical(test: ReportedTest) -> sarif.PhysicalLocation | None:
    if not test.source_file:
        return None
    return sarif.PhysicalLocation(
        artifact_location=sarif.ArtifactLocation(uri=Path(test.source_file).as_posix()),
        region=sarif.Region(start_line=max(1, test.source_line or 1)),
    )


def _rule(test: ReportedTest) -> str:
    return "/".join(part.lower() for part in (test.test_type, test.category) if part) or "test"


def _sentence(rule: str) -> str:
    return f"A {rule.replace('/', ' test: ').replace('_', ' ')} does not hold"


def _xml(text: str) -> str:
    """Text without the characters that XML can't hold."""
    return text.translate(_XML_ILLEGAL)


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")
