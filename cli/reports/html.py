"""The report as one HTML file: no external parts, readable on a phone, in light and dark; all data escaped."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup, escape

from cli.reports.findings import findings_of
from cli.reports.model import HealedChange, ReportedTest, RunReport, TrendPoint

_MOST_EVIDENCE = 300
"""Findings shown with their evidence; a page of thousands would open nowhere."""
_ALIKE = 3
"""Further tests of a finding shown with their evidence."""
_TICKS = re.compile(r"`([^`]{1,200})`")
_CHART = (640, 160, 6)
"""Width, height and margin of the trend chart, in its own units."""


@dataclass(frozen=True)
class MethodCoverage:
    """Endpoints of one HTTP method."""

    method: str
    tested: int
    total: int

    @property
    def percentage(self) -> float:
        return 100.0 * self.tested / self.total if self.total else 0.0


@dataclass(frozen=True)
class HealedGroup:
    """Tests that were healed by the same contract change."""

    change: HealedChange
    tests: tuple[ReportedTest, ...]


@dataclass(frozen=True)
class Line:
    """One line of the trend chart: points as SVG wants them, and the last value."""

    name: str
    points: str
    dots: tuple[tuple[float, float, str], ...]
    last: float


def write_html(report: RunReport, path: Path) -> None:
    """Writes the report to `path`, folders included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html_text(report), encoding="utf-8")


def html_text(report: RunReport) -> str:
    environment = Environment(
        loader=PackageLoader("cli.reports", "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["duration"] = duration_text
    environment.filters["body"] = body_text
    environment.filters["ticks"] = ticks_as_code
    return environment.get_template("report.html.j2").render(
        report=report,
        findings=findings_of(report.findings),
        most_evidence=_MOST_EVIDENCE,
        most_alike=_ALIKE,
        skipped=skip_reasons(report),
        healed=healed_groups(report),
        methods=coverage_by_method(report),
        shares=_shares(report),
        lines=_lines(report.trend),
        chart=_CHART,
    )


def body_text(body: str) -> str:
    """A body as people read it: JSON with line breaks, anything else as it is."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):  # an answer may be nested as deep as it likes
        return body


def ticks_as_code(text: str) -> Markup:
    """Escaped text in which words between back ticks are set as code."""
    return Markup(_TICKS.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped just before


def healed_groups(report: RunReport) -> tuple[HealedGroup, ...]:
    """What moved, each with the tests that it broke; what broke most first."""
    found: dict[tuple[str, str, str], tuple[HealedChange, dict[str, ReportedTest]]] = {}
    for test in report.healed_tests:
        for change in test.healing:
            key = change.change_type, change.old_value, change.new_value
            found.setdefault(key, (change, {}))[1][test.test_id] = test
    groups = [HealedGroup(change, tuple(tests.values())) for change, tests in found.values()]
    return tuple(sorted(groups, key=lambda group: -len(group.tests)))


def skip_reasons(report: RunReport) -> tuple[tuple[str, int], ...]:
    """Why tests were skipped, on one line each, with the number of tests; the commonest first."""
    reasons = Counter(" ".join(test.reason.split()) or "no reason was given" for test in report.skipped_tests)
    return tuple(reasons.most_common())


def coverage_by_method(report: RunReport) -> tuple[MethodCoverage, ...]:
    """Tested and untested endpoints by method."""
    untested = Counter(endpoint.split(" ", 1)[0] for endpoint in report.coverage.untested)
    known = {(test.method, test.path) for test in report.results if test.method}
    tested = Counter(method for method, path in known if f"{method} {path}" not in report.coverage.untested)
    order = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    names = sorted(
        tested.keys() | untested.keys(),
        key=lambda name: (name not in order, name not in order or order.index(name), name),
    )
    return tuple(MethodCoverage(name, tested[name], tested[name] + untested[name]) for name in names)


def duration_text(seconds: float) -> str:
    """`0.42 s`, `12.3 s`, `3 min 05 s`."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    minutes, rest = divmod(int(seconds), 60)
    if not minutes:
        return f"{seconds:.1f} s"
    return f"{minutes} min {rest:02d} s"


def _shares(report: RunReport) -> list[tuple[str, int, float]]:
    counts = [
        ("failed", report.failed),
        ("healed", report.healed),
        ("passed", report.passed),
        ("skipped", report.skipped),
    ]
    total = max(1, sum(count for _, count in counts))
    return [(name, count, round(100.0 * count / total, 3)) for name, count in counts]


def _lines(trend: tuple[TrendPoint, ...]) -> tuple[Line, ...]:
    if len(trend) <= 1:
        return ()  # one point is no line
    series = {
        "Pass rate": [(index, point, point.pass_rate) for index, point in enumerate(trend)],
        "Coverage": [(index, point, point.coverage) for index, point in enumerate(trend)],
        "Healing rate": [
            (index, point, point.healing_rate) for index, point in enumerate(trend) if point.healing_rate is not None
        ],
    }
    return tuple(_line(name, values, len(trend)) for name, values in series.items() if values)


def _line(name: str, values: list[tuple[int, TrendPoint, float]], count: int) -> Line:
    width, height, margin = _CHART
    dots = tuple(
        (
            round(margin + (width - 2 * margin) * index / (count - 1), 1),
            round(height - margin - (height - 2 * margin) * value / 100.0, 1),
            f"{name} {value:.0f} % · {point.run_id}",
        )
        for index, point, value in values
    )
    return Line(name, " ".join(f"{x},{y}" for x, y, _ in dots), dots, values[-1][2])
