"""The report on a terminal: findings first, then what healed, coverage and trend."""

from __future__ import annotations

import textwrap
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from cli.reports.findings import Finding, findings_of
from cli.reports.html import coverage_by_method, duration_text, healed_groups, skip_reasons
from cli.reports.model import RunReport

_MOST = 20
"""Findings, changes and endpoints listed; the files have them all."""
_CONTROL = dict.fromkeys([*range(9), *range(11, 32), *range(127, 160)], "�")
_NAMED = 3
"""Tests named for each contract change."""
_IDS = 12
"""Tests and endpoints named for each finding."""
_REASON = 180
_SPARKS = "▁▂▃▄▅▆▇█"


def write_terminal(report: RunReport, console: Console) -> None:
    """Prints the report."""
    findings = findings_of(report.findings)
    for finding in findings[:_MOST]:
        console.print(_finding(finding))
    if len(findings) > _MOST:
        rest = Text(f"… and {len(findings) - _MOST} more findings: --html and --json-report have them all", style="dim")
        console.print(rest)
    if report.healed:
        console.print(_healed(report))
    console.print(_coverage(report))
    if len(report.trend) > 1:
        console.print(_trend(report))
    for line in _skipped(report):
        console.print(line)
    for warning in report.warnings:
        console.print(_text(f"! {warning}", style="yellow"))
    if findings:
        count = len(report.findings)
        console.print(f"{_count(len(findings), 'finding')} in {_count(count, 'failed test')}", style="bold red")
    console.print(summary(report))


def summary(report: RunReport) -> Text:
    """One line: `84 passed · 5 healed · 1 failed · 0 skipped in 4.1 s`."""
    text = Text()
    parts = [("passed", report.passed, "green"), ("healed", report.healed, "magenta")]
    parts += [("failed", report.failed, "bold red"), ("skipped", report.skipped, "yellow")]
    for name, count, style in parts:
        text.append(f"{count} {name}", style=style if count else "dim")
        text.append("  ")
    return text.append(f"in {duration_text(report.duration_s)}", style="dim")


def _finding(finding: Finding) -> RenderableType:
    test = finding.first
    lines: list[RenderableType] = [_text(test.title, style="bold")]
    if test.reason:
        lines.append(_text(test.reason, style="red"))
    if finding.alike:
        named = ", ".join(finding.test_ids[:_IDS]) + (" …" if len(finding.test_ids) > _IDS else "")
        lines.append(_text(f"{_count(len(finding.tests), 'test')} fail alike: {named}"))
    if len(finding.endpoints) > 1:
        named = ", ".join(finding.endpoints[:_IDS]) + (" …" if len(finding.endpoints) > _IDS else "")
        lines.append(_text(f"{_count(len(finding.endpoints), 'endpoint')} with this handler: {named}"))
    if test.verdict_reason:
        lines.append(_text(f"Not healed: {test.verdict_reason}", style="dim"))
    if test.source_file:
        lines.append(_text(f"{test.source_file}:{test.source_line or 1}", style="dim"))
    if test.curl:
        lines.append(_text(test.curl, style="cyan", overflow="fold"))
    title = _text(f"✗ {test.method} {test.path}")
    subtitle = _text(
        " · ".join(part for part in (test.test_id, test.priority, *finding.categories) if part), style="dim"
    )
    return Panel(
        Group(*lines), title=title, title_align="left", subtitle=subtitle, subtitle_align="right", border_style="red"
    )


def _healed(report: RunReport) -> RenderableType:
    table = Table(title=f"Healed tests ({report.healed})", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for name, style in (("change", "dim"), ("was", "red"), ("is", "green"), ("tests", "")):
        table.add_column(name, style=style, overflow="fold")
    groups = healed_groups(report)
    for group in groups[:_MOST]:
        change = group.change
        kind = change.change_type.replace("_", " ")
        tests = f"{len(group.tests)}: " + ", ".join(test.test_id for test in group.tests[:_NAMED])
        more = "…" if len(group.tests) > _NAMED else ""
        table.add_row(*(_text(part) for part in (kind, change.old_value or "–", change.new_value or "–", tests + more)))
    return Padding(table, (1, 0))


def _coverage(report: RunReport) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    for item in coverage_by_method(report):
        filled = round(item.percentage / 5)
        table.add_row(
            item.method,
            Text("█" * filled, style="green") + Text("░" * (20 - filled), style="dim"),
            f"{item.tested}/{item.total}",
        )
    head = Text(f"Coverage {report.coverage.percentage:.0f} %", style="bold")
    head.append(f"  {report.coverage.tested} of {report.coverage.total} endpoints", style="not bold dim")
    untested = [_text(f"  untested: {endpoint}", style="yellow") for endpoint in report.coverage.untested[:_MOST]]
    return Padding(Group(head, table, *untested), (0, 0, 1, 0))


def _trend(report: RunReport) -> RenderableType:
    series = [("pass rate", [point.pass_rate for point in report.trend])]
    series.append(("coverage", [point.coverage for point in report.trend]))
    table = Table.grid(padding=(0, 2))
    for name, values in series:
        sparks = "".join(_SPARKS[min(7, int(value / 100 * 7.999))] for value in values[-40:])
        table.add_row(name, Text(sparks, style="cyan"), " → ".join(f"{value:.0f} %" for value in values[-4:]))
    return Padding(Group(Text(f"Trend of {len(report.trend)} runs", style="bold"), table), (0, 0, 1, 0))


def _skipped(report: RunReport) -> list[Text]:
    return [
        _text(f"{_count(count, 'test')} skipped: {textwrap.shorten(reason, _REASON, placeholder=' …')}", style="yellow")
        for reason, count in skip_reasons(report)[:_NAMED]
    ]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _text(text: str, **style: Any) -> Text:
    """Text from outside: its control characters must not reach the terminal."""
    return Text(text.translate(_CONTROL), **style)
